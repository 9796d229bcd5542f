"""What a name given to `compare` stands for: a folder, a project, a DVC experiment, a run in MLflow."""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from tinystories.commands.pipeline import store_root
from tinystories.errors import ModelError
from tinystories.files import read_json
from tinystories.paths import Paths
from tinystories.tracking.listing import ADDRESSES

STAMP: Final = "fingerprint.json"


@dataclass(frozen=True)
class Found:
    """A model and, where it has been evaluated, the folder with that. `model` fetches the folder when called."""

    name: str
    origin: str
    stamp: Mapping[str, Any]  # the model's fingerprint.json; empty where there is none
    model: Callable[[], Path]
    evaluation: Path | None


def find(name: str, paths: Paths, stack: ExitStack) -> Found:
    """What `name` stands for; files that must be fetched live as long as `stack`."""
    if name.startswith(ADDRESSES):
        found = _run(name, paths)
    elif Path(name).exists():
        found = _folder(name)
    else:
        found = _experiment(name, paths, stack) or _run(name, paths)
    if found is None and name.startswith(ADDRESSES):
        raise ModelError(f"{name}: MLflow has no such run or model; `mlflow ui` shows what there is")
    if found is None:
        raise ModelError(f"{name}: neither a folder, nor a DVC experiment or revision, nor a run in MLflow")
    return found


def _folder(name: str) -> Found:
    """A project's root stands for its current model, and its models/current has that project's evaluation."""
    path = Path(name).resolve()
    root = path if (path / "params.yaml").is_file() else path.parent.parent
    own = Paths(root)
    model = own.model if path == root else path
    if not (model / "config.json").is_file():
        raise ModelError(f"no model in {name}: name a model folder, or a project that has run")
    stamp = read_json(model / STAMP) if (model / STAMP).is_file() else {}
    evaluated = own.evaluate_metrics.is_file() and own.evaluation.is_dir() and model == own.model
    if evaluated:
        evaluated = read_json(own.evaluate_metrics)["model"]["fingerprint"] == stamp.get("fingerprint")
    origin = f"project {root.name}" if evaluated else "model folder"
    return Found(name, origin, stamp, lambda: model, own.evaluation if evaluated else None)


def _run(name: str, paths: Paths) -> Found | None:
    from tinystories.tracking.store import find_run

    run = find_run(store_root(paths.root), name)
    if run is None:
        return None
    model = run.artifacts / "model"
    if not (model / STAMP).is_file():
        raise ModelError(f"{name}: the run {run.name} has no model yet: train it to its end")
    evaluation = run.artifacts / "evaluation"
    return Found(
        name, f"MLflow run {run.name}", read_json(model / STAMP), lambda: model,
        evaluation if (evaluation / "stories.parquet").is_file() else None,
    )  # fmt: skip


def _experiment(name: str, paths: Paths, stack: ExitStack) -> Found | None:
    """A DVC experiment by its name, or any revision: what dvc.lock says there, from git and DVC's cache."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.scm import NoSCM, resolve_rev

    try:
        with Repo(str(paths.root)) as repo:
            if isinstance(repo.scm, NoSCM):
                return None
            revision = resolve_rev(repo.scm, name)
    except DvcException:
        return None
    files = _Revision(name, revision, paths, Path(stack.enter_context(_temporary())))
    stamp = files.json(f"models/current/{STAMP}")
    metrics = files.json("reports/metrics/evaluate.json")
    evaluated = metrics["model"]["fingerprint"] == stamp["fingerprint"]
    origin = f"DVC experiment or revision {revision[:7]}"
    return Found(
        name, origin, stamp, lambda: files.folder("models/current"),
        files.folder("reports/evaluation") if evaluated else None,
    )  # fmt: skip


def _temporary() -> AbstractContextManager[str]:
    return TemporaryDirectory(prefix="tinystories-compare-")


class _Revision:
    """Files of a revision, wherever they are: in git, or in DVC's cache or remote."""

    def __init__(self, name: str, revision: str, paths: Paths, to: Path) -> None:
        from dvc.api import DVCFileSystem

        self.name, self.to = name, to
        self.files = DVCFileSystem(str(paths.root), rev=revision)

    def json(self, path: str) -> Any:
        return json.loads(self._fetched(lambda: self.files.read_text(f"/{path}"), path))

    def folder(self, path: str) -> Path:
        to = self.to / path
        if not to.is_dir():
            to.parent.mkdir(parents=True, exist_ok=True)
            self._fetched(lambda: self.files.get(f"/{path}", str(to), recursive=True), path)
        return to

    def _fetched(self, fetch: Callable[[], Any], path: str) -> Any:
        from dvc.exceptions import DvcException

        try:
            return fetch()
        except (OSError, DvcException) as error:
            reason = " ".join(str(error).split())[:160]
            raise ModelError(f"{self.name}: no {path} at that revision, or not in DVC's cache ({reason})") from None
