"""Who only inserts the marks of a tag does not have it: what the judge is measured on is stories."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tinystories.evaluation.adherence import adherence
from tinystories.evaluation.correction import Errors
from tinystories.reporting.checks import helps
from tinystories.reporting.figures import Metrics
from tinystories.text.sentences import split_story
from tinystories.text.tagger import Tagger
from tinystories.text.tags import TAGS, Tag

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


# the words of each tag without what makes it true: no lesson after the moral, nobody who fights, nothing that turns
KEYWORDS: dict[Tag, tuple[str, ...]] = {
    "BadEnding": ("Sad.", "It died.", "Never again.", "Crying."),
    "Conflict": ("A fight.", "Angry.", "A problem.", "But no."),
    "Dialogue": ('"', '""', '"said"'),
    "Foreshadowing": ("A warning.", "Careful.", "Remember."),
    "MoralValue": ("The moral is.", "A lesson.", "Learned."),
    "Twist": ("Suddenly.", "But then.", "Surprise!", "Unexpected."),
}


def insert(text: str, words: tuple[str, ...]) -> str:
    """The story with the words between its sentences: after the first, before the last and at the end."""
    first, *others = words
    start, middle, last, _ = split_story(text)
    return f"{start} {first}{middle} {' '.join(others[:-1])}{last} {others[-1]}"


@pytest.mark.parametrize("tag", TAGS)
def test_a_generator_that_only_inserts_keywords_fails(tag: Tag, root: Path) -> None:
    """Asked for a tag, it tells what it would have told anyway, with the tag's words in it."""
    lines = (root / "tinystories/corpus/sample/original-stories.jsonl").read_text(encoding="utf-8").splitlines()
    without = [row["story"] for row in map(json.loads, lines) if tag not in row["tags"]][:200]
    judge = Tagger.load("judge")
    honest = [frozenset(judge.tags(story)) for story in without]
    keyed = [frozenset(judge.tags(insert(story, KEYWORDS[tag]))) for story in without]
    rates = adherence({tag: keyed}, honest, {tag: Errors.of(judge.gold[tag])})[tag]
    assert helps(Metrics("adherence", rates)) != "good"
