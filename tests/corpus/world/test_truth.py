"""The tags of a story can be read from its text, without knowing how it came about."""

from hypothesis import given, settings

from tests.strategies import world_stories
from tinystories.corpus.world.story import WorldStory
from tinystories.corpus.world.truth import read_tags


@given(world_stories())
@settings(max_examples=200, deadline=None, derandomize=True)
def test_the_text_of_a_story_tells_its_tags(story: WorldStory) -> None:
    assert read_tags(story.text) == set(story.tags), story.text


def test_other_text_says_nothing_but_that_somebody_speaks() -> None:
    assert read_tags('The cat ran. "Stop!" said the dog. It never came back.') == {"Dialogue"}
