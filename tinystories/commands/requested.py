"""`tinystories generate --requests FILE`: many requests, one a line; what is done is kept."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from tinystories.commands.generate import Outcome, Runs, line, load, summary
from tinystories.errors import RequestError
from tinystories.generation.requests import Request
from tinystories.generation.story import unmet

CHUNK: Final = 64  # stories between two writes: a batch
INTERRUPTED: Final = 130  # exit code after Ctrl-C, as shells have it


def read_requests(file: Path) -> list[Request]:
    """The requests of a JSON Lines file; `count` in a line asks for that many stories.

    Raises RequestError, with file and line, for what is no request; blank lines are passed over.
    """
    try:
        lines = file.read_text(encoding="utf-8").split("\n")  # U+2028 is no end of a line
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
    except json.JSONDecodeError as error:
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
    there = _there(out, requests) if out is not None else 0
    if there:
        say(f"{there} of {len(requests)} stories are in {out} already")
    if there == len(requests):
        return Outcome("", "nothing to do", 0)
    teller = load(model, runs)
    started, stories = time.perf_counter(), []
    with _progress(len(requests), there) as advance:
        try:
            for start in range(there, len(requests), CHUNK):
                chunk = teller.generate_many(requests[start : start + CHUNK], advance, exact)
                stories += chunk
                text = "".join(map(line, chunk))
                write(text) if out is None else _append(out, text)
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
    """How many stories `out` holds, which must answer the first requests; half a line at its end is cut off."""
    if not out.exists():
        return 0
    data = out.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if whole != data:
        with out.open("r+b") as stream:
            stream.truncate(len(whole))
    lines = whole.decode("utf-8").split("\n")[:-1]
    if len(lines) > len(requests):
        raise RequestError(f"{out} holds {len(lines)} stories, more than are asked for: name another file")
    for number, (text, request) in enumerate(zip(lines, requests, strict=False), start=1):
        try:
            answered = json.loads(text)["request"]
        except (json.JSONDecodeError, TypeError, KeyError):
            raise RequestError(f"{out}, line {number}: no story; name another file") from None
        if {key: answered.get(key) for key in request.to_json()} != request.to_json():
            raise RequestError(f"{out}, line {number} answers another request: name another file")
    return len(lines)


def _append(out: Path, text: str) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
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
