"""Share links: a request and its model as a readable query, and back. The same link, the same story."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from tinystories.errors import RequestError
from tinystories.generation.requests import Request

LISTS: Final = ("tags", "words")
TEXTS: Final = ("prompt", "first", "last", "start", "end")
MOST_TOGETHER: Final = 3  # stories side by side
EXACT: Final = 2**53  # whole numbers below are the same in a browser
LONGEST: Final = 8000  # characters of a link that browsers, proxies and chats still take


@dataclass(frozen=True)
class Shared:
    """What a link asks for. model: the fingerprint of the model that it was made with, "" if it does not say.

    unknown: parts that are not ours (what messengers add, or a newer version's): told, not followed.
    """

    request: Request
    count: int
    model: str
    unknown: tuple[str, ...]


@cache
def default_avoid() -> tuple[str, ...]:
    """The words that no story has unless one asks for them."""
    return Request(avoid=Path(__file__).with_name("avoid.txt").read_text(encoding="utf-8").split()).avoid  # type: ignore[arg-type]


def to_query(request: Request, count: int = 1, model: str = "") -> dict[str, list[str]]:
    """The query of a request; of the words to avoid nothing is said while they are the usual ones."""
    query: dict[str, list[str]] = {}
    for name, value in request.to_json().items():
        if name in LISTS:
            query[name.removesuffix("s")] = list(value)
        elif name in TEXTS:
            query[name] = [value]
        elif name not in ("avoid", "index") and not (name == "seed" and value == 0):
            query[name] = [json.dumps(value)]
    if request.avoid != default_avoid():
        query["avoid"] = [",".join(request.avoid)]
    if request.index:
        query["index"] = [str(request.index)]
    if count != 1:
        query["stories"] = [str(count)]
    if model:
        query["model"] = [model]
    return query


def link(base: str, request: Request, count: int = 1, model: str = "") -> str:
    """`base` is the address of the page that the request belongs to."""
    return f"{base}?{urlencode(to_query(request, count, model), doseq=True)}"


def from_query(query: Mapping[str, Sequence[str]]) -> Shared | None:
    """What a link asks for; None for one that asks for nothing. Raises RequestError for values that can't be."""
    known = {field.name for field in fields(Request)}
    values: dict[str, Any] = {}
    unknown = []
    for key, given in query.items():
        name = f"{key}s" if f"{key}s" in LISTS else key
        if name in LISTS:
            values[name] = tuple(given)
        elif name == "avoid":
            values[name] = tuple(word for word in given[-1].split(",") if word)
        elif name in TEXTS:
            values[name] = given[-1]
        elif name in known:
            values[name] = _number(name, given[-1])
        elif name not in ("stories", "model"):
            unknown.append(key)
    if not values and "stories" not in query and "model" not in query:
        return None
    count = _number("stories", query["stories"][-1]) if "stories" in query else 1
    if count not in range(1, MOST_TOGETHER + 1):
        raise RequestError(f"stories: a link asks for 1 to {MOST_TOGETHER}, not {count}")
    values.setdefault("avoid", default_avoid())
    return Shared(Request(**values), int(count), query["model"][-1] if "model" in query else "", tuple(unknown))


def _number(name: str, text: str) -> int | float:
    try:
        value = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        value = None
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < EXACT:
        raise RequestError(f"{name}: a link has a number there, and none that browsers round, not {text[:40]!r}")
    return value
