"""Hypothesis strategies: stories of the world, and requests that they could answer."""

from typing import Any

from hypothesis import strategies as st

from tinystories.corpus.world.story import WorldStory, write_story
from tinystories.text.tags import TAGS, Tag, ordered


def tag_sets() -> st.SearchStrategy[tuple[Tag, ...]]:
    """Any of the 64 sets of tags, in canonical order."""
    return st.sets(st.sampled_from(TAGS)).map(lambda tags: tuple(ordered(tags)))


def world_stories(tags: st.SearchStrategy[tuple[Tag, ...]] | None = None) -> st.SearchStrategy[WorldStory]:
    """Stories of the world; of these sets of tags, or of any."""
    return st.builds(write_story, st.integers(0, 2**32 - 1), st.integers(0, 10**6), tags or tag_sets())


@st.composite
def world_requests(draw: st.DrawFn) -> dict[str, Any]:
    """Arguments of `generation.requests.Request` that a story of the world fulfils: tags, words, and one of
    start and first, one of end and last. The story is under "story"."""
    from tinystories.text.sentences import split_story

    story = draw(world_stories())
    parts = split_story(story.text)
    words = story.text.split()
    asked: dict[str, Any] = {"story": story, "tags": story.tags}
    if draw(st.booleans()):
        asked |= {"first": parts.first.strip(), "last": parts.last.strip()}
    else:
        asked |= {"start": words[0], "end": words[-1].strip('.!?"')}
    if draw(st.booleans()):
        asked["words"] = story.words
    return asked
