"""What can be asked of a model: one frozen, checked request a story. Loads nothing heavy."""

import difflib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from tinystories.errors import RequestError
from tinystories.generation.words import count_words, first_word, is_one_word, last_word, same
from tinystories.text.tags import TAGS, Tag, ordered

SEEDS: Final = 2**63  # seeds and indices are below


@dataclass(frozen=True, kw_only=True)
class Request:
    """One story asked for. Raises RequestError, one line, for what can't be met or contradicts itself.

    prompt: the story begins with this text; with `last`, the text after it is written towards the last sentence.
    tags: what the story should have, such as "Twist".
    first, last: sentences that the story begins and ends with, word for word.
    start, end: the story's first and last word.
    words: words that should occur, in any regular inflection.
    max_tokens: tokens that the model may write at most; null = what the model's folder says.
    max_words: words that the whole story may have; it ends at the last sentence end within.
    temperature, top_k, top_p: sampling; null = what the model's folder says. Temperature 0 =
        the likeliest token, top_k 0 = all.
    seed, index: of the noise. Story `index` of a seed is the same whatever else is asked for beside it.
    """

    prompt: str | None = None
    tags: tuple[Tag, ...] = ()
    first: str | None = None
    last: str | None = None
    start: str | None = None
    end: str | None = None
    words: tuple[str, ...] = ()
    max_tokens: int | None = None
    max_words: int | None = None
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 0
    index: int = 0

    def __post_init__(self) -> None:
        for name in ("prompt", "first", "last", "start", "end"):
            self._set(name, _text(name, getattr(self, name)))
        self._set("tags", _tags(self.tags))
        self._set("words", _words(self.words))
        for name, low in (("max_tokens", 1), ("max_words", 1), ("top_k", 0)):
            if getattr(self, name) is not None:
                _integer(name, getattr(self, name), low, None)
        _integer("seed", self.seed, 0, SEEDS)
        _integer("index", self.index, 0, SEEDS)
        _number("temperature", self.temperature, "at least 0", lambda x: x >= 0)
        _number("top_p", self.top_p, "above 0 and at most 1", lambda x: 0 < x <= 1)
        for name in ("start", "end"):
            word = getattr(self, name)
            if word is not None and not is_one_word(word):
                raise RequestError(f"{name}: {word!r} is not one word")
        self._refuse_contradictions()
        self._refuse_too_long()

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _refuse_contradictions(self) -> None:
        for other in ("first", "start"):
            if self.prompt is not None and getattr(self, other) is not None:
                raise RequestError(f"prompt and {other} both say how the story begins: give one of them")
        if self.first is not None and self.start is not None and same(first_word(self.first)) != same(self.start):
            raise RequestError(f"start: the first sentence begins with {first_word(self.first)!r}, not {self.start!r}")
        if self.last is not None and self.end is not None and same(last_word(self.last)) != same(self.end):
            raise RequestError(f"end: the last sentence ends with {last_word(self.last)!r}, not {self.end!r}")

    def _refuse_too_long(self) -> None:
        given = {name: count_words(getattr(self, name) or "") for name in ("prompt", "first", "last", "start")}
        if self.first is not None:
            given["start"] = 0  # it is the first sentence's own
        total = sum(given.values())
        if self.max_words is not None and total > self.max_words:
            what = " and ".join(name for name, words in given.items() if words)
            raise RequestError(f"max_words: {what} alone have {total} words, more than {self.max_words}")
        if self.max_words is not None and len(self.words) > self.max_words:
            raise RequestError(f"max_words: {len(self.words)} words must occur, more than {self.max_words}")

    def repeat(self, count: int) -> list["Request"]:
        """The same request `count` times, with indices from this one's on."""
        _integer("count", count, 1, None)
        return [replace(self, index=self.index + i) for i in range(count)]

    def to_json(self) -> dict[str, Any]:
        """What was asked for; options that were not given are left out, seed and index are not."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        given = {name: value for name, value in values.items() if value is not None and value != ()}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}


def _text(name: str, value: object) -> str | None:
    """`value` without outer white space that means nothing; null if nothing is left of a prompt."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise RequestError(f"{name}: expected text, found {type(value).__name__}")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise RequestError(f"{name}: {value!r} is not valid Unicode text (a lone surrogate)") from None
    if "\0" in value:
        raise RequestError(f"{name}: there is a NUL character in it")
    if not value.strip():
        if name == "prompt":
            return None
        raise RequestError(f"{name} is empty: leave it out, or say what it is")
    if name == "prompt":
        return value  # white space at its end says that a word is complete
    return value.rstrip() if name == "last" else value.strip()


def _many(name: str, values: object) -> list[str]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise RequestError(f"{name}: expected a list of words, found {values!r}")
    return [_text(name, value) or "" for value in values]


def _tags(values: object) -> tuple[Tag, ...]:
    given = _many("tags", values)
    for tag in given:
        if tag not in TAGS:
            near: list[str] = [known for known in TAGS if known.casefold() == tag.casefold()]
            near = near or difflib.get_close_matches(tag, TAGS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(TAGS)}"
            raise RequestError(f"unknown tag {tag!r}: {hint}")
    return tuple(ordered(given))


def _words(values: object) -> tuple[str, ...]:
    given = [word.strip() for word in _many("words", values)]
    for word in given:
        if not is_one_word(word):
            raise RequestError(f"words: {word!r} is not one word")
    once: dict[str, str] = {}
    for word in given:
        once.setdefault(same(word), word)
    return tuple(once.values())


def _integer(name: str, value: object, low: int, high: int | None) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise RequestError(f"{name}: expected a whole number, found {value!r}")
    if value < low:
        raise RequestError(f"{name}: must be at least {low}, found {value}")
    if high is not None and value >= high:
        raise RequestError(f"{name}: must be below {high}, found {value}")


def _number(name: str, value: object, rule: str, holds: Callable[[float], bool]) -> None:
    if value is None:
        return
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise RequestError(f"{name}: expected a number, found {value!r}")
    if not math.isfinite(value) or not holds(value):
        raise RequestError(f"{name}: must be {rule}, found {value}")
