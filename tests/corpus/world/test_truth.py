"""The tags of a story can be read from its text, without knowing how it came about."""

import pytest
from hypothesis import given, settings

from tests.strategies import world_stories
from tinystories.corpus.world.story import WorldStory, stories
from tinystories.corpus.world.truth import read_tags
from tinystories.text.tagger import Tagger
from tinystories.text.tags import TAGS


@given(world_stories())
@settings(max_examples=200, derandomize=True)
def test_the_text_of_a_story_tells_its_tags(story: WorldStory) -> None:
    assert read_tags(story.text) == set(story.tags), story.text


def test_other_text_says_nothing_but_that_somebody_speaks() -> None:
    assert read_tags('The cat ran. "Stop!" said the dog. It never came back.') == {"Dialogue"}


@pytest.mark.parametrize("name", ["tagger", "judge"])
def test_tagger_and_judge_know_speech_and_little_else_of_this_world(name: str) -> None:
    """Why adherence on the world is measured by its truth. Of 300 stories every tag has 80 or more; measured F1 is
    at most .62 with a standard error of about .04."""
    told, tagger = list(stories(300, 99)), Tagger.load(name)
    found = [(set(tagger.tags(story.text)), set(story.tags)) for story in told]
    for tag in TAGS:
        right = sum(tag in tags and tag in true for tags, true in found)
        f1 = 2 * right / sum((tag in tags) + (tag in true) for tags, true in found)
        assert f1 >= 0.99 if tag == "Dialogue" else 0 < f1 < 0.8, (tag, f1)
