"""Stories of the world: every set of tags, true tags, the same bytes, and no form letter."""

import itertools
import os
import re
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from tests.strategies import world_requests
from tinystories import Request
from tinystories.corpus.world.language import kinds
from tinystories.corpus.world.lexicon import names, places, things
from tinystories.corpus.world.plots import PLOTS
from tinystories.corpus.world.reader import sentences
from tinystories.corpus.world.story import stories, write_story
from tinystories.generation.story import check
from tinystories.generation.words import has_word
from tinystories.text.sentences import split_story
from tinystories.text.tags import TAGS, Tag

SETS: list[tuple[Tag, ...]] = [tags for size in range(7) for tags in itertools.combinations(TAGS, size)]
_NAME = re.compile(rf"\b(?:{'|'.join(names())})\b")


def batch(start: int) -> tuple[float, list[tuple[str, tuple[str, ...]]]]:
    """CPU seconds for a thousand stories; of each the text and the skeleton."""
    began = time.process_time()
    told = [write_story(1, start + at, None) for at in range(1000)]
    return time.process_time() - began, [(story.text, story.skeleton) for story in told]


@pytest.mark.parametrize("tags", SETS, ids="-".join)
def test_every_set_of_tags_can_be_asked_for_and_is_what_the_story_has(tags: tuple[Tag, ...]) -> None:
    plots = set()
    for index in range(60):
        story = write_story(3, index, tags)
        assert story.tags == tags
        assert ('"' in story.text) == ("Dialogue" in tags)
        plots.add(story.plot)
    assert len(plots) >= 8  # of 14: 60 draws miss six of them with a probability below 1e-9


def test_the_same_seed_gives_the_same_bytes_and_another_one_others() -> None:
    first, again, other = ([story.to_json() for story in stories(30, seed)] for seed in (5, 5, 6))
    assert first == again
    assert len({story["story"] for story in first + other}) == 60
    assert write_story(5, 29, None).to_json() == first[29]  # a story doesn't depend on those before it


def test_the_world_is_as_rich_as_it_says() -> None:
    assert len(kinds()) >= 40
    assert len(PLOTS) >= 12
    assert len(things()) >= 60 and all(kind[0].uses for kind in things().values())
    assert len(places()) >= 25
    vocabulary = {word for story in stories(3000, 1) for word in re.findall(r"[a-z]+", story.text.lower())}
    assert 1000 <= len(vocabulary) <= 2200, len(vocabulary)


def test_stories_have_the_length_of_tinystories() -> None:
    lengths = sorted(len(story.text.split()) for story in stories(500, 4))
    assert lengths[25] >= 90 and lengths[475] <= 240, (lengths[25], lengths[475])


def test_facts_replay_from_event_to_event() -> None:
    for story in stories(50, 8):
        for event, facts in zip(story.events, story.states(), strict=True):
            assert event.added <= facts and not event.removed & facts
        assert len(story.trace()) == len(story.events)


def test_words_are_in_the_story_and_the_summary_names_the_hero() -> None:
    for story in stories(200, 9):
        assert 1 <= len(story.words) <= 3
        assert all(has_word(story.text, word) for word in story.words), story.words
        assert story.events[0].roles["a"].name in story.summary  # type: ignore[union-attr]


@given(world_requests())
@settings(max_examples=60, derandomize=True)
def test_a_story_keeps_every_request_that_is_drawn_with_it(asked: dict[str, Any]) -> None:
    story = asked.pop("story")
    kept = check(story.text, Request(**asked), judge=lambda text: story.tags)
    assert all(kept.values()), kept


def test_sentences_are_cut_where_the_narrator_ended_them() -> None:
    """The world's own cut and the one that the pipeline makes agree on first and last sentence."""
    told = list(stories(400, 10))
    wrong = []
    for story in told:
        parts = split_story(story.text)
        own = list(sentences(story.text))
        if (parts.first.strip(), parts.last.strip()) != (own[0], own[-1]):
            wrong.append((parts, own))
    assert wrong == []


@pytest.mark.slow
def test_twenty_thousand_stories_are_rich_and_made_in_twenty_seconds() -> None:
    with ProcessPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        batches = list(pool.map(batch, range(0, 20_000, 1000)))
    assert sum(seconds for seconds, _ in batches) <= 2 * 20  # two cores, each its own time: other tests run beside
    told = [story for _, part in batches for story in part]
    texts = Counter(text for text, _ in told)
    assert 1 - len(texts) / len(told) < 0.001
    masked = [_NAME.sub("N", sentence) for text, _ in told for sentence in sentences(text)]
    assert len(set(masked)) / len(masked) > 0.6
    skeletons = Counter(skeleton for _, skeleton in told)
    assert len(skeletons) >= 5000
    assert max(skeletons.values()) <= 0.005 * len(told)


def test_the_documentation_shows_the_first_ten_stories_as_they_come(root: Path) -> None:
    quoted = re.sub(r"(?m)^> ", "", (root / "docs/world.md").read_text())
    shown = re.sub(r"(?<!  )\n(?=\S)", " ", quoted).replace("  \n", "\n")  # two spaces end a line, one break wraps it
    for story in stories(10, 1):
        assert story.text in shown and story.summary in shown
