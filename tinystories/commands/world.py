"""`tinystories world`: stories of the simulated world, whose truth is known."""

import json
from collections.abc import Sequence

from tinystories.commands.generate import Outcome
from tinystories.corpus.world.story import WorldStory, stories
from tinystories.errors import RequestError
from tinystories.text.tags import TAGS, ordered


def world_command(count: int, seed: int, tags: Sequence[str] | None, as_json: bool = False) -> Outcome:
    """The first `count` stories of `seed`; with `tags`, stories that have exactly those ("none": none).

    Raises RequestError for a tag that isn't known and a count below 1.
    """
    tags = [] if list(tags or ()) == ["none"] else tags
    unknown = [tag for tag in tags or () if tag not in TAGS]
    if unknown:
        raise RequestError(f"--tag {unknown[0]}: not known; choose from {', '.join(TAGS)}, or none alone")
    if count < 1:
        raise RequestError(f"--count {count}: at least 1")
    told = stories(count, seed, None if tags is None else ordered(list(tags)))
    if as_json:
        return Outcome("".join(json.dumps(story.to_json(), ensure_ascii=False) + "\n" for story in told), "", 0)
    return Outcome("\n\n".join(map(_shown, told)) + "\n", "", 0)


def _shown(story: WorldStory) -> str:
    return f"# {', '.join(story.tags) or 'no tags'}: {story.summary}\n{story.text}"
