"""The files that the report is made of, and numbers that remember which file and key they come from."""

import csv
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tinystories.errors import TinyStoriesError
from tinystories.files import read_json
from tinystories.paths import Paths
from tinystories.text.fitted import HERE, NAMES

RECALL: Final = Path(__file__).parent / "recall.json"  # by benchmarks/tags/asked.py

DASH: Final = "–"
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Figure:
    """A number as it is read, with its file and key, and its 95 % interval where there is one."""

    text: str
    source: str
    interval: str = ""


@dataclass(frozen=True)
class Metrics:
    """One JSON file of metrics; `name` is its path from the project's root. Keys are dotted."""

    name: str
    values: Row

    def number(self, key: str) -> float | None:
        """The number at `key`; None where the file has none. Raises TinyStoriesError for anything else there."""
        value = self._at(key)
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise TinyStoriesError(
                f"{self.name}: {key}: expected a number, found {value!r}; run the stage that writes it"
            )
        return value

    def text(self, key: str) -> str | None:
        value = self._at(key)
        return None if value is None else str(value)

    def group(self, key: str) -> Row:
        """The mapping at `key`; empty where the file has none."""
        value = self._at(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise TinyStoriesError(
                f"{self.name}: {key}: expected keys with values, found {value!r}; run the stage that writes it"
            )
        return value

    def records(self, key: str) -> list[Row]:
        """The list of mappings at `key`; empty where the file has none."""
        value = self._at(key)
        return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []

    def under(self, *keys: str) -> "Metrics":
        """The group below `keys`, taken one by one, as metrics of its own."""
        values: Any = self.values
        for key in keys:
            values = values.get(key) if isinstance(values, Mapping) else None
        return Metrics(f"{self.name}: {'.'.join(keys)}", values if isinstance(values, Mapping) else {})

    def figure(self, key: str, write: Callable[[float], str]) -> Figure:
        """The number at `key` as `write` puts it, or a dash; with the interval of `key`_low and `key`_high if known."""
        value, low, high = (self.number(key + end) for end in ("", "_low", "_high"))
        if value is None:
            return Figure(DASH, self.source(key))
        if low is None or high is None:
            return Figure(write(value), self.source(key))
        return Figure(
            write(value), self.source(key, f"{key}_low", f"{key}_high"), f"{_bare(write(low))} to {write(high)}"
        )

    def source(self, *keys: str) -> str:
        """`file: key, key`; of a group of a file, `file: group.key, ...`."""
        file, found, group = self.name.partition(": ")
        return f"{file}: {', '.join(f'{group}.{key}' if found else key for key in keys)}"

    def _at(self, key: str) -> Any:
        if key in self.values:  # a key may hold a dot
            return self.values[key]
        value: Any = self.values
        for part in key.split("."):
            if not isinstance(value, Mapping) or part not in value:
                return None
            value = value[part]
        return value


@dataclass(frozen=True)
class Inputs:
    """All that the report reads."""

    extract: Metrics
    validate: Metrics
    examples: Metrics
    split: Metrics
    profile: Metrics
    accepted: Metrics
    taggers: Mapping[str, Metrics]  # tagger and judge, as they were measured on the gold labels
    recall: Metrics  # of the same two, of what the sample's stories were asked to have
    tokenize: Metrics
    train: Metrics
    evaluate: Metrics
    curve: list[dict[str, float | None]]  # step, train_loss, validation_loss, lr
    curve_name: str
    scores: list[dict[str, Any]]  # story_id, nats, tokens, bytes
    scores_name: str
    generated: list[Row]
    generated_name: str
    infillings: list[Row]
    infillings_name: str
    copied: list[Row]
    copied_name: str


def read_inputs(paths: Paths) -> Inputs:
    """Read every input. Raises TinyStoriesError that names a missing or broken file and who writes it."""
    scores, generated = paths.evaluation / "stories.parquet", paths.evaluation / "generated.jsonl"
    infillings, copied = paths.evaluation / "infillings.jsonl", paths.evaluation / "copied.jsonl"
    return Inputs(
        extract=_metrics(paths, paths.extract_metrics, "extract"),
        validate=_metrics(paths, paths.validate_metrics, "validate"),
        examples=_metrics(paths, paths.examples, "validate"),
        split=_metrics(paths, paths.split_metrics, "split"),
        profile=_metrics(paths, paths.profile, "split"),
        accepted=_metrics(paths, paths.accepted, "drift --accept"),
        taggers={name: Metrics(f"tinystories/text/{name}.json", read_json(HERE / f"{name}.json")) for name in NAMES},
        recall=Metrics(f"tinystories/reporting/{RECALL.name}", read_json(RECALL)),
        tokenize=_metrics(paths, paths.tokenize_metrics, "tokenize"),
        train=_metrics(paths, paths.train_metrics, "train"),
        evaluate=_metrics(paths, paths.evaluate_metrics, "evaluate"),
        curve=_curve(paths, paths.curve),
        curve_name=_name(paths, paths.curve),
        scores=_scores(paths, scores),
        scores_name=_name(paths, scores),
        generated=_json_lines(paths, generated),
        generated_name=_name(paths, generated),
        infillings=_json_lines(paths, infillings),
        infillings_name=_name(paths, infillings),
        copied=_json_lines(paths, copied),
        copied_name=_name(paths, copied),
    )


def whole(value: float) -> str:
    return f"{value:,.0f}"


def decimals(digits: int) -> Callable[[float], str]:
    """`digits` after the point, with a true minus sign."""
    return lambda value: f"{value:,.{digits}f}".replace("-", "\N{MINUS SIGN}")


def percent(value: float) -> str:
    """A share as a percentage, one decimal; 0 and 1 are written only where they are exact."""
    text = f"{100 * value:.1f}"
    if value not in (0, 1):
        text = {"0.0": "<0.1", "100.0": ">99.9"}.get(text, text)
    return f"{text}\N{NO-BREAK SPACE}%"


def percent_whole(value: float) -> str:
    """A share in whole percent, for shares of so few that a decimal would mean nothing."""
    return f"{100 * value:.0f}\N{NO-BREAK SPACE}%"


def _bare(text: str) -> str:
    return text.removesuffix("\N{NO-BREAK SPACE}%")


def rough(value: float) -> str:
    """As one says it: 3.4 million, 912,000, 2,308."""
    if value >= 1e9:
        return f"{value / 1e9:.1f} billion"
    if value >= 1e6:
        return f"{value / 1e6:.1f} million"
    return f"{round(value, -3):,.0f}" if value >= 1e5 else f"{value:,.0f}"


def _name(paths: Paths, path: Path) -> str:
    return path.relative_to(paths.root).as_posix()


def _present(paths: Paths, path: Path, stage: str) -> None:
    if not path.is_file():
        raise TinyStoriesError(
            f"no {_name(paths, path)}: `tinystories {stage}` writes it; type `make repro` to run all stages"
        )


def _broken(paths: Paths, path: Path, stage: str, why: object) -> TinyStoriesError:
    reason = " ".join(str(why).split())
    return TinyStoriesError(f"{_name(paths, path)} can't be read ({reason}): run `tinystories {stage}` again")


def _metrics(paths: Paths, path: Path, stage: str) -> Metrics:
    _present(paths, path, stage)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise _broken(paths, path, stage, error) from None
    if not isinstance(values, dict):
        raise _broken(paths, path, stage, "not a JSON object")
    return Metrics(_name(paths, path), values)


def _curve(paths: Paths, path: Path) -> list[dict[str, float | None]]:
    _present(paths, path, "train")
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return [{key: float(text) if text else None for key, text in row.items()} for row in csv.DictReader(stream)]
    except (ValueError, TypeError) as error:
        raise _broken(paths, path, "train", error) from None


def _json_lines(paths: Paths, path: Path) -> list[Row]:
    _present(paths, path, "evaluate")
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    except ValueError as error:
        raise _broken(paths, path, "evaluate", error) from None
    if not all(isinstance(row, dict) for row in rows):
        raise _broken(paths, path, "evaluate", "a line is not a JSON object")
    return rows


def _scores(paths: Paths, path: Path) -> list[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    _present(paths, path, "evaluate")
    try:
        rows: list[dict[str, Any]] = pq.read_table(path, columns=["story_id", "nats", "tokens", "bytes"]).to_pylist()
    except (pa.ArrowInvalid, OSError) as error:
        raise _broken(paths, path, "evaluate", error) from None
    return rows
