"""`tinystories generate`: a request checked before anything heavy loads, then stories."""

import csv
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tinystories.errors import RequestError
from tinystories.files import atomic
from tinystories.generation.requests import Request
from tinystories.generation.story import Story, unmet

if TYPE_CHECKING:
    from tinystories.generation.story_model import StoryModel

CHUNK: Final = 64  # stories, their candidates counted, that Ctrl-C may lose: a batch
INTERRUPTED: Final = 130  # exit code after Ctrl-C, as shells have it


@dataclass(frozen=True)
class Outcome:
    """out is for stdout, note (may be empty) for stderr; code 1: a control could not be met."""

    out: str
    note: str
    code: int


@dataclass(frozen=True)
class Runs:
    """How the model is run: in int8 or as it is, and where."""

    quantized: bool = False
    device: str = "cpu"


def generate_command(
    model: Path, request: Request, count: int, as_json: bool = False, exact: bool = False, panels: bool = False,
    runs: Runs | None = None, table: Path | None = None,
) -> Outcome:  # fmt: skip
    """Write `count` stories with the model in folder `model`; `panels` for a terminal, `table` a CSV to write.

    Ctrl-C keeps what is done. Raises RequestError and ModelError. The request and the count are checked before
    torch is imported.
    """
    requests = request.repeat(count)
    if table is not None:
        refuse_unwritable(table)
    teller = load(model, runs)
    started, stories, interrupted = time.perf_counter(), list[Story](), False
    try:
        for chunk in chunks(requests):
            stories += teller.generate_many(chunk, exact=exact)
    except KeyboardInterrupt:
        interrupted = True
        if not stories:
            raise
    seconds = time.perf_counter() - started
    if table is not None:
        write_table(table, stories)
    if as_json:
        out = "".join(line(story) for story in stories)
    elif table is not None:
        out = ""
    elif panels:
        from tinystories.commands.panels import panel

        out = "".join(panel(story, number, count) for number, story in enumerate(stories, start=1))
    else:
        out = "\n\n".join(story.text for story in stories) + "\n"
    outcome = _outcome(out, stories, [] if as_json else [summary(stories, seconds)])
    if not interrupted:
        return outcome
    note = f"{outcome.note}\ninterrupted: {len(stories)} of {count} stories".lstrip()
    return replace(outcome, note=note, code=INTERRUPTED)


def chunks(requests: Sequence[Request]) -> Iterator[list[Request]]:
    """Requests that are written at once: what Ctrl-C may lose."""
    chunk: list[Request] = []
    rows = 0
    for request in requests:
        more = request.best_of or 1
        if chunk and rows + more > CHUNK:
            yield chunk
            chunk, rows = [], 0
        chunk.append(request)
        rows += more
    yield chunk


def stream_command(
    model: Path, request: Request, as_json: bool = False, exact: bool = False,
    write: Callable[[str], None] = lambda _: None, runs: Runs | None = None,
) -> Outcome:  # fmt: skip
    """One story, whose pieces are given to `write` as they come; as JSON, its one line.

    Raises RequestError and ModelError.
    """
    teller = load(model, runs)
    started, stories = time.perf_counter(), []
    for piece in teller.stream(request, exact):
        if isinstance(piece, Story):
            stories.append(piece)
        elif not as_json:
            write(piece)
    seconds = time.perf_counter() - started
    if as_json:
        return _outcome("".join(map(line, stories)), stories, [])
    return _outcome("\n", stories, [summary(stories, seconds)])


def load(model: Path, runs: Runs | None = None) -> "StoryModel":
    from tinystories.generation.story_model import StoryModel

    runs = runs or Runs()
    if runs.device == "cpu":
        return StoryModel.load(model, quantized=runs.quantized)
    from tinystories.training.hardware import device_of

    device = device_of(runs.device).type
    if runs.quantized and device != "cpu":
        raise RequestError("--quantized is for the CPU: leave out --device")
    return StoryModel.load(model, device, runs.quantized)


def refuse_unwritable(path: Path) -> None:
    """Raise RequestError where no file can be written to `path`: before stories are told, which would be lost."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(f"--out {path}: can't be written ({error.strerror}); name another file") from None
    if path.is_dir():
        raise RequestError(f"--out {path} is a folder: name a file")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise RequestError(f"--out {path}: may not be written; name another file")


def write_table(path: Path, stories: Sequence[Story]) -> None:
    """A CSV, a row a story: its text, what was asked for and met (JSON), how it stopped, and its figures."""
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        rows = [story.to_json() for story in stories]
        # quoted, or a lone \r in a story would end its row
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writeheader()
        for row in rows:
            writer.writerow(
                {k: json.dumps(v, ensure_ascii=False) if isinstance(v, dict) else v for k, v in row.items()}
            )


def line(story: Story) -> str:
    """A story as a line of JSON."""
    return json.dumps(story.to_json(), ensure_ascii=False, allow_nan=False) + "\n"


def parse_words(text: str | None) -> tuple[str, ...]:
    """The words of `a,b,c`; empty ones are left for Request to refuse."""
    return () if text is None else tuple(text.split(","))


def summary(stories: Sequence[Story], seconds: float = 0.0) -> str:
    """One line: how many stories, how many ended by themselves, how often each control was met, tokens a second."""
    ended = sum(story.stopped == "eos" for story in stories)
    parts = [
        f"{len(stories)} stor{'y' if len(stories) == 1 else 'ies'}",
        f"{ended} ended by {'itself' if ended == 1 else 'themselves'}",
    ]
    for control in dict.fromkeys(control for story in stories for control in story.met):
        asked = [story.met[control] for story in stories if control in story.met]
        parts.append(f"{control} {sum(asked)}/{len(asked)}")
    if seconds:
        parts.append(f"{sum(story.tokens for story in stories) / seconds:,.0f} tokens/s")
    return ", ".join(parts)


def _outcome(out: str, stories: Sequence[Story], notes: list[str]) -> Outcome:
    missed = unmet(stories)
    if missed:
        notes.append(f"not met by any of {len(stories)}: {', '.join(missed)}; try another seed or a higher --count")
    return Outcome(out, "\n".join(notes), 1 if missed else 0)
