"""The project's MLflow store: mlflow.db beside params.yaml, its one experiment, and what is found there."""

import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlparse

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from tinystories.errors import ModelError, TinyStoriesError
from tinystories.paths import Paths

TROUBLE: Final = (MlflowException, SQLAlchemyError)  # a database that is locked, broken or of another version

EXPERIMENT: Final = "tinystories"
MODEL: Final = "tinystories"  # in the model registry
CHAMPION: Final = "champion"
KEY_TAG: Final = "tinystories.fingerprint"
EXPERIMENT_TAG: Final = "dvc.experiment"


@dataclass(frozen=True)
class FoundRun:
    """A run of ours: its id, its name, DVC's name for it, the fingerprint of its model, and where its artifacts lie."""

    id: str
    name: str
    experiment: str  # DVC's; empty for a run of the project itself
    fingerprint: str
    artifacts: Path


def open_store(root: Path) -> Any:
    """A client of the store of the project in `root`; it makes the store if there is none."""
    return MlflowClient(tracking_uri=f"sqlite:///{Paths(root.resolve()).mlflow}")


@contextmanager
def trouble_is_ours(root: Path) -> Iterator[None]:
    """MLflow's troubles as one line of TinyStoriesError that says what to do."""
    try:
        yield
    except TROUBLE as error:
        raise TinyStoriesError(
            f"MLflow can't use {Paths(root).mlflow} ({reason(error)}): move it away and type tinystories runs sync"
        ) from None


def reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def find_run(root: Path, name: str) -> FoundRun | None:
    """The run that `name` means: runs:/ID, models:/NAME@ALIAS or models:/NAME/VERSION, a run's name or that of
    its DVC experiment, the beginning of its id or of its model's fingerprint. None where there is none.

    Raises TinyStoriesError where more than one is meant, or the store can't be used.
    """
    if not Paths(root).mlflow.is_file():
        return None
    with trouble_is_ours(root):
        client = open_store(root)
        experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            return None
        runs = [_found(run) for run in client.search_runs([experiment.experiment_id], max_results=5000)]
        if name.startswith("models:/"):
            version = registered(client, name)
            return next((run for run in runs if version is not None and run.id == version.run_id), None)
        wanted = name.removeprefix("runs:/").split("/")[0]
        meant = [run for run in runs if wanted in (run.id, run.name, run.experiment)]
        if not meant and re.fullmatch(r"[0-9a-f]{4,}", wanted):
            meant = [run for run in runs if run.id.startswith(wanted) or run.fingerprint.startswith(wanted)]
    if len(meant) > 1:
        raise TinyStoriesError(f"{name}: {len(meant)} runs in MLflow are called so; give more of the run's id")
    return meant[0] if meant else None


def registered(client: Any, address: str) -> Any | None:
    """The model version of models:/NAME@ALIAS or models:/NAME/VERSION; None where there is none."""
    parts = re.fullmatch(r"models:/([^/@]+)(?:@([^/]+)|/(\d+))", address)
    if parts is None:
        raise ModelError(f"{address}: expected models:/NAME@ALIAS, models:/NAME/VERSION or runs:/ID")
    try:
        if parts[2] is not None:
            return client.get_model_version_by_alias(parts[1], parts[2])
        return client.get_model_version(parts[1], parts[3])
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def local(uri: str) -> Path:
    """Where a file:// address of our store lies."""
    return Path(urllib.request.url2pathname(urlparse(uri).path))


def _found(run: Run) -> FoundRun:
    return FoundRun(
        run.info.run_id, run.info.run_name, run.data.tags.get(EXPERIMENT_TAG, ""), run.data.tags.get(KEY_TAG, ""),
        local(run.info.artifact_uri)
    )  # fmt: skip
