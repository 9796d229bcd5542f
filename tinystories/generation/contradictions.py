"""What can't be asked for together: each refused with one line that says why."""

from typing import Final

from tinystories.errors import RequestError
from tinystories.generation.asked import Asked
from tinystories.generation.words import (
    allowed_words,
    avoided_in,
    count_words,
    first_word,
    forms,
    has_word,
    last_word,
    same,
)

_SAMPLING: Final = ("temperature", "top_k", "top_p", "min_p")


def refuse(request: Asked) -> None:
    """Raise RequestError if `request`, whose fields are each valid, contradicts itself."""
    _two_beginnings(request)
    _avoided(request)
    _search(request)
    _too_long(request)


def _two_beginnings(request: Asked) -> None:
    for other in ("first", "start"):
        if request.prompt is not None and getattr(request, other) is not None:
            raise RequestError(f"prompt and {other} both say how the story begins: give one of them")
    first, last, start, end = request.first, request.last, request.start, request.end
    if first is not None and start is not None and same(first_word(first)) != same(start):
        raise RequestError(f"start: the first sentence begins with {first_word(first)!r}, not {start!r}")
    if last is not None and end is not None and same(last_word(last)) != same(end):
        raise RequestError(f"end: the last sentence ends with {last_word(last)!r}, not {end!r}")


def _avoided(request: Asked) -> None:
    for name in ("prompt", "first", "last", "start", "end"):
        found = avoided_in(getattr(request, name) or "", request.avoid)
        if found is not None:
            raise RequestError(f"avoid: {found!r} is in {name}")
    for word in request.words:
        if avoided_in(word, request.avoid) is not None:
            raise RequestError(f"avoid: {word!r} must occur and must not")


def _search(request: Asked) -> None:
    if request.beams is None:
        if request.length_penalty is not None:
            raise RequestError("length_penalty: only beam search has one: give beams, or leave it out")
        if request.best_of not in (None, 1) and request.temperature == 0:
            raise RequestError("best_of: at temperature 0 all candidates are the same")
        return
    for name in _SAMPLING:
        if getattr(request, name):
            raise RequestError(
                f"{name}: beam search takes the likeliest story and samples nothing: leave out one of them"
            )
    if request.best_of is not None:
        raise RequestError("best_of: beam search chooses among its own candidates: leave out one of them")
    if request.index >= request.beams:
        raise RequestError(f"index: {request.beams} beams find {request.beams} stories, counted from 0")


def _too_long(request: Asked) -> None:
    given = {name: count_words(getattr(request, name) or "") for name in ("prompt", "first", "last", "start")}
    if request.first is not None:
        given["start"] = 0  # it is the first sentence's own
    total, what = sum(given.values()), " and ".join(name for name, words in given.items() if words)
    missing = _missing(request)
    length_at_most = None if request.length is None else allowed_words(request.length)
    for name, most in (("max_words", request.max_words), ("length", length_at_most)):
        if most is None:
            continue
        if total > most:
            raise RequestError(f"{name}: {what} alone have {total} words, more than {getattr(request, name)}")
        if total + len(missing) > most:
            more = f"{', '.join(missing)} must occur" + (f" beside the {total} words of {what}" if total else "")
            raise RequestError(f"{name}: {more}, more than {getattr(request, name)}")
    if request.max_words is not None and request.length is not None and request.length > request.max_words:
        raise RequestError(f"length: {request.length} words are more than max_words, {request.max_words}")


def _missing(request: Asked) -> list[str]:
    """Words that must come beside what is given, the end word among them; a prompt may break off within one."""
    text = f"{request.given} {request.last or ''}"
    missing = [word for word in request.words if not has_word(text, word)]
    end = request.end
    if end is not None and request.last is None and same(last_word(text)) != same(end):
        missing += [] if any(has_word(end, word) for word in missing) else [end]
    begun = same(last_word(request.prompt or ""))
    if begun and same(request.prompt or "").endswith(begun):
        completed = [word for word in missing if any(form.startswith(begun) for form in forms(word))]
        missing = [word for word in missing if word not in completed[:1]]
    return missing
