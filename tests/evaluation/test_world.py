"""Generated stories against the truth of the world: worked on the world's own stories and on spoiled ones."""

import math
from types import SimpleNamespace
from typing import Any

import pytest

from tinystories.corpus.world.story import write_story
from tinystories.evaluation.asked import Asked
from tinystories.evaluation.world import world
from tinystories.text.tags import TAGS, Tag


def asked(tag: Tag | None, text: str) -> Asked:
    story: Any = SimpleNamespace(text=text)
    return Asked(tag, story, frozenset())


def test_stories_of_the_world_are_consistent_and_have_exactly_the_tags_that_they_were_written_with() -> None:
    plain = [asked(None, write_story(5, index, ()).text) for index in range(8)]
    tagged = [asked(tag, write_story(6, index, (tag,)).text) for tag in TAGS for index in range(4)]
    measured = world([*plain, *tagged])
    assert (measured["stories"], measured["consistent"], measured["in_the_language"], measured["sentences"]) == (
        8 + 24, 1, 1, 1,
    )  # fmt: skip
    assert measured["adherence"] == {tag: {"requested": 1, "unconditional": 0} for tag in TAGS}


def test_one_contradiction_or_one_foreign_sentence_breaks_a_story() -> None:
    good = write_story(5, 0, ()).text
    first, rest = good.split(". ", 1)
    foreign = f"{first}. The dragon paid its taxes. {rest}"
    headless = rest
    measured = world([asked(None, text) for text in (good, foreign, headless, "")])
    assert measured["consistent"] == pytest.approx(1 / 4) and 0 < measured["consistent_low"] < 1 / 4
    assert measured["in_the_language"] == pytest.approx(2 / 4), "the empty story has no sentence, and is no story"
    assert measured["sentences"] == pytest.approx(1, abs=0.1) and measured["sentences"] < 1
    assert math.isnan(measured["adherence"]["Twist"]["requested"]), "nothing was asked for it"
