"""Which layout a file is in, told by its content."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tinystories.corpus import formats
from tinystories.corpus.bytes import CHUNK, not_utf8, read_head
from tinystories.corpus.raw import TEXT_KEYS, RawStory
from tinystories.errors import SourceError

Reader = Callable[[Path, str], Iterator[RawStory]]

READERS: Final[dict[str, Reader]] = {
    "separated": formats.separated,
    "separated inline": formats.separated_inline,
    "instruct": formats.instruct,
    "one story a line": formats.one_a_line,
    "one story a file": formats.one_a_file,
    "json": formats.json_values,
    "csv": formats.csv_rows,
    "parquet": formats.parquet_rows,
}
PLAIN: Final = "plain"  # text without marks: a story a line or a story a file, as its neighbours say

STORY_BYTES: Final = 8192  # hardly a story of this kind is longer; data with a story a line hardly shorter

_PACKED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_JSON_BEGINS = re.compile(r'\s*(\{\s*["}]|\[\s*["{\]])')
_JSON_STORY = re.compile(rf'"({"|".join(TEXT_KEYS)})"\s*:')
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


def recognise(path: Path) -> Recognised:
    """The layout of a file, by its first MiB (of Parquet: by its columns).

    Raises ValidationError if it is text but not UTF-8, SourceError if it is broken JSON or Parquet.
    """
    head = read_head(path)
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        return Recognised(None, "empty")
    if head.startswith(b"PAR1"):
        return _parquet(path)
    for magic, name in _PACKED.items():
        if head.startswith(magic):
            return Recognised(None, f"packed ({name}): unpack it first")
    if head.startswith(_UTF16_MARKS):
        raise not_utf8(path, 0, head[0])
    controls = len(_CONTROLS.findall(head)) / len(head)
    try:
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3 or len(head) < CHUNK:  # else the MiB ends inside a character
            if controls > 0.02:
                return Recognised(None, "binary")
            raise not_utf8(path, error.start, head[error.start]) from None
        text = head[: error.start].decode("utf-8-sig")
    if controls > 0.2:
        return Recognised(None, "binary, or text in UTF-16 without its mark")
    return _text(path, text, whole=len(head) < CHUNK)


def is_one_story(path: Path) -> bool:
    """Whether plain text that stands alone is one story, not a story a line: short, with a blank line in it."""
    head = read_head(path)
    return len(head) <= STORY_BYTES and bool(_BLANK_LINE.search(head.decode("utf-8", "replace")))


def _text(path: Path, text: str, whole: bool) -> Recognised:
    if _JSON_BEGINS.match(text):
        return _json(path, text, whole)
    if formats.csv_header(text.split("\n", 1)[0])[0]:
        return Recognised("csv")
    if _INSTRUCTED.search(text) and _STORY.search(text):
        return Recognised("instruct")
    if _ALONE.search(text):
        return Recognised("separated")
    if _AT_AN_EDGE.search(text):
        return Recognised("separated inline")
    return Recognised(PLAIN)


def _json(path: Path, text: str, whole: bool) -> Recognised:
    """By the first value; where that is longer than the text at hand, by the keys that occur in it."""
    start = len(text) - len(text.lstrip())
    if text[start] == "[":
        start += len(text[start + 1 :]) - len(text[start + 1 :].lstrip()) + 1
        if text[start : start + 1] == "]":
            return Recognised(None, "an empty JSON array")
    try:
        value, _ = json.JSONDecoder().raw_decode(text, start)
    except json.JSONDecodeError as error:
        if whole:
            at = text.count("\n", 0, error.pos) + 1
            raise SourceError(
                f"{path}, line {at}: begins like JSON and isn't ({error.msg}); put it right or take the file out"
            ) from None
        known = bool(_JSON_STORY.search(text))
    else:
        known = isinstance(value, str) or (isinstance(value, dict) and any(key in value for key in TEXT_KEYS))
    return Recognised("json") if known else Recognised(None, "JSON without `story` or `text`")


def _parquet(path: Path) -> Recognised:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
    except (pa.ArrowInvalid, OSError) as error:
        reason = str(error).splitlines()[0]
        raise SourceError(f"{path}: broken Parquet ({reason}); fetch the file again") from None
    for key in TEXT_KEYS:
        if key in schema.names:
            kind = schema.field(key).type
            if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
                return Recognised("parquet")
            return Recognised(None, f"Parquet whose `{key}` column holds {kind}, not text")
    return Recognised(None, f"Parquet without a `story` or `text` column (it has: {', '.join(schema.names)})")
