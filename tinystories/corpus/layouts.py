"""Which layout a file is in, told by its content."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from tinystories.corpus import columns, formats
from tinystories.corpus.bytes import CHUNK, Content, not_utf8
from tinystories.corpus.raw import Hints, RawStory
from tinystories.errors import SourceError

Reader = Callable[[Content, str, Hints], Iterator[RawStory]]

READERS: Final[dict[str, Reader]] = {
    "separated": formats.separated,
    "separated inline": formats.separated_inline,
    "instruct": formats.instruct,
    "one story a line": formats.one_a_line,
    "one story a file": formats.one_a_file,
    "json": formats.json_values,
    "csv": formats.csv_rows,
    "parquet": columns.parquet_rows,
    "arrow": columns.arrow_rows,
}
PLAIN: Final = "plain"  # text without marks: a story a line or a story a file, as its neighbours say

STORY_BYTES: Final = 8192  # hardly a story of this kind is longer; data with a story a line hardly shorter

_PACKED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_JSON_BEGINS = re.compile(r'\s*(\{\s*["}]|\[\s*["{\]])')
_ALONE = re.compile(rf"(?m)^[ \t]*{re.escape(formats.SEPARATOR)}[ \t]*\r?$")
_AT_AN_EDGE = re.compile(rf"(?m)(^[ \t]*{re.escape(formats.SEPARATOR)}|{re.escape(formats.SEPARATOR)}[ \t]*\r?$)")
_INSTRUCTED = re.compile(r"(?m)^(Features|Words|Summary|Random sentence):")
_STORY = re.compile(r"(?m)^Story:")
_BLANK_LINE = re.compile(r"\S[ \t]*\r?\n([ \t]*\r?\n)+[ \t]*\S")


@dataclass(frozen=True)
class Recognised:
    """layout: a key of READERS, or PLAIN; None = no stories here, and `reason` says why."""

    layout: str | None
    reason: str = ""


def recognise(content: Content, hints: Hints) -> Recognised:
    """The layout of a file, by its first MiB (of Parquet and Arrow: by the columns).

    Raises ValidationError if it is text but not UTF-8, SourceError if it is broken JSON, Parquet or Arrow.
    """
    head = content.head()
    name = content.name
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        return Recognised(None, "empty")
    if head.startswith((b"PAR1", columns.ARROW_FILE, columns.ARROW_STREAM)):
        return _columns(content, "parquet" if head.startswith(b"PAR1") else "arrow", hints)
    for magic, kind in _PACKED.items():
        if head.startswith(magic):
            return Recognised(None, f"packed ({kind}): unpack it first")
    if head.startswith(_UTF16_MARKS):
        raise not_utf8(name, 0, head[0])
    controls = len(_CONTROLS.findall(head)) / len(head)
    try:
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3 or len(head) < CHUNK:  # else the MiB ends inside a character
            if controls > 0.02:
                return Recognised(None, "binary")
            raise not_utf8(name, error.start, head[error.start]) from None
        text = head[: error.start].decode("utf-8-sig")
    if controls > 0.2:
        return Recognised(None, "binary, or text in UTF-16 without its mark")
    return _text(name, text, len(head) < CHUNK, hints)


def is_one_story(head: bytes) -> bool:
    """Whether plain text that stands alone is one story, not a story a line: short, with a blank line in it."""
    return len(head) <= STORY_BYTES and bool(_BLANK_LINE.search(head.decode("utf-8", "replace")))


def _text(name: str, text: str, whole: bool, hints: Hints) -> Recognised:
    if _JSON_BEGINS.match(text):
        return _json(name, text, whole, hints)
    if formats.csv_header(text.split("\n", 1)[0], hints)[0]:
        return Recognised("csv")
    if _INSTRUCTED.search(text) and _STORY.search(text):
        return Recognised("instruct")
    if _ALONE.search(text) or _has_line(text, hints.separator):
        return Recognised("separated")
    if _AT_AN_EDGE.search(text):
        return Recognised("separated inline")
    return Recognised(PLAIN)


def _has_line(text: str, separator: str | None) -> bool:
    return separator is not None and any(line.strip() == separator.strip() for line in text.split("\n")[:-1])


def _json(name: str, text: str, whole: bool, hints: Hints) -> Recognised:
    """By the first value; where that is longer than the text at hand, by the keys that occur in it."""
    keys = hints.text_keys
    start = len(text) - len(text.lstrip())
    if text[start] == "[":
        start += len(text[start + 1 :]) - len(text[start + 1 :].lstrip()) + 1
        if text[start : start + 1] == "]":
            return Recognised(None, "an empty JSON array")
    try:
        value, _ = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError) as error:
        if whole and isinstance(error, json.JSONDecodeError):
            at = text.count("\n", 0, error.pos) + 1
            raise SourceError(
                f"{name}, line {at}: begins like JSON and isn't ({error.msg}); put it right or take the file out"
            ) from None
        known = any(re.search(rf'"{re.escape(key)}"\s*:', text) for key in keys)
    else:
        known = isinstance(value, str) or (isinstance(value, dict) and any(key in value for key in keys))
    return Recognised("json") if known else Recognised(None, f"JSON without {formats.spelled(keys)}")


def _columns(content: Content, layout: str, hints: Hints) -> Recognised:
    import pyarrow as pa

    kind = layout.capitalize()
    if content.path is None:
        return Recognised(None, f"{kind} inside a packed file: unpack it first")
    types = columns.types(content)
    for key in hints.text_keys:
        if key in types:
            held = types[key]
            if pa.types.is_dictionary(held):
                held = held.value_type
            if pa.types.is_string(held) or pa.types.is_large_string(held) or pa.types.is_string_view(held):
                return Recognised(layout)
            return Recognised(None, f"{kind} whose `{key}` column holds {held}, not text")
    return Recognised(None, f"{kind} without a {formats.spelled(hints.text_keys)} column (it has: {', '.join(types)})")
