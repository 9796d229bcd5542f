"""Packed files as they are: gzip, zstd and tar, unpacked while they are read and never onto the disk."""

import io
import tarfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from tinystories.corpus.bytes import CHUNK, Content, read, trusted
from tinystories.errors import SourceError

GZIP: Final = b"\x1f\x8b"
ZSTD: Final = b"\x28\xb5\x2f\xfd"

_PIECE: Final = 1 << 11  # bytes unpacked at once: at worst to 2 MiB by gzip, to 64 MiB by zstd
_TAR: Final = (b"ustar\x0000", b"ustar  \x00")
_TAR_AT: Final = 257


def unpacked(path: Path) -> Content:
    """The file's bytes, or what they unpack to if it is a gzip or zstd file."""
    plain = Content.of(path)
    with plain.open() as stream:
        magic = read(stream, 4, plain.name)
    if magic.startswith(GZIP):
        return Content(str(path), partial(_stream, path, _gzip, "gzip"))
    if magic == ZSTD:
        return Content(str(path), partial(_stream, path, _zstd, "zstd"))
    return plain


def is_tar(head: bytes) -> bool:
    return head[_TAR_AT : _TAR_AT + 8] in _TAR


def members(content: Content) -> Iterator[tuple[str, int, Content]]:
    """(name, bytes, content) of an archive's files, in its order; each can be read until the next one is asked for,
    once, from its beginning.

    Raises SourceError where the archive is damaged or ends too soon. Links and devices are left out.
    """
    with content.open() as stream:
        try:
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                for member in archive:
                    if not member.isfile():
                        continue
                    opened = cast(BinaryIO, archive.extractfile(member))
                    name = f"{content.name}: {member.name}"
                    yield member.name, member.size, Content(name, partial(_guarded, opened, content.name))
        except (tarfile.TarError, EOFError) as error:
            raise _broken(content.name, "tar", str(error)) from None


def _guarded(member: BinaryIO, archive: str) -> BinaryIO:
    return io.BufferedReader(_Member(member, archive), CHUNK)


def _broken(name: str | Path, kind: str, reason: str) -> SourceError:
    return SourceError(f"{name}: broken {kind} file ({reason}); fetch it again")


class _Member(io.RawIOBase):
    """A file in an archive; that the archive ends inside it is a user's error."""

    def __init__(self, member: BinaryIO, archive: str) -> None:
        self._member, self._archive = member, archive

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            piece = self._member.read(len(buffer))
        except tarfile.TarError as error:
            raise _broken(self._archive, "tar", str(error)) from None
        buffer[: len(piece)] = piece
        return len(piece)


def _stream(path: Path, decoder: Callable[[], Any], kind: str) -> BinaryIO:
    return io.BufferedReader(_Unpacked(path, decoder, kind), CHUNK)


def _gzip() -> Any:
    return zlib.decompressobj(wbits=31)


def _zstd() -> Any:
    import zstandard

    return zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()


class _Unpacked(io.RawIOBase):
    """What a packed file unpacks to, in bounded memory. Raises SourceError where it is damaged, ends too
    soon, or unpacks to so much that it can't be text."""

    def __init__(self, path: Path, decoder: Callable[[], Any], kind: str) -> None:
        self._path, self._new, self._kind = path, decoder, kind
        self._packed = Content.of(path).open()
        self._size = path.stat().st_size
        self._decoder: Any = None
        self._rest = b""  # packed bytes behind the end of a member
        self._ready = memoryview(b"")
        self._total = 0

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._packed.close()
        super().close()

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            if not self._more():
                return 0
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _more(self) -> bool:
        """Unpack another piece; False at the end."""
        piece = self._rest or read(self._packed, _PIECE, str(self._path))
        self._rest = b""
        if not piece:
            if self._decoder is not None:
                raise _broken(self._path, self._kind, "it ends in the middle")
            return False
        if self._decoder is None:
            if self._total and not piece.strip(b"\0"):
                return True  # zeros fill up the last block of some disks and tapes
            self._decoder = self._new()
        fresh = self._decode(piece)
        if self._decoder.eof:
            self._rest = self._decoder.unused_data
            self._decoder = None
        self._ready = memoryview(fresh)
        self._total += len(fresh)
        trusted(self._path, self._total, self._size)
        return True

    def _decode(self, piece: bytes) -> bytes:
        import zstandard

        try:
            return cast(bytes, self._decoder.decompress(piece))
        except (zlib.error, zstandard.ZstdError, MemoryError) as error:
            raise _broken(self._path, self._kind, " ".join(str(error).split()) or "too large a window") from None
