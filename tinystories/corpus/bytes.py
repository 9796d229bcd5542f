"""Files as UTF-8 text, piece by piece; a byte that isn't UTF-8 is named, never replaced."""

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tinystories.errors import SourceError, ValidationError

CHUNK: Final = 1 << 20  # bytes


def read_head(path: Path) -> bytes:
    """The first MiB. Raises SourceError where the file can't be opened."""
    try:
        with path.open("rb") as stream:
            return stream.read(CHUNK)
    except OSError as error:
        raise SourceError(f"{path}: can't be read ({error.strerror}); check its permissions") from None


def lines(path: Path) -> Iterator[str]:
    r"""Lines with their "\n"; Windows line ends are the file's way to write "\n", a lone "\r" is text.

    A byte order mark at the start is dropped. Raises ValidationError as `not_utf8` says.
    """
    offset = 0
    with path.open("rb") as stream:
        for line in stream:
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError as error:
                raise not_utf8(path, offset + error.start, line[error.start]) from None
            if not offset:
                text = text.removeprefix("\ufeff")
            offset += len(line)
            yield text[:-2] + "\n" if text.endswith("\r\n") else text


def chunks(path: Path) -> Iterator[str]:
    """The text in pieces of about a MiB, never inside a character; else as `lines`, line ends as they are."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset = 0
    with path.open("rb") as stream:
        while True:
            piece = stream.read(CHUNK)
            pending = len(decoder.getstate()[0])
            try:
                text = decoder.decode(piece, final=not piece)
            except UnicodeDecodeError as error:
                raise not_utf8(path, offset - pending + error.start, error.object[error.start]) from None
            if text:
                yield text.removeprefix("\ufeff") if offset == 0 else text
            if not piece:
                return
            offset += len(piece)


def not_utf8(path: Path, offset: int, byte: int) -> ValidationError:
    """The error for a file of text that is not UTF-8: which file, where in it, what to do."""
    return ValidationError(
        f"{path}: not UTF-8: byte 0x{byte:02x} at byte offset {offset}; "
        f"convert the file, such as with: iconv -f WINDOWS-1252 -t UTF-8 {path.name}"
    )
