"""What the pipeline's files say about the current model: read by MLflow's view of it and by the summary."""

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tinystories import files
from tinystories.params import flat
from tinystories.paths import Paths

STATE_TAG: Final = "tinystories.files"
LOCK_TAG: Final = "dvc.lock"
VIEW: Final = 2  # raised when MLflow is to show more of the same files


@dataclass(frozen=True)
class RunFiles:
    """The files of one run.

    fingerprint: of what the model was trained from; one run in MLflow for each.
    made_from: the model folder's fingerprint.json.
    metrics: per stage, of those whose files are about this model.
    artifacts: name in MLflow -> (file or folder, fingerprint of its content).
    lock: of dvc.lock; null while a stage runs, because DVC writes it after the stage.
    """

    fingerprint: str
    made_from: Mapping[str, Any]
    metrics: Mapping[str, Mapping[str, Any]]
    curve: Path | None
    artifacts: Mapping[str, tuple[Path, str]]
    lock: str | None

    @property
    def state(self) -> str:
        """Of everything but dvc.lock: equal states show the same in MLflow."""
        shown = {name: content for name, (_, content) in self.artifacts.items()}
        curve = files.fingerprint(self.curve) if self.curve else None
        return files.fingerprint(json.dumps([VIEW, self.fingerprint, self.metrics, shown, curve], sort_keys=True))


def read_run(paths: Paths) -> RunFiles | None:
    """The files of the model in models/current; None where there is no model.

    Files about an earlier model (an evaluation not yet repeated, say) are left out.
    """
    stamp = paths.model / "fingerprint.json"
    if not (paths.model / "config.json").is_file() or not stamp.is_file():
        return None
    made_from = files.read_json(stamp)
    fingerprint = made_from["fingerprint"]
    metrics = {}
    for stage in ("extract", "validate", "split", "tokenize", "train", "evaluate"):
        file: Path = getattr(paths, f"{stage}_metrics")
        if file.is_file():
            metrics[stage] = files.read_json(file)
    if metrics.get("evaluate", {}).get("model", {}).get("fingerprint") != fingerprint:
        metrics.pop("evaluate", None)
    artifacts = {"model": (paths.model, files.fingerprint(fingerprint))}
    if "evaluate" in metrics and paths.evaluation.is_dir():
        artifacts["evaluation"] = (paths.evaluation, files.fingerprint(paths.evaluation))
        if paths.report_html.is_file() and fingerprint in paths.report_html.read_text(encoding="utf-8"):
            artifacts["report"] = (paths.report_html, files.fingerprint(paths.report_html))
    lock = paths.root / "dvc.lock"
    return RunFiles(
        fingerprint=fingerprint,
        made_from=made_from,
        metrics=metrics,
        curve=paths.curve if paths.curve.is_file() else None,
        artifacts=artifacts,
        lock=files.fingerprint(lock) if lock.is_file() and "DVC_STAGE" not in os.environ else None,
    )


def named_metrics(run: RunFiles) -> Iterator[tuple[str, float]]:
    """(name in MLflow, value) of every number in the run's metrics.

    Of the evaluation: likelihood's without a prefix, adherence/TAG for the rate of stories that were
    asked for the tag, everything else with its group; of the stages before training data/STAGE/...
    """
    for stage, values in run.metrics.items():
        for key, value in flat(values):
            if isinstance(value, int | float):
                yield _name(stage, key.split(".")), float(value)


def _name(stage: str, key: list[str]) -> str:
    if stage == "train":
        return "/".join(["training", *key])
    if stage != "evaluate":
        return "/".join(["data", stage, *key])
    if key[0] == "likelihood":
        return "/".join(key[1:])
    if key[0] == "adherence" and len(key) == 3:
        rate = "adherence" if key[2] == "requested" else key[2]
        return f"{rate}/{key[1]}"
    return "/".join(key)


def is_synced(store: Path, run: RunFiles) -> bool:
    """Whether the MLflow database at `store` shows the run as its files are now.

    Asks SQLite itself: MLflow takes seconds to import, and most times there is nothing to do.
    False for a database that can't be read that way.
    """
    if not store.is_file():
        return False
    query = (
        "select t.key, t.value from tags t join runs r on r.run_uuid = t.run_uuid "
        "where r.lifecycle_stage = 'active' and r.run_uuid in "
        "(select run_uuid from tags where key = 'tinystories.fingerprint' and value = ?)"
    )
    try:
        with closing(sqlite3.connect(f"{store.resolve().as_uri()}?mode=ro", uri=True)) as database:
            tags = dict(database.execute(query, (run.fingerprint,)).fetchall())
    except sqlite3.Error:
        return False
    return tags.get(STATE_TAG) == run.state and run.lock in (None, tags.get(LOCK_TAG))
