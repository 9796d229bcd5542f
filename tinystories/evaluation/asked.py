"""What a model is asked to write for its evaluation, and what it made of it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from tinystories.generation.requests import Request
from tinystories.generation.story import Story
from tinystories.generation.story_model import StoryModel
from tinystories.text.tags import TAGS, Tag

Done = Callable[[int], None]


class Judge(Protocol):
    def tags(self, text: str) -> Iterable[Tag]: ...


@dataclass(frozen=True)
class Asked:
    """A generated story, the tag that it was asked for (None: for nothing), and the tags that the judge finds."""

    tag: Tag | None
    story: Story
    found: frozenset[Tag]

    def to_json(self) -> dict[str, Any]:
        """The story's own form with "asked" and "verdict" {tag: bool}."""
        verdict = {tag: tag in self.found for tag in TAGS}
        return {**self.story.to_json(), "asked": self.tag, "verdict": verdict}


@dataclass(frozen=True)
class Filled:
    """A generated story between two given sentences, and the middle that the model wrote."""

    story: Story
    middle: str


def tags_known(model: StoryModel) -> tuple[Tag, ...]:
    """The tags that the model can be asked for: all, or none."""
    return TAGS if "tags" in model.loaded.form.carries else ()


def write_stories(model: StoryModel, judge: Judge, request: Request, count: int, done: Done) -> list[Asked]:
    """`count` stories asked for nothing, then `count` for each tag that the model knows.

    Sampling and seed are `request`'s; story i has index i whatever it is asked for, so that
    `generate --tag T --seed S --count N` writes the same stories. `done` hears how many have ended.
    """
    kinds: tuple[Tag | None, ...] = (None, *tags_known(model))
    asked = [(tag, one) for tag in kinds for one in replace(request, tags=(tag,) if tag else ()).repeat(count)]
    stories = model.generate_many([one for _, one in asked], done)
    return [Asked(tag, s, frozenset(judge.tags(s.text))) for (tag, _), s in zip(asked, stories, strict=True)]


def write_prompted(
    model: StoryModel, judge: Judge, prompts: Sequence[str], request: Request, done: Done
) -> list[Asked]:
    """A story for each beginning, with `request`'s sampling and seed."""
    stories = model.generate_many([replace(request, prompt=prompt) for prompt in prompts], done)
    return [Asked(None, story, frozenset(judge.tags(story.text))) for story in stories]


def write_middles(model: StoryModel, given: Sequence[tuple[str, str]], request: Request, done: Done) -> list[Filled]:
    """For each (first, last) the story between them, with `request`'s sampling and seed, and index i."""
    requests = [
        replace(request, first=first, last=last, index=index)
        for index, (first, last) in enumerate(given, request.index)
    ]
    return [Filled(story, _middle(story)) for story in model.generate_many(requests, done)]


def _middle(story: Story) -> str:
    """What stands between the sentences given, which the story holds word for word."""
    first, last = story.request.first or "", story.request.last or ""
    assert story.text.startswith(first) and story.text.endswith(last), "the sentences given are in the story"
    return story.text[len(first) : len(story.text) - len(last)]
