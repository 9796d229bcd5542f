"""Tagger and judge on the sample's own stories: recall of what was asked for, and F1 of what a reader found.

    python -m benchmarks.tags.asked

Neither was fitted on these stories. Fills the table of docs/tags.md, and writes what the report has of it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks.pages import fill
from tinystories.evaluation.intervals import share_interval
from tinystories.files import write_json
from tinystories.text.fitted import NAMES
from tinystories.text.tagger import Tagger
from tinystories.text.tags import TAGS

ROOT: Final = Path(__file__).resolve().parents[2]
SAMPLE: Final = ROOT / "tinystories/corpus/sample/original-stories.jsonl"
PAGE: Final = ROOT / "docs/tags.md"
RECALL: Final = ROOT / "tinystories/reporting/recall.json"

Measured = Mapping[str, Mapping[str, Mapping[str, float]]]  # of each model and tag


def main() -> None:
    found = measured()
    kept = ("asked", "recall", "recall_low", "recall_high")
    write_json(
        RECALL, {name: {tag: {key: own[key] for key in kept} for tag, own in of.items()} for name, of in found.items()}
    )
    fill(PAGE, {"asked": page(found)})


def measured() -> Measured:
    """recall: the share of the stories that were asked for a tag in which it is found, with its 95 % interval; read:
    stories in which a reader found it, and precision and share of these that are found."""
    rows = [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]
    return {name: _measured(rows, Tagger.load(name).tags_many([row["story"] for row in rows])) for name in NAMES}


def _measured(rows: list[dict[str, object]], said: list[list[str]]) -> dict[str, dict[str, float]]:
    measures = {}
    for tag in TAGS:
        asked = [tag in row["instruction"]["features"] for row in rows]  # type: ignore[index]
        read = [tag in row["tags"] for row in rows]  # type: ignore[operator]
        found = [tag in tags for tags in said]
        given = sum(one and other for one, other in zip(found, asked, strict=True))
        both = sum(one and other for one, other in zip(found, read, strict=True))
        low, high = share_interval(given, sum(asked))
        measures[tag] = {
            "asked": sum(asked), "recall": given / sum(asked), "recall_low": low, "recall_high": high,
            "read": sum(read), "precision": both / sum(found), "found": both / sum(read),
            "f1": 2 * both / (sum(found) + sum(read)),
        }  # fmt: skip
    return measures


def page(measures: Measured) -> str:
    rows = [
        f"| {name} | {tag} | {own['asked']} | {own['recall']:.3f} "
        f"({own['recall_low']:.2f} to {own['recall_high']:.2f}) "
        f"| {own['read']} | {own['precision']:.3f} | {own['found']:.3f} | {own['f1']:.3f} |"
        for name, tags in measures.items()
        for tag, own in tags.items()
    ]
    head = "| | tag | asked for | of these found (95 %) | read | precision | recall | F1 |"
    return "\n".join([head, "|---|---|---|---|---|---|---|---|", *rows])


if __name__ == "__main__":
    main()
