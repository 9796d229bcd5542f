"""Readers: one for every layout that stories come in, each an iterator in bounded memory."""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from tinystories.corpus.bytes import chunks, lines
from tinystories.corpus.raw import KEYS, RawStory, from_object, names, unicode_only
from tinystories.errors import SourceError, ValidationError

SEPARATOR: Final = "<|endoftext|>"
INSTRUCT_FIELD: Final = re.compile(r"(Features|Words|Summary|Random sentence|Story):[ \t]*(.*)", re.DOTALL)
DELIMITERS: Final = (",", ";", "\t")

_LARGEST_VALUE = 1 << 26  # characters; a JSON value that isn't over by then is broken
_ROWS = 1024  # of Parquet, in memory at once
_BETWEEN_VALUES = re.compile(r"[\s,]*")


def separated(path: Path, source: str) -> Iterator[RawStory]:
    """Stories with a line `<|endoftext|>` between them, blank lines inside allowed."""
    return (RawStory(text, source=source) for text in _blocks(lines(path)))


def separated_inline(path: Path, source: str) -> Iterator[RawStory]:
    """As `separated`, in files where the mark never has a line of its own but ends or begins one."""
    split = (part for line in lines(path) for part in re.split(f"({re.escape(SEPARATOR)})", line))
    return (RawStory(text, source=source) for text in _blocks(split))


def instruct(path: Path, source: str) -> Iterator[RawStory]:
    """TinyStories-Instruct: Features, Words, Summary, Random sentence in any order and subset, then Story."""
    return (_instructed(block, source) for block in _blocks(lines(path)))


def one_a_line(path: Path, source: str) -> Iterator[RawStory]:
    """A story a line; blank lines are none."""
    return (RawStory(line.strip(), source=source) for line in lines(path) if line.strip())


def one_a_file(path: Path, source: str) -> Iterator[RawStory]:
    """The whole file is one story."""
    yield RawStory("".join(lines(path)).strip(), source=source)


def json_values(path: Path, source: str) -> Iterator[RawStory]:
    """JSON Lines, a JSON array, or objects one after the other; a bare string is a story's text."""
    for value, line in _values(path):
        where = f"{path}, line {line}"
        story = {"text": value} if isinstance(value, str) else value
        if not isinstance(story, dict):
            raise SourceError(f"{where}: expected an object with `story` or `text`, found {type(value).__name__}")
        yield from_object(story, source, where)


def csv_rows(path: Path, source: str) -> Iterator[RawStory]:
    """CSV with a header that has a `text` (or `story`) column; comma, semicolon or tab between cells.

    Raises SourceError, with the line, where a row doesn't fit the header or a quote isn't closed.
    """
    csv.field_size_limit(_LARGEST_VALUE)
    rows = lines(path)
    header = next(rows)
    columns, delimiter = csv_header(header)
    reader = csv.DictReader(rows, fieldnames=columns, delimiter=delimiter, strict=True, restkey="\0rest")
    try:
        for row in reader:
            where = f"{path}, line {reader.line_num + 1}"
            if "\0rest" in row:
                raise SourceError(f"{where}: more cells than the header has; put the text in double quotes")
            yield from_object(row, source, where)
    except csv.Error as error:
        raise SourceError(
            f"{path}: the row from line {reader.line_num + 2} on is not CSV ({error}); put it right"
        ) from None


def parquet_rows(path: Path, source: str) -> Iterator[RawStory]:
    """Parquet with a `text` or `story` column and, where present, the other keys of a story's object."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    row = 0
    try:
        with pq.ParquetFile(path) as file:
            columns = [name for name in file.schema_arrow.names if name in KEYS]
            for batch in file.iter_batches(_ROWS, columns=columns):
                for value in batch.to_pylist():
                    row += 1
                    yield from_object(value, source, f"{path}, row {row}")
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise ValidationError(
            f"{path}: not UTF-8: a text after row {row} has the byte 0x{byte:02x}; write it as UTF-8"
        ) from None
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceError(f"{path}: broken Parquet ({_first_line(error)}); fetch the file again") from None


def csv_header(line: str) -> tuple[list[str], str]:
    """Column names, lower case, and the delimiter; ([], ",") if the line is no header with a story's column."""
    for delimiter in DELIMITERS:
        try:
            cells = next(csv.reader([line.strip("\r\n")], delimiter=delimiter, strict=True), [])
        except csv.Error:
            continue
        columns = [cell.strip().lower() for cell in cells]
        if "text" in columns or "story" in columns:
            return columns, delimiter
    return [], ","


def _blocks(parts: Iterable[str]) -> Iterator[str]:
    """Texts between separators, stripped. Nothing before the first or after the last one is no story;
    nothing between two is an empty one."""
    block: list[str] = []
    began = False
    for part in parts:
        if part.strip() != SEPARATOR:
            block.append(part)
            continue
        text = "".join(block).strip()
        if text or began:
            yield text
        began = True
        block = []
    if text := "".join(block).strip():
        yield text


def _instructed(block: str, source: str) -> RawStory:
    """One story of the Instruct layout; a block that doesn't begin with a field is all text.

    The random sentence has no place in the record: it is part of the text.
    """
    fields: dict[str, str] = {}
    current: str | None = None
    rest = block.splitlines(keepends=True)
    for number, line in enumerate(rest):
        match = INSTRUCT_FIELD.match(line)
        if match is None and current is None:
            break
        if match is None:
            fields[current or ""] += line
            continue
        current = match[1]
        fields[current] = match[2]
        if current == "Story":
            text = match[2] + "".join(rest[number + 1 :])
            return RawStory(
                unicode_only(text).strip(),
                features=names(fields.get("Features")),
                words=names(fields.get("Words")),
                summary=fields.get("Summary", "").strip() or None,
                source=source,
            )
    return RawStory(block, source=source)


def _values(path: Path) -> Iterator[tuple[Any, int]]:
    """Values of an array, of lines, or simply one after the other, each with the line that it begins on.

    Raises SourceError, with the line, for what is no JSON and for an array without its end.
    """
    decoder = json.JSONDecoder()
    pieces = chunks(path)
    buffer, position, line, in_array = "", 0, 1, False  # line: the one that buffer[position] is on

    def go_to(end: int) -> None:
        nonlocal position, line
        line += buffer.count("\n", position, end)
        position = end

    def more() -> bool:
        nonlocal buffer, position
        fresh = list(_at_least(pieces, len(buffer) - position))  # doubling: a long value costs no square of its length
        buffer, position = buffer[position:] + "".join(fresh), 0
        return bool(fresh)

    while True:
        if between := _BETWEEN_VALUES.match(buffer, position):
            go_to(between.end())
        if position == len(buffer):
            if more():
                continue
            break
        if buffer[position] == ("]" if in_array else "["):
            in_array = not in_array
            go_to(position + 1)
            continue
        try:
            value, end = decoder.raw_decode(buffer, position)
        except json.JSONDecodeError as error:
            wrong = error.pos - position
            if len(buffer) - position < _LARGEST_VALUE and more():
                continue
            at = line + buffer.count("\n", position, position + wrong)
            raise SourceError(f"{path}, line {at}: not JSON ({error.msg}); put it right or take it out") from None
        yield value, line
        go_to(end)
    if in_array:
        raise SourceError(f"{path}: the JSON array has no end; fetch the file again")


def _at_least(pieces: Iterator[str], characters: int) -> Iterator[str]:
    """Some pieces, of `characters` together if there are as many."""
    for piece in pieces:
        yield piece
        characters -= len(piece)
        if characters <= 0:
            return


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
