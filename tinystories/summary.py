"""The pipeline in a few lines: what each stage ends with, and what `make repro` ends with."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tinystories import files
from tinystories.errors import TinyStoriesError
from tinystories.params import flat
from tinystories.paths import Paths

HEADLINE: Final[Mapping[str, tuple[str, ...]]] = {
    "extract": ("stories", "partitions.train", "partitions.validation", "partitions.test"),
    "validate": ("kept", "bad", "duplicates"),
    "split": ("stories", "infillable", "tagged"),
    "tokenize": ("vocab_size", "bytes_per_token"),
    "train": ("parameters", "steps", "epochs", "train_loss", "validation_loss"),
    "evaluate": ("likelihood.nats_per_story", "likelihood.bits_per_byte", "completion.share"),
    "report": ("off", "unclear", "passed"),
}
ON_TRAINING: Final = ("dvc.lock", "reports/")  # what may differ on another kind of machine


def headline(stage: str, metrics: Mapping[str, Any]) -> str:
    """The main figures of a stage's metrics, on one line."""
    values = dict(flat(metrics))
    return ", ".join(f"{key.split('.')[-1]} {_figure(values[key])}" for key in HEADLINE[stage] if key in values)


def headlines(paths: Paths) -> dict[str, dict[str, Any]]:
    """Per stage that has run, the main figures by their keys in its metrics file."""
    found = {}
    for stage, keys in HEADLINE.items():
        file: Path | None = getattr(paths, f"{stage}_metrics", None)
        if file is not None and file.is_file():
            values = dict(flat(files.read_json(file)))
            found[stage] = {key: values[key] for key in keys if key in values}
    return found


def text(paths: Paths) -> str:
    """Main metrics, where the report is, and three commands worth typing.

    Raises TinyStoriesError where the pipeline has not run.
    """
    if not paths.evaluate_metrics.is_file():
        raise TinyStoriesError(f"no {paths.evaluate_metrics.relative_to(paths.root)} yet: type make repro")
    lines = [f"{stage:<10} {headline(stage, _metrics(paths, stage))}" for stage in headlines(paths)]
    lines += [*_baselines(_metrics(paths, "evaluate")), *_adherence(_metrics(paths, "evaluate"))]
    if note := _differs(paths.root):
        lines += ["", note]
    bin_ = "" if os.environ.get("VIRTUAL_ENV") == sys.prefix else f"{_shown(Path(sys.prefix) / 'bin', paths.root)}/"
    lines += [
        "",
        f"report     {paths.report_html}",
        f"next       {bin_}tinystories generate --tag Twist --count 3",
        f"           {bin_}mlflow ui",
        f"           {bin_}dvc exp run -S train.steps=2400",
    ]
    return "\n".join(lines)


def _metrics(paths: Paths, stage: str) -> Mapping[str, Any]:
    metrics: Mapping[str, Any] = files.read_json(getattr(paths, f"{stage}_metrics"))
    return metrics


def _baselines(evaluate: Mapping[str, Any]) -> Iterator[str]:
    values = [
        f"{name} {_figure(baseline['bits_per_byte'])}" for name, baseline in evaluate.get("baselines", {}).items()
    ]
    if values:
        yield f"{'baselines':<10} bits per byte: {', '.join(values)}"


def _adherence(evaluate: Mapping[str, Any]) -> Iterator[str]:
    values = [
        f"{tag} {_figure(rates['requested'])} ({_figure(rates['unconditional'])})"
        for tag, rates in evaluate.get("adherence", {}).items()
    ]
    if values:
        yield f"{'tags':<10} asked for (and not): {', '.join(values)}"


def _differs(root: Path) -> str | None:
    """One line where results differ from the committed ones although nothing else was changed."""
    status = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=no"], cwd=root, capture_output=True, text=True, check=False
    )
    changed = [line[3:] for line in status.stdout.splitlines()]
    if not changed or not all(name.startswith(ON_TRAINING) for name in changed):
        return None
    return (
        "dvc.lock and metrics differ from the committed ones with the same code and parameters: another kind of "
        "machine rounds differently from train on, which is expected"
    )


def _figure(value: Any) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def _shown(path: Path, root: Path) -> Path:
    return path.relative_to(root) if path.is_relative_to(root) else path
