"""Files as bytes and as UTF-8 text, piece by piece; a byte that isn't UTF-8 is named, never replaced."""

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from tinystories.errors import SourceError, ValidationError

CHUNK: Final = 1 << 20  # bytes
LARGEST: Final = 1 << 26  # bytes or characters of one line, story or value; what is longer is no story
TRUSTED: Final = 1 << 26  # bytes that any file may have when unpacked
LARGEST_RATIO: Final = 200  # text shrinks to a third, the same story over and over to a hundredth


@dataclass(frozen=True)
class Content:
    """Bytes that may be stories: a file's, unpacked where it is packed, or those of a file in an archive.

    name: as errors call it. open: a stream from the beginning. path: of the file itself, None where that has
    other bytes than the stream.
    """

    name: str
    open: Callable[[], BinaryIO]
    path: Path | None = None

    @staticmethod
    def of(path: Path) -> "Content":
        return Content(str(path), partial(_opened, path), path)

    def head(self) -> bytes:
        """The first MiB. Raises SourceError where it can't be read."""
        with self.open() as stream:
            return read(stream, CHUNK, self.name)


def read(stream: BinaryIO, size: int, name: str) -> bytes:
    """At most `size` bytes, fewer only at the end. Raises SourceError where the disk or its rights say no."""
    try:
        return stream.read(size)
    except OSError as error:
        raise unreadable(name, error) from None


def unreadable(name: str | Path, error: OSError) -> SourceError:
    return SourceError(f"{name}: can't be read ({error.strerror or error}); check the file and its permissions")


def trusted(name: str | Path, unpacked: int, size: int) -> None:
    """Raises SourceError if a file of `size` bytes has unpacked to so many that it can't be text."""
    if unpacked > max(TRUSTED, LARGEST_RATIO * size):
        raise SourceError(
            f"{name}: unpacks to more than {LARGEST_RATIO} times its size, which text does not; "
            "unpack it yourself if you trust it"
        )


def lines(content: Content) -> Iterator[str]:
    r"""Lines with their "\n"; Windows line ends are the file's way to write "\n", a lone "\r" is text.

    A byte order mark at the start is dropped. Raises ValidationError as `not_utf8` says, SourceError for a
    line longer than LARGEST.
    """
    offset = 0
    with content.open() as stream:
        while line := _line(stream, content.name, offset):
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError as error:
                raise not_utf8(content.name, offset + error.start, line[error.start]) from None
            if not offset:
                text = text.removeprefix("\ufeff")
            offset += len(line)
            yield text[:-2] + "\n" if text.endswith("\r\n") else text


def chunks(content: Content) -> Iterator[str]:
    """The text in pieces of about a MiB, never inside a character; else as `lines`, line ends as they are."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset = 0
    with content.open() as stream:
        while True:
            piece = read(stream, CHUNK, content.name)
            pending = len(decoder.getstate()[0])
            try:
                text = decoder.decode(piece, final=not piece)
            except UnicodeDecodeError as error:
                raise not_utf8(content.name, offset - pending + error.start, error.object[error.start]) from None
            if text:
                yield text.removeprefix("\ufeff") if offset == 0 else text
            if not piece:
                return
            offset += len(piece)


def not_utf8(name: str, offset: int, byte: int) -> ValidationError:
    """The error for a file of text that is not UTF-8: which file, where in it, what to do."""
    encoding = "UTF-16" if offset == 0 and byte in (0xFE, 0xFF) else "WINDOWS-1252"
    return ValidationError(
        f"{name}: not UTF-8: byte 0x{byte:02x} at byte offset {offset}; "
        f"convert the file, such as with: iconv -f {encoding} -t UTF-8 {Path(name).name}"
    )


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise unreadable(path, error) from None


def _line(stream: BinaryIO, name: str, offset: int) -> bytes:
    try:
        line = stream.readline(LARGEST)
    except OSError as error:
        raise unreadable(name, error) from None
    if len(line) == LARGEST and not line.endswith(b"\n"):
        raise SourceError(
            f"{name}: the line at byte offset {offset} has more than {LARGEST >> 20} MiB, which is no story; "
            "cut it, or name what stands between the stories in source.separator"
        )
    return line
