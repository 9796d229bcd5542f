"""A finished story, and the truth about what was asked for: decided from its text alone."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from tinystories.generation.requests import Request
from tinystories.generation.words import about, avoided_in, count_words, first_word, has_word, last_word, same
from tinystories.text.tags import Tag

Stopped = Literal["eos", "max_tokens", "max_words", "length", "end_word"]


@dataclass(frozen=True)
class Story:
    """text: the whole story, given sentences included. met: each control asked for, and whether it is kept.

    request: what was asked for, with the model's defaults filled in. stopped: "eos" = by itself.
    tokens, nats: of what the model wrote, <eos> included; nats at temperature 1, nothing forbidden.
    model: name of the model's folder.
    """

    text: str
    request: Request
    met: dict[str, bool]
    stopped: Stopped
    tokens: int
    nats: float
    seed: int
    model: str

    def to_json(self) -> dict[str, Any]:
        """The command line's form: one object a story."""
        return {
            "text": self.text, "request": self.request.to_json(), "met": self.met, "stopped": self.stopped,
            "tokens": self.tokens, "nats": self.nats, "seed": self.seed, "model": self.model,
        }  # fmt: skip


def check(text: str, request: Request, judge: Callable[[str], Iterable[Tag]]) -> dict[str, bool]:
    """Each control of `request` and whether `text` keeps it; `judge` is asked for the tags, if any are wanted."""
    met: dict[str, bool] = {}
    if request.prompt is not None:
        met["prompt"] = text.startswith(request.prompt.rstrip())
    if request.tags:
        found = set(judge(text))
        met |= {f"tag:{tag}": tag in found for tag in request.tags}
    if request.first is not None:
        met["first"] = text.startswith(request.first) and not text[len(request.first) :][:1].strip()
    if request.last is not None:
        before = text[: -len(request.last)]
        own_space = request.last[0].isspace()
        met["last"] = text.endswith(request.last) and (own_space or not before or before[-1].isspace())
    if request.start is not None:
        met["start"] = same(first_word(text)) == same(request.start)
    if request.end is not None:
        met["end"] = same(last_word(text)) == same(request.end)
    met |= {f"word:{word}": has_word(text, word) for word in request.words}
    met |= {f"avoid:{word}": avoided_in(text, [word]) is None for word in request.avoid}
    if request.length is not None:
        met["length"] = about(text, request.length)
    if request.max_words is not None:
        met["max_words"] = count_words(text) <= request.max_words
    return met


def unmet(stories: Iterable[Story]) -> list[str]:
    """Controls that none of the stories keeps; tags are wishes, reported in `met` and not counted here."""
    asked: dict[str, bool] = {}
    for story in stories:
        for control, kept in story.met.items():
            if not control.startswith("tag:"):
                asked[control] = asked.get(control, False) or kept
    return [control for control, kept in asked.items() if not kept]
