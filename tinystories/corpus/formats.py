"""Readers: one for every layout that stories come in, each an iterator in bounded memory."""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from tinystories.corpus.bytes import LARGEST, Content, chunks, lines
from tinystories.corpus.raw import Hints, RawStory, from_object, names, unicode_only
from tinystories.errors import SourceError

SEPARATOR: Final = "<|endoftext|>"
INSTRUCT_FIELD: Final = re.compile(r"(Features|Words|Summary|Random sentence|Story):[ \t]*(.*)", re.DOTALL)
DELIMITERS: Final = (",", ";", "\t")

_BETWEEN_VALUES = re.compile(r"[\s,]*")


def separated(content: Content, source: str, hints: Hints) -> Iterator[RawStory]:
    """Stories with a line `<|endoftext|>`, or hints.separator, between them, blank lines inside allowed."""
    separator = SEPARATOR if hints.separator is None else hints.separator.strip()
    return (RawStory(text, source=source) for text in _blocks(lines(content), content.name, separator))


def separated_inline(content: Content, source: str, hints: Hints) -> Iterator[RawStory]:
    """As `separated`, in files where the mark never has a line of its own but ends or begins one."""
    split = (part for line in lines(content) for part in re.split(f"({re.escape(SEPARATOR)})", line))
    return (RawStory(text, source=source) for text in _blocks(split, content.name))


def instruct(content: Content, source: str, hints: Hints) -> Iterator[RawStory]:
    """TinyStories-Instruct: Features, Words, Summary, Random sentence in any order and subset, then Story."""
    return (_instructed(block, source) for block in _blocks(lines(content), content.name))


def one_a_line(content: Content, source: str, hints: Hints) -> Iterator[RawStory]:
    """A story a line; blank lines are none."""
    return (RawStory(line.strip(), source=source) for line in lines(content) if line.strip())


def one_a_file(content: Content, source: str, hints: Hints) -> Iterator[RawStory]:
    """The whole file is one story."""
    yield from (RawStory(text, source=source) for text in _blocks(lines(content), content.name, None))


def json_values(content: Content, source: str, hints: Hints) -> Iterator[RawStory]:
    """JSON Lines, a JSON array, or objects one after the other; a bare string is a story's text."""
    keys = hints.text_keys
    for value, line in _values(content):
        where = f"{content.name}, line {line}"
        story = {keys[0]: value} if isinstance(value, str) else value
        if not isinstance(story, dict):
            raise SourceError(f"{where}: expected an object with {spelled(keys)}, found {type(value).__name__}")
        yield from_object(story, source, where, keys)


def csv_rows(content: Content, source: str, hints: Hints) -> Iterator[RawStory]:
    """CSV with a header that has a `text` (or `story`) column; comma, semicolon or tab between cells.

    Raises SourceError, with the line, where a row doesn't fit the header or a quote isn't closed.
    """
    csv.field_size_limit(LARGEST)
    rows = lines(content)
    header = next(rows)
    columns, delimiter = csv_header(header, hints)
    keys = tuple(key.lower() for key in hints.text_keys)
    reader = csv.DictReader(rows, fieldnames=columns, delimiter=delimiter, strict=True, restkey="\0rest")
    try:
        for row in reader:
            where = f"{content.name}, line {reader.line_num + 1}"
            if "\0rest" in row:
                raise SourceError(f"{where}: more cells than the header has; put the text in double quotes")
            yield from_object(row, source, where, keys)
    except csv.Error as error:
        raise SourceError(
            f"{content.name}: the row from line {reader.line_num + 2} on is not CSV ({error}); put it right"
        ) from None


def csv_header(line: str, hints: Hints) -> tuple[list[str], str]:
    """Column names, lower case, and the delimiter; ([], ",") if the line is no header with a story's column."""
    named = (hints.separator,) if hints.separator is not None and len(hints.separator) == 1 else ()
    wanted = {key.lower() for key in hints.text_keys}
    for delimiter in (*named, *DELIMITERS):
        try:
            cells = next(csv.reader([line.strip("\r\n")], delimiter=delimiter, strict=True), [])
        except csv.Error:
            continue
        columns = [cell.strip().lower() for cell in cells]
        if wanted.intersection(columns):
            return columns, delimiter
    return [], ","


def spelled(keys: tuple[str, ...]) -> str:
    """Keys as errors name them: "`story` or `text`"."""
    return " or ".join(f"`{key}`" for key in keys)


def _blocks(parts: Iterable[str], name: str, separator: str | None = SEPARATOR) -> Iterator[str]:
    """Texts between separators, stripped. Nothing before the first or after the last one is no story; nothing
    between two is an empty one, but for separators that are blank lines. None = no separator, all is one text.

    Raises SourceError for a text of more than LARGEST characters.
    """
    block: list[str] = []
    began, length, number = False, 0, 1
    for part in parts:
        if part.strip() != separator:
            block.append(part)
            length += len(part)
            if length > LARGEST:
                raise SourceError(
                    f"{name}: story {number} has more than {LARGEST >> 20} million characters, which is no story; "
                    "name what stands between the stories in source.separator"
                )
            continue
        text = "".join(block).strip()
        if text or (began and separator):
            yield text
        began = True
        block, length, number = [], 0, number + 1
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


def _values(content: Content) -> Iterator[tuple[Any, int]]:
    """Values of an array, of lines, or simply one after the other, each with the line that it begins on.

    Raises SourceError, with the line, for what is no JSON and for an array without its end.
    """
    decoder = json.JSONDecoder()
    pieces = chunks(content)
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
            if len(buffer) - position >= LARGEST:
                size = f"more than {LARGEST >> 20} MiB in one value, which is no story"
                raise SourceError(f"{content.name}, line {line}: {size}; put it right or take it out") from None
            if more():
                continue
            at = line + buffer.count("\n", position, position + wrong)
            raise SourceError(
                f"{content.name}, line {at}: not JSON ({error.msg}); put it right or take it out"
            ) from None
        except (ValueError, RecursionError):
            what = "a number of thousands of digits, or lists in lists thousands deep"
            raise SourceError(f"{content.name}, line {line}: {what}; take it out") from None
        yield value, line
        go_to(end)
    if in_array:
        raise SourceError(f"{content.name}: the JSON array has no end; fetch the file again")


def _at_least(pieces: Iterator[str], characters: int) -> Iterator[str]:
    """Some pieces, of `characters` together if there are as many."""
    for piece in pieces:
        yield piece
        characters -= len(piece)
        if characters <= 0:
            return
