"""Stories as they are being written, several at once: what a page draws while it waits. Knows no Streamlit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tinystories.generation.requests import Request
from tinystories.generation.story import Story

if TYPE_CHECKING:
    from tinystories.generation.story_model import StoryModel


@dataclass
class Telling:
    """Where each story is: its text so far, and the story once it is done."""

    texts: list[str]
    stories: list[Story | None] = field(default_factory=list)

    @property
    def finished(self) -> list[Story]:
        return [story for story in self.stories if story is not None]


def tell(models: "Sequence[StoryModel]", requests: Sequence[Request]) -> Iterator[Telling]:
    """Write one story a request, by the model at the same place, each in turn a piece: all grow at the same time.

    Yields the same Telling again and again, after every piece of every story; the last time all are done.
    Raises what the models raise.
    """
    telling = Telling([""] * len(requests), [None] * len(requests))
    streams = {
        place: model.stream(request) for place, (model, request) in enumerate(zip(models, requests, strict=True))
    }
    while streams:
        for place in list(streams):
            piece = next(streams[place])
            if isinstance(piece, Story):
                telling.texts[place], telling.stories[place] = piece.text, piece
                del streams[place]
            else:
                telling.texts[place] += piece
        yield telling
