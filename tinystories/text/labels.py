"""Hand labels of tags: reading them, and measuring a tagger by them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tinystories.errors import SourceError
from tinystories.text.agreement import agreement, readers_f1
from tinystories.text.tagger import Tagger
from tinystories.text.tags import TAGS, Tag

Gold = dict[str, dict[Tag, bool]]  # story_id -> tag -> whether it is there; a tag that readers disagree on is left out


def read_labels(*paths: Path) -> dict[str, list[Tag]]:
    """Tags by story_id from JSON lines {"id", "tags": [..]} of one file or several, in the files' order.

    Raises SourceError with the line's number for a line of another form or an unknown tag, and for a story that two
    files label differently.
    """
    labels: dict[str, list[Tag]] = {}
    for path in paths:
        found = _read_labels(path)
        if unlike := [identity for identity, tags in found.items() if labels.get(identity, tags) != tags]:
            raise SourceError(f"{path}: {unlike[0]} has other tags in a file before it: label a story once")
        labels |= found
    return labels


def _read_labels(path: Path) -> dict[str, list[Tag]]:
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


def readers(path: Path) -> dict[Tag, float | None]:
    """F1 of the two readers, A and B, against each other; only tags that both have labelled."""
    both = [value for _, value in _lines(path) if isinstance(value.get("A"), dict) and isinstance(value.get("B"), dict)]
    return {tag: readers_f1([v["A"][tag] for v in both], [v["B"][tag] for v in both]) for tag in TAGS} if both else {}


def measure(tagger: Tagger, stories: Mapping[str, str], gold: Gold) -> dict[Tag, dict[str, Any]]:
    """For each tag what `agreement` gives over the stories (story_id -> text) that have a gold label of it."""
    labelled = sorted(stories.keys() & gold.keys())
    sure_NT = tagger.probabilities([stories[identity] for identity in labelled])
    said_NT = tagger.said(sure_NT)
    result: dict[Tag, dict[str, Any]] = {}
    for at, tag in enumerate(TAGS):
        rows = [row for row, identity in enumerate(labelled) if tag in gold[identity]]
        true = [gold[labelled[row]][tag] for row in rows]
        result[tag] = agreement(said_NT[rows, at].tolist(), sure_NT[rows, at].tolist(), true)
    return result


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
