"""Who only inserts the marks of a tag does not have it: what the judge is measured on is stories."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tinystories.text.tagger import Tagger

TRICKS: dict[str, Callable[[str], str]] = {
    "a quote mark at the end": lambda text: f'{text}"',
    "a quote mark at the beginning": lambda text: f'"{text}',
    "an empty quotation": lambda text: f'{text} ""',
    "a word in quotes": lambda text: text.replace(" the ", ' "the" ', 1),
}


@pytest.fixture(scope="module")
def told(root: Path) -> dict[bool, list[str]]:
    """Hand-written stories by whether a reader found dialogue in them."""
    lines = (root / "tinystories/corpus/sample/original-stories.jsonl").read_text(encoding="utf-8").splitlines()
    stories: dict[bool, list[str]] = {False: [], True: []}
    for row in map(json.loads, lines):
        stories["Dialogue" in row["tags"]].append(row["story"])
    return stories


def rate(stories: list[str]) -> float:
    judge = Tagger.load("judge")
    return sum("Dialogue" in judge.tags(story) for story in stories) / len(stories)


@pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS)
def test_quote_marks_are_no_dialogue(trick: Callable[[str], str], told: dict[bool, list[str]]) -> None:
    honest = rate(told[False])
    assert rate([trick(story) for story in told[False]]) <= honest + 0.05 < 0.2
    assert rate(told[True][:200]) > 0.95
