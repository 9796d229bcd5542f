"""What runs a stage for a person: a bar on a terminal, a line at its end, and MLflow brought up to date."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from tinystories.errors import TinyStoriesError
from tinystories.params import Params
from tinystories.paths import Paths
from tinystories.runfiles import is_synced, read_run
from tinystories.summary import headline

PACED: Final = ("extract", "validate", "split", "tokenize")  # the stages that say how fast they are
TRACKED: Final = ("train", "evaluate", "report")  # the stages that change what MLflow shows

Say = Callable[[str], None]
Update = Callable[[int, int], None]


def store_root(root: Path) -> Path:
    """Where MLflow's store is: the project that DVC was started in, even if it works in a copy of it."""
    return Path(os.environ.get("DVC_ROOT") or root)


def run_stage(name: str, params: Params, paths: Paths, say: Say) -> dict[str, Any]:
    """Run a stage and return its metrics. Raises what the stage raises; trouble with MLflow is only said."""
    stage: Callable[..., dict[str, Any]] = import_module(f"tinystories.stages.{name}").run
    if name == "train" and os.environ.get("RANK", "0") != "0":  # torchrun: the first process speaks for all
        return stage(params, paths)
    started = time.monotonic()
    with bar(name) as update:
        if name == "train":
            metrics = _followed_training(params, paths, update, say)
        elif name == "evaluate":
            metrics = stage(params, paths, on_story=update)
        elif name in PACED:
            metrics = stage(params, paths, say=lambda message: say(f"{name}: {message}"))
        else:
            metrics = stage(params, paths)
    say(f"{name}: {headline(name, metrics)} [{time.monotonic() - started:.1f} s]")
    if name in TRACKED:
        try:
            sync_run(params, paths, say)
        except TinyStoriesError as error:
            say(f"{name}: {error}")
    return metrics


def sync_run(params: Params, paths: Paths, say: Say) -> None:
    """Bring MLflow up to date with the files; where it is, MLflow is not even imported."""
    store, run = store_root(paths.root), read_run(paths)
    if run is None:
        say("runs: no model in models/current yet; make repro trains one")
    elif not is_synced(Paths(store).mlflow, run):
        from tinystories.tracking.runs import sync

        sync(store, run, params)
        say(f"runs: MLflow shows the model {run.fingerprint}")


def _followed_training(params: Params, paths: Paths, update: Update, say: Say) -> dict[str, Any]:
    from tinystories.stages.train import provenance, run
    from tinystories.tracking.runs import live

    with live(store_root(paths.root), provenance(params, paths), params) as log:
        return run(params, paths, on_log=log, on_step=update, say=lambda message: say(f"train: {message}"))


@contextmanager
def bar(name: str) -> Iterator[Update]:
    """Yield what to call with (done, of how many); a bar is drawn on a terminal and nowhere else."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(name, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
