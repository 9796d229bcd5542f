"""What a form holds, as a request, and back. Fields are named as in Request; an empty one is no wish."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tinystories.generation.requests import MOST, Request

TEXTS: Final = ("prompt", "first", "last", "start", "end")
_BETWEEN: Final = re.compile(r"[\s,;]+")


@dataclass(frozen=True)
class Knob:
    """A number that steers the writing; low, high and step say by their type whether it is a whole number."""

    name: str
    label: str
    help: str
    low: float
    high: float | None
    step: float


KNOBS: Final = (
    Knob("temperature", "Temperature", "0 takes the likeliest token, higher is bolder.", 0.0, None, 0.1),
    Knob("top_p", "Top p", "Only the likeliest tokens that together have this share.", 0.01, 1.0, 0.05),
    Knob("top_k", "Top k", "Only the so many likeliest tokens; 0 means all.", 0, None, 10),
    Knob("min_p", "Min p", "Only tokens at least this share as likely as the likeliest.", 0.0, 1.0, 0.05),
    Knob("guidance", "Guidance", "1 is off; above, wishes are followed more closely.", 0.0, 20.0, 0.5),
    Knob("best_of", "Best of", "So many are written, and the best is shown.", 1, MOST, 1),
    Knob("repetition_penalty", "Repetition penalty", "Above 1, words that were used come less often.", 1.0, 10.0, 0.05),
    Knob("no_repeat_ngram", "No repeated run", "No run of so many tokens comes twice.", 1, None, 1),
    Knob("beams", "Beams", "Beam search of this width in place of sampling.", 1, MOST, 1),
    Knob("length_penalty", "Length penalty", "Of beam search: higher prefers longer stories.", 0.0, 5.0, 0.1),
    Knob("max_words", "Most words", "The story ends at the last sentence within.", 1, None, 10),
    Knob("max_tokens", "Most tokens", "The model writes no more than these.", 1, None, 10),
    Knob("eos_after", "End likelier after", "From so many tokens on, the end grows likelier.", 0, None, 10),
)


def request(values: Mapping[str, Any]) -> Request:
    """The request of a form's values. Raises RequestError for what can't be met or contradicts itself.

    Texts stand as typed, words and avoid are separated by commas or white space, a number not given is None.
    """
    asked: dict[str, Any] = {name: values[name] for name in TEXTS if (values.get(name) or "").strip()}
    asked["tags"] = tuple(values.get("tags") or ())
    for name in ("words", "avoid"):
        asked[name] = tuple(word for word in _BETWEEN.split(values.get(name) or "") if word)
    for name in ("length", "seed", "index", *(knob.name for knob in KNOBS)):
        if values.get(name) is not None:
            asked[name] = values[name]
    return Request(**asked)


def values(asked: Request) -> dict[str, Any]:
    """What a form holds when it asks for this."""
    given = {name: getattr(asked, name) or "" for name in TEXTS}
    numbers = {name: getattr(asked, name) for name in ("length", "seed", "index", *(knob.name for knob in KNOBS))}
    floats = {knob.name for knob in KNOBS if isinstance(knob.low, float)}
    numbers |= {name: float(number) for name, number in numbers.items() if name in floats and number is not None}
    return {
        **given, **numbers, "tags": list(asked.tags), "words": ", ".join(asked.words), "avoid": ", ".join(asked.avoid),
    }  # fmt: skip
