"""`tinystories generate --requests FILE`: many requests, one a line; what is done is kept."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from tinystories.commands.generate import INTERRUPTED, Outcome, Runs, chunks, line, load, refuse_unwritable, summary
from tinystories.errors import RequestError
from tinystories.generation.requests import BY_MODEL, Request
from tinystories.generation.story import unmet

_BEGINS: Final = b'{"text": '  # a line of `line`


def read_requests(file: Path) -> list[Request]:
    """The requests of a JSON Lines file; `count` in a line asks for that many stories.

    Raises RequestError, with file and line, for what is no request; blank lines are passed over.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")  # U+2028 is no end of a line
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{file} can't be read: {error}") from None
    requests: list[Request] = []
    for number, text in enumerate(lines, start=1):
        if text.strip():
            try:
                requests += _request(text)
            except RequestError as error:
                raise RequestError(f"{file}, line {number}: {error}") from None
    if not requests:
        raise RequestError(f'{file}: there is no request in it; a line is such as {{"tags": ["Twist"], "count": 3}}')
    return requests


def _request(text: str) -> list[Request]:
    try:
        options = json.loads(text)
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is no JSONDecodeError
        raise RequestError(f"not JSON ({error})") from None
    if not isinstance(options, dict):
        raise RequestError("expected an object with the fields of a request")
    count = options.pop("count", 1)
    try:
        return Request(**options).repeat(count)
    except TypeError as error:
        raise RequestError(f"{str(error).removeprefix('Request.__init__() ')}") from None


def requests_command(
    model: Path, file: Path, out: Path | None, exact: bool, write: Callable[[str], None], say: Callable[[str], None],
    runs: Runs | None = None,
) -> Outcome:  # fmt: skip
    """A story for each request of `file`, a JSON line each, in their order: to `write`, or appended to `out`.

    With `out`, stories that are there already are not written again: so an interrupted command is simply
    typed again. Ctrl-C keeps what is done. Raises RequestError and ModelError.
    """
    requests = read_requests(file)
    there = 0
    if out is not None:
        refuse_unwritable(out)
        there = _there(out, requests)
    if there:
        say(f"{there} of {len(requests)} stories are in {out} already")
    if there == len(requests):
        return Outcome("", "nothing to do", 0)
    teller = load(model, runs)
    started, stories = time.perf_counter(), []
    with _progress(len(requests), there) as advance:
        try:
            for chunk in chunks(requests[there:]):
                told = teller.generate_many(chunk, advance, exact)
                text = "".join(map(line, told))
                write(text) if out is None else _append(out, text)
                stories += told
        except KeyboardInterrupt:
            kept = there + len(stories)
            again = f"in {out}; type the same again to go on" if out is not None else "printed"
            return Outcome("", f"interrupted: {kept} of {len(requests)} stories are {again}", INTERRUPTED)
    missed = sum(bool(unmet([story])) for story in stories)
    notes = [summary(stories, time.perf_counter() - started)]
    if missed:
        notes.append(f"{missed} of {len(stories)} stories miss a control; `met` in each line says which")
    return Outcome("", "\n".join(notes), 1 if missed else 0)


def _there(out: Path, requests: Sequence[Request]) -> int:
    """How many stories `out` holds, which must answer the first requests; half a line at its end is cut off.

    Raises RequestError where `out` holds anything else, which then stays as it is.
    """
    if not out.exists():
        return 0
    try:
        data = out.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        lines = whole.decode("utf-8").split("\n")[:-1]
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{out} can't be gone on with: {error}") from None
    if len(lines) > len(requests):
        raise RequestError(f"{out} holds {len(lines)} stories, more than are asked for: name another file")
    for number, (text, request) in enumerate(zip(lines, requests, strict=False), start=1):
        asked, answered = request.to_json(), _answered(text, f"{out}, line {number}")
        if {key: value for key, value in answered.items() if key in asked or key not in BY_MODEL} != asked:
            raise RequestError(f"{out}, line {number} answers another request: name another file")
    rest = data[len(whole) :]
    if rest:
        if not (rest.startswith(_BEGINS) or _BEGINS.startswith(rest)) or len(lines) == len(requests):
            raise RequestError(f"{out} ends with something that is no story: name another file")
        with out.open("r+b") as stream:
            stream.truncate(len(whole))
    return len(lines)


def _answered(text: str, where: str) -> dict[str, Any]:
    """The request that a line of `out` answers."""
    try:
        return Request(**json.loads(text)["request"]).to_json()
    except (ValueError, TypeError, KeyError, RecursionError, RequestError):
        raise RequestError(f"{where}: no story; name another file") from None


def _append(out: Path, text: str) -> None:
    with out.open("a", encoding="utf-8", newline="\n") as stream:
        stream.write(text)


@contextmanager
def _progress(total: int, there: int) -> Iterator[Callable[[int], None]]:
    """A bar on stderr, if that is a terminal."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("stories", total=total, completed=there)
        yield lambda ended: bar.advance(task, ended)
