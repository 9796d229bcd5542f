"""Hand labels of tags: reading them, and measuring a tagger by them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tinystories.errors import SourceError
from tinystories.text.tagger import Tagger
from tinystories.text.tags import TAGS, Tag

Gold = dict[str, dict[Tag, bool]]  # story_id -> tag -> whether it is there; a tag that readers disagree on is left out


def read_labels(path: Path) -> dict[str, list[Tag]]:
    """Tags by story_id from JSON lines {"id", "tags": [..]}, in the file's order.

    Raises SourceError with the line's number for a line of another form or an unknown tag.
    """
    labels: dict[str, list[Tag]] = {}
    for number, value in _lines(path):
        tags = value.get("tags")
        if not isinstance(value.get("id"), str) or not isinstance(tags, list) or not set(tags) <= set(TAGS):
            raise SourceError(
                f'{path}: line {number}: expected {{"id": "...", "tags": [..]}} with tags of {", ".join(TAGS)}'
            )
        labels[value["id"]] = [tag for tag in TAGS if tag in tags]
    return labels


def read_gold(path: Path) -> Gold:
    """Gold labels by story_id from JSON lines {"id", "gold": {tag: true, false or null}}.

    Raises SourceError with the line's number for a line of another form.
    """
    gold: Gold = {}
    for number, value in _lines(path):
        found = value.get("gold")
        if not isinstance(value.get("id"), str) or not isinstance(found, dict) or not set(TAGS) <= set(found):
            raise SourceError(
                f'{path}: line {number}: expected {{"id": "...", "gold": {{tag: bool or null}}}} with every tag'
            )
        gold[value["id"]] = {tag: found[tag] for tag in TAGS if found[tag] is not None}
    return gold


def measure(tagger: Tagger, stories: Mapping[str, str], gold: Gold) -> dict[Tag, dict[str, Any]]:
    """Precision, recall, F1 and counts of each tag over the stories (story_id -> text) that have gold labels.

    tp, fp, fn, tn: true and false positives, false and true negatives. n: stories with a label;
    positives: how many have the tag. A ratio with nothing below it is None.
    """
    labelled = sorted(stories.keys() & gold.keys())
    found = tagger.tags_many([stories[identity] for identity in labelled])
    return score(found, [gold[identity] for identity in labelled])


def score(found: Sequence[Sequence[Tag]], gold: Sequence[Mapping[Tag, bool]]) -> dict[Tag, dict[str, Any]]:
    """As `measure`, from tags already found; a tag missing from a gold label is left out."""
    result: dict[Tag, dict[str, Any]] = {}
    for tag in TAGS:
        pairs = [(tag in tags, label[tag]) for tags, label in zip(found, gold, strict=True) if tag in label]
        both, said, true = (sum(map(test, pairs)) for test in (all, lambda pair: pair[0], lambda pair: pair[1]))
        result[tag] = {
            "tp": both,
            "fp": said - both,
            "fn": true - both,
            "tn": len(pairs) - said - true + both,
            "precision": _ratio(both, said),
            "recall": _ratio(both, true),
            "f1": _ratio(2 * both, said + true),
            "n": len(pairs),
            "positives": true,
        }
    return result


def _ratio(above: int, below: int) -> float | None:
    return round(above / below, 4) if below else None


def _lines(path: Path) -> list[tuple[int, dict[str, Any]]]:
    """(line number, object) of every line that is not empty."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}; check the path of the labels") from None
    except UnicodeDecodeError:
        raise SourceError(f"{path}: not UTF-8; labels are JSON lines") from None
    values = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except json.JSONDecodeError:
            raise SourceError(f"{path}: line {number}: not JSON; labels are one object a line") from None
        if not isinstance(value, dict):
            raise SourceError(f"{path}: line {number}: expected an object, found {type(value).__name__}")
        values.append((number, value))
    return values
