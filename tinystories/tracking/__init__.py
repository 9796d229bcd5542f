"""MLflow: a view of the pipeline's files, one run for each trained model. The only package that imports it."""

import os

# before MLflow is imported anywhere: it tells nobody, and draws nothing between a command's own lines
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
