"""What `train --dry-run` says: what training takes, and what quality to expect where that has been measured.

The table beside this file is written by benchmarks/training/scaling.py: bits per byte of models of several sizes
after several budgets. An estimate is read off between its rows; outside of them, and for another recipe, there is none.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from tinystories.files import read_json
from tinystories.params import Params, flat
from tinystories.paths import Paths

MEASURED: Final = Path(__file__).with_name("scaling.json")
# what the table's models have in common; a schedule, a precision and a size are not among it
RECIPE: Final = (
    "tokenize.kind", "tokenize.vocab_size", "model.context", "model.positions", "model.norm", "model.norm_place",
    "model.activation", "model.bias", "model.tied", "model.dropout", "model.window", "requests.format",
    "requests.plain", "requests.controls", "requests.between", "requests.drop", "finetune.method",
    "train.batch_tokens", "train.optimizer", "train.lr", "train.lr_matrices",
    "train.lr_embeddings", "train.weight_decay",
)  # fmt: skip
BEYOND: Final = 1.25  # a size or a number of tokens this many times outside of the table is still near to it
LESS_TEXT: Final = 0.5  # share of the table's training text below which a model overfits sooner than those did
Row = Mapping[str, float]


def plan(params: Params, paths: Paths, measured: Path = MEASURED) -> dict[str, Any]:
    """The dry run of training, with `bits_per_byte` where an estimate can be given, and `estimate` on what grounds."""
    from tinystories.stages.train import dry_run

    found = dry_run(params, paths)
    return {**found, **estimate(params, found, read_json(measured) if measured.is_file() else None)}


def estimate(params: Params, found: Mapping[str, Any], table: Mapping[str, Any] | None) -> dict[str, Any]:
    """`found` is what dry_run says."""
    if table is None:
        return {"estimate": "none: the table of benchmarks/training/scaling.md has not been measured yet"}
    reason = _unlike(params, found, table)
    if reason is not None:
        return {"estimate": f"none: {reason}"}
    value = interpolated(table["rows"], found["parameters"], found["tokens"])
    if value is None:
        return {"estimate": "none: so many parameters and tokens are not near to what was measured"}
    many, when = len(table["rows"]), table["measured"]
    said = f"if these are TinyStories: held-out ones after {many} trainings ({when})"
    return {"bits_per_byte": round(value, 2), "estimate": said}


def settings(params: Params) -> dict[str, Any]:
    values = dict(flat(params.model_dump()))
    return {name: values[name] for name in RECIPE}


def _unlike(params: Params, found: Mapping[str, Any], table: Mapping[str, Any]) -> str | None:
    """Why the table says nothing about this training; None if it does."""
    if params.source.kind == "sample":
        return "TinyStories were measured, and the sample is other text"
    own = settings(params)
    for name, value in table["settings"].items():
        if own[name] != value:
            return f"measured with {name}: {value}, and here it is {own[name]}"
    # epochs are rounded to two digits
    text, there = found["tokens"] / max(found["epochs"], 0.005), min(row["train_tokens"] for row in table["rows"])
    if text < LESS_TEXT * there:
        return f"{there:,} tokens of text were trained on, and here there are {text:,.0f}"
    return None


def interpolated(rows: Sequence[Row], parameters: float, tokens: float) -> float | None:
    """Bits per byte of a model of so many parameters after so many tokens; None if `rows` have nothing near.

    Linear in the logarithms of both: between budgets of each size, then between the two sizes next to `parameters`.
    """
    by_size: dict[float, list[tuple[float, float]]] = {}
    for row in rows:
        by_size.setdefault(row["parameters"], []).append((row["tokens"], row["bits_per_byte"]))
    at = {size: _between(sorted(points), tokens) for size, points in by_size.items()}
    known = sorted((size, value) for size, value in at.items() if value is not None)
    return _between(known, parameters)


def _between(points: Sequence[tuple[float, float]], x: float) -> float | None:
    """The value at `x` on the line through `points` (by x, its logarithm counts); None beyond them."""
    if not points or not points[0][0] / BEYOND <= x <= points[-1][0] * BEYOND:
        return None
    x = min(max(x, points[0][0]), points[-1][0])
    for (left, low), (right, high) in pairwise(points):
        if left <= x <= right:
            return low + (high - low) * math.log(x / left) / math.log(right / left)
    return points[0][1]
