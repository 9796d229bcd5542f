"""The checker replays what the narrator tells, from the text alone, and finds what is broken in it."""

import re
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings

from tests.strategies import world_stories
from tinystories.corpus.world.checker import check
from tinystories.corpus.world.reader import read
from tinystories.corpus.world.story import WorldStory, stories, write_story


def reasons(text: str) -> list[str]:
    return [problem.reason for problem in check(text)]


@given(world_stories())
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
def test_every_story_of_the_world_is_consistent(story: WorldStory) -> None:
    assert check(story.text) == [], story.text


@pytest.mark.slow
def test_every_story_of_a_test_set_is_consistent() -> None:
    wrong = [(story.index, problems) for story in stories(2000, 77) if (problems := check(story.text))]
    assert wrong == []


def test_the_reader_finds_the_events_that_were_told() -> None:
    for story in stories(150, 12):
        told = [{reading.kind for reading in clause} for sentence in read(story.text) for clause in sentence.clauses]
        assert len(told) == len(story.events), story.text
        assert all(event.kind in kinds for event, kinds in zip(story.events, told, strict=True)), story.text


def find(wanted: Callable[[WorldStory], bool]) -> WorldStory:
    return next(story for story in stories(5000, 2) if wanted(story))


def of(kind: str) -> WorldStory:
    return find(lambda story: kind in story.skeleton)


def test_who_has_left_does_not_act_or_speak() -> None:
    story = of("give.way")
    at = story.skeleton.index("give.way")
    gone = story.events[at].roles["b"].name  # type: ignore[union-attr]
    noun = story.events[0].roles["o"].noun  # type: ignore[union-attr]
    before, after = _cut_after(story.text, at)
    assert any(
        "isn't there" in reason
        for reason in reasons(f"{before} {gone} nodded and came to help {_hero(story)} with the {noun}. {after}")
    )


def test_a_lost_thing_is_not_used_before_it_is_found() -> None:
    story = find(lambda story: story.plot == "lost" and "miss" in story.skeleton)
    noun = story.events[0].roles["o"].noun  # type: ignore[union-attr]
    before, after = _cut_after(story.text, story.skeleton.index("miss"))
    spoiled = f"{before} {_hero(story)} held out the {noun} and asked {_hero(story)} to play. {after}"
    assert reasons(spoiled)


def test_a_payoff_names_what_was_planted() -> None:
    story = of("plant.bell")
    text = " ".join(
        part.text for part in read(story.text) if not any(r.kind == "plant.bell" for c in part.clauses for r in c)
    )
    assert any("never planted" in reason for reason in reasons(text))


def test_a_pronoun_has_one_referent() -> None:
    text = write_story(1, 0, ()).text
    ambiguous = (
        "Once upon a time, there were two friends named Tim and Ben who lived near the park. "
        "He had to stop and rest a little under a tree."
    )
    assert "'he' can mean Ben, Tim" in reasons(ambiguous)
    assert not any("can mean" in reason for reason in reasons(text))


def test_names_fit() -> None:
    text = "Once upon a time, there was a shy little rabbit named Lily who had a red kite."
    assert "Lily is no name for a rabbit" in reasons(text)
    text = "Once upon a time, there was a shy boy named Lily who had a red kite."
    assert "Lily is no name for a boy" in reasons(text)


def test_things_keep_their_looks_and_come_from_somewhere() -> None:
    text = (
        "Once upon a time, there was a shy boy named Tim who had a red kite. "
        "One sunny day, Tim took the blue kite to the park."
    )
    assert "the kite was red" in reasons(text)
    text = text.replace("the blue kite", "the doll")
    assert "the doll comes out of nowhere" in reasons(text)


@pytest.mark.parametrize("text", ["", "Zzz.", "The cat sat on the mat. It was a fat cat.", '"', "a\nb"])
def test_what_is_no_story_of_the_world_is_said_to_be_none(text: str) -> None:
    assert check(text)


def test_stories_without_their_last_sentence_or_in_another_order_are_not_consistent() -> None:
    spoiled = 0
    told = list(stories(40, 13))
    for story in told:
        parts = [sentence.text for sentence in read(story.text)]
        spoiled += bool(check(" ".join(parts[::-1]))) and bool(check(" ".join(parts[:-2])))
    assert spoiled == len(told)


def _hero(story: WorldStory) -> str:
    return story.events[0].roles["a"].name  # type: ignore[union-attr]


def _cut_after(text: str, event: int) -> tuple[str, str]:
    """The text up to the sentence that tells an event, and after it."""
    seen = 0
    parts = read(text)
    for number, sentence in enumerate(parts):
        seen += len(sentence.clauses)
        if seen > event:
            return " ".join(p.text for p in parts[: number + 1]), " ".join(p.text for p in parts[number + 1 :])
    raise AssertionError(re.escape(text))
