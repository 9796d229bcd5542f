"""A run in MLflow for each trained model: live while it trains, and made to show what the files say."""

import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunTag, ViewType
from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_ARTIFACTS, MLFLOW_RUN_NOTE

from tinystories.files import write_json
from tinystories.params import Params, flat
from tinystories.runfiles import LOCK_TAG, STATE_TAG, RunFiles, named_metrics
from tinystories.tracking.shown import about, dataset, note, run_name, sample_stories
from tinystories.tracking.store import EXPERIMENT, EXPERIMENT_TAG, KEY_TAG, TROUBLE, open_store, reason, trouble_is_ours

ARTIFACTS_TAG: Final = "tinystories.artifacts"
TABLE: Final = "stories.json"  # in MLflow: sample stories, in the layout of its tables

Log = Callable[[int, dict[str, float]], None]


@contextmanager
def live(store: Path, made_from: Mapping[str, Any], params: Params) -> Iterator[Log]:
    """Show a training run while it runs; yields what train calls with (step, {name: value}).

    `store` is the project whose mlflow.db is written, `made_from` what fingerprint.json will say.
    Steps that a run interrupted earlier has logged are not sent again. Trouble with MLflow is told
    once on stderr and never stops training.
    """
    writer = _Live(store, made_from, params)
    writer.begin()
    status = "FAILED"
    try:
        yield writer.log
        status = "FINISHED"
    except (SystemExit, KeyboardInterrupt):
        status = "KILLED"
        raise
    finally:
        writer.end(status)


class _Live:
    def __init__(self, store: Path, made_from: Mapping[str, Any], params: Params) -> None:
        self.store, self.made_from, self.params = store, made_from, params
        self.client: Any = None
        self.run_id = ""
        self.last: dict[str, int] = {}

    def begin(self) -> None:
        try:
            client = open_store(self.store)
            run = _find_or_create(client, self.store, self.made_from, self.params)
            client.update_run(run.info.run_id, status="RUNNING")
            self.last = {name: _last_step(client, run, name) for name in run.data.metrics}
            self.client, self.run_id = client, run.info.run_id
        except TROUBLE as error:
            self._give_up(error)

    def log(self, step: int, values: dict[str, float]) -> None:
        new = {name: value for name, value in values.items() if step > self.last.get(name, -1)}
        if self.client is None or not new:
            return
        now = _now()
        try:
            self.client.log_batch(self.run_id, metrics=[Metric(name, value, now, step) for name, value in new.items()])
        except TROUBLE as error:
            self._give_up(error)
        self.last |= dict.fromkeys(new, step)

    def end(self, status: str) -> None:
        if self.client is None:
            return
        try:
            self.client.set_terminated(self.run_id, status)
        except TROUBLE as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self.client = None
        print(f"MLflow does not follow this run ({reason(error)}); later: tinystories runs sync", file=sys.stderr)


def sync(store: Path, run: RunFiles, params: Params) -> str:
    """Make the run in `store`'s mlflow.db show what the files of `run` say; returns its run id.

    Idempotent: sends only steps beyond the last one there, metrics whose value differs and
    artifacts whose content differs. What the model was trained by is read from its folder; `params`
    says what it was evaluated by. Raises TinyStoriesError where the database can't be used.
    """
    with trouble_is_ours(store):
        return _sync(store, run, params)


def _sync(store: Path, run: RunFiles, params: Params) -> str:
    client = open_store(store)
    there = _find_or_create(client, store, run.made_from, params)
    run_id = there.info.run_id
    if there.data.tags.get(STATE_TAG) != run.state:
        now = _now()
        metrics = [Metric(name, value, now, 0) for name, value in named_metrics(run)]
        changed = [metric for metric in metrics if there.data.metrics.get(metric.key) != metric.value]
        for batch in _batches([*changed, *_curve(client, there, run.curve, now)]):
            client.log_batch(run_id, metrics=batch)
        _send_artifacts(client, there, run)
        _set_tags(client, there, _evaluated_by(params) if "evaluate" in run.metrics else {})
        _set_tags(client, there, {**about(run), MLFLOW_RUN_NOTE: note(run)})
        _show_data(client, there, run)
    _set_tags(client, there, {LOCK_TAG: run.lock} if run.lock else {})
    _set_tags(client, there, {STATE_TAG: run.state})  # last: the rest is there
    if there.info.status != "FINISHED":
        client.set_terminated(run_id, "FINISHED")
    return str(run_id)


def _find_or_create(client: Any, store: Path, made_from: Mapping[str, Any], params: Params) -> Run:
    fingerprint = made_from["fingerprint"]
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        location = (store.resolve() / "mlartifacts" / EXPERIMENT).as_uri()
        experiment_id = client.create_experiment(EXPERIMENT, artifact_location=location)
    else:
        experiment_id = experiment.experiment_id
    found = client.search_runs(
        [experiment_id], f"tags.`{KEY_TAG}` = '{fingerprint}'", run_view_type=ViewType.ACTIVE_ONLY, max_results=1
    )
    if found:
        return found[0]
    tags = {KEY_TAG: fingerprint, **_origin(store, params)}
    run = client.create_run(experiment_id, tags=tags, run_name=run_name(made_from))
    values = flat(made_from["made_from"])
    entries = [Param(key, value if isinstance(value, str) else json.dumps(value)) for key, value in values]
    client.log_batch(run.info.run_id, params=entries)
    return client.get_run(run.info.run_id)


def _origin(store: Path, params: Params) -> dict[str, str]:
    """Where the run comes from: the data, the groups of parameters, the commit, the experiment."""
    source = {"sample": "sample", "files": params.source.path, "hub": str(params.source.dataset)}[params.source.kind]
    tags = {"preset": params.preset, "scale": params.scale, "source": source}
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=store, capture_output=True, text=True, check=False)
    if commit.returncode == 0:
        tags["mlflow.source.git.commit"] = commit.stdout.strip()
    if experiment := os.environ.get("DVC_EXP_NAME"):
        tags[EXPERIMENT_TAG] = experiment
    return tags


def _evaluated_by(params: Params) -> dict[str, str]:
    return {f"evaluate.{key}": str(value) for key, value in params.evaluate.model_dump().items()}


def _set_tags(client: Any, run: Run, tags: Mapping[str, str]) -> None:
    new = [RunTag(key, value) for key, value in tags.items() if run.data.tags.get(key) != value]
    if new:
        client.log_batch(run.info.run_id, tags=new)


def _curve(client: Any, run: Run, file: Path | None, now: int) -> Iterator[Metric]:
    """The rows of curve.csv beyond the last step that is there, column by column; empty cells left out."""
    if file is None:
        return
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for name in (column for column in (rows[0] if rows else ()) if column != "step"):
        last = _last_step(client, run, name) if name in run.data.metrics else -1
        for row in rows:
            if row[name] and int(row["step"]) > last:
                yield Metric(name, float(row[name]), now, int(row["step"]))


def _last_step(client: Any, run: Run, name: str) -> int:
    steps: list[int] = [metric.step for metric in client.get_metric_history(run.info.run_id, name)]
    return max(steps)


def _send_artifacts(client: Any, run: Run, files: RunFiles) -> None:
    there: dict[str, str] = json.loads(run.data.tags.get(ARTIFACTS_TAG, "{}"))
    for name, (path, content) in files.artifacts.items():
        if there.get(name) == content:
            continue
        if path.is_dir():
            client.log_artifacts(run.info.run_id, str(path), name)
        else:
            client.log_artifact(run.info.run_id, str(path), name)
        there[name] = content
    evaluation, content = files.artifacts.get("evaluation", (None, ""))
    if evaluation is not None and there.get(TABLE) != content:
        _send_table(client, run, sample_stories(evaluation))
        there[TABLE] = content
    _set_tags(client, run, {ARTIFACTS_TAG: json.dumps(there, sort_keys=True)})


def _send_table(client: Any, run: Run, table: Mapping[str, Any]) -> None:
    """As MlflowClient.log_table does, which would append to what is there."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / TABLE
        write_json(file, table)
        client.log_artifact(run.info.run_id, str(file))
    _set_tags(client, run, {MLFLOW_LOGGED_ARTIFACTS: json.dumps([{"path": TABLE, "type": "table"}])})


def _show_data(client: Any, run: Run, files: RunFiles) -> None:
    """The training stories as the run's data set, which MLflow shows in its table of runs."""
    data = dataset(files, run.data.tags.get("source", ""))
    if data is None or any(one.dataset.digest == data["digest"] for one in run.inputs.dataset_inputs):
        return
    tag = InputTag("mlflow.data.context", "training")
    client.log_inputs(run.info.run_id, datasets=[DatasetInput(Dataset(**data), [tag])])


def _batches(metrics: list[Metric]) -> Iterator[list[Metric]]:
    """MLflow takes at most 1,000 metrics at once."""
    for start in range(0, len(metrics), 1000):
        yield metrics[start : start + 1000]


def _now() -> int:
    return int(time.time() * 1000)
