"""What can be asked of a model: one frozen, checked request a story. Loads nothing heavy."""

import difflib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from tinystories.errors import RequestError
from tinystories.generation.asked import Asked
from tinystories.generation.contradictions import refuse
from tinystories.generation.words import is_one_word, same
from tinystories.text.tags import TAGS, Tag, ordered

SEEDS: Final = 2**63  # seeds and indices are below
MOST: Final = 64  # beams, and candidates to choose from
BY_MODEL: Final = frozenset({"temperature", "top_k", "top_p", "max_tokens", "eos_after"})  # null: as the folder says


@dataclass(frozen=True, kw_only=True)
class Request(Asked):
    """One story asked for, checked; its fields are those of Asked.

    Raises RequestError, one line, for what can't be met or contradicts itself.
    """

    def __post_init__(self) -> None:
        for name in ("prompt", "first", "last", "start", "end"):
            self._set(name, _text(name, getattr(self, name)))
        self._set("tags", _tags(self.tags))
        for name in ("words", "avoid"):
            self._set(name, _words(name, getattr(self, name)))
        for name, low in (
            ("length", 1), ("max_tokens", 1), ("max_words", 1), ("top_k", 0), ("no_repeat_ngram", 1), ("eos_after", 0),
        ):  # fmt: skip
            _integer(name, getattr(self, name), low, None)
        _integer("beams", self.beams, 1, MOST + 1)
        _integer("best_of", self.best_of, 1, MOST + 1)
        for name, value in (("seed", self.seed), ("index", self.index)):
            _integer(name, value, 0, SEEDS, optional=False)
        _number("temperature", self.temperature, "at least 0", lambda x: x >= 0)
        _number("top_p", self.top_p, "above 0 and at most 1", lambda x: 0 < x <= 1)
        _number("min_p", self.min_p, "between 0 and 1", lambda x: 0 <= x <= 1)
        _number("repetition_penalty", self.repetition_penalty, "between 1 and 10", lambda x: 1 <= x <= 10)
        _number("length_penalty", self.length_penalty, "between 0 and 5", lambda x: 0 <= x <= 5)
        _number("guidance", self.guidance, "between 0 and 20", lambda x: 0 <= x <= 20)
        for name in ("start", "end"):
            word = getattr(self, name)
            if word is not None and not is_one_word(word):
                raise RequestError(f"{name}: {word!r} is not one word")
        refuse(self)

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def repeat(self, count: int) -> list["Request"]:
        """The same request `count` times, with indices from this one's on."""
        _integer("count", count, 1, None, optional=False)
        if self.beams is not None and self.index + count > self.beams:
            raise RequestError(f"count: {self.beams} beams find {self.beams} stories at most, not {self.index + count}")
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


def _words(name: str, values: object) -> tuple[str, ...]:
    given = [word.strip() for word in _many(name, values)]
    for word in given:
        if not is_one_word(word):
            raise RequestError(f"{name}: {word!r} is not one word")
    once: dict[str, str] = {}
    for word in given:
        once.setdefault(same(word), word)
    return tuple(once.values())


def _integer(name: str, value: object, low: int, high: int | None, optional: bool = True) -> None:
    if value is None and optional:
        return
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
    try:
        fits = math.isfinite(value) and holds(value)
    except OverflowError:  # a whole number that no float is as large as
        raise RequestError(f"{name}: must be {rule}, found one that is too large") from None
    if not fits:
        raise RequestError(f"{name}: must be {rule}, found {value}")
