"""Readers of tables that bring their columns along: Parquet, and Arrow as `datasets` saves it."""

import struct
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from tinystories.corpus.bytes import CHUNK, Content, trusted
from tinystories.corpus.raw import KEYS, Hints, RawStory, from_object
from tinystories.corpus.unpacking import check_arrow, check_parquet, check_values
from tinystories.errors import SourceError, ValidationError

ARROW_FILE: Final = b"ARROW1\0\0"
ARROW_STREAM: Final = b"\xff\xff\xff\xff"

_ROWS: Final = 1024  # in memory at once


def parquet_rows(content: Content, source: str, hints: Hints) -> Iterator[RawStory]:
    """Parquet with a column of texts and, where present, the other keys of a story's object."""
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(content.path, pre_buffer=False, buffer_size=CHUNK) as file:
            columns = _wanted(file.schema_arrow.names, hints)
            check_parquet(file.metadata, columns, _path(content))
            yield from _stories(file.iter_batches(_ROWS, columns=columns), content, source, hints)
    except broken() as error:
        raise SourceError(f"{content.name}: broken Parquet ({first_line(error)}); fetch the file again") from None


def arrow_rows(content: Content, source: str, hints: Hints) -> Iterator[RawStory]:
    """Arrow's file or stream format; otherwise as Parquet."""

    try:
        with ExitStack() as stack:
            check_arrow(_messages(content, stack), _path(content))
            batches = _arrow(content, stack)
            wanted = _wanted(batches.schema.names, hints)
            narrow = (piece for batch in _read(batches) for piece in _pieces(_checked(batch.select(wanted))))
            yield from _stories(narrow, content, source, hints)
    except broken() as error:
        raise SourceError(f"{content.name}: broken Arrow ({first_line(error)}); fetch the file again") from None


def types(content: Content) -> dict[str, Any]:
    """Of each column of a Parquet or Arrow file its type. Raises SourceError if the file is broken."""
    import pyarrow.parquet as pq

    kind = "Parquet" if content.head().startswith(b"PAR1") else "Arrow"
    try:
        with ExitStack() as stack:
            found = pq.read_schema(content.path) if kind == "Parquet" else _arrow(content, stack).schema
            return dict(zip(found.names, found.types, strict=True))
    except broken() as error:
        raise SourceError(f"{content.name}: broken {kind} ({first_line(error)}); fetch the file again") from None


def broken() -> tuple[type[BaseException], ...]:
    """What damaged Parquet and Arrow make pyarrow raise: a name that is not UTF-8, a type that doesn't exist, ..."""
    import pyarrow as pa

    return pa.lib.ArrowException, OSError, struct.error, UnicodeDecodeError


def first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _path(content: Content) -> Path:
    assert content.path is not None, "tables inside packed files are not read"
    return content.path


def _arrow(content: Content, stack: ExitStack) -> Any:
    """Mapped, so that what is not packed takes no memory of its own."""
    import pyarrow as pa

    whole = content.head().startswith(ARROW_FILE)
    stream = stack.enter_context(pa.memory_map(str(content.path)))
    return pa.ipc.open_file(stream) if whole else pa.ipc.open_stream(stream)


def _messages(content: Content, stack: ExitStack) -> Any:
    """The file at its first message: the file format is the stream format with a mark before it and an index behind."""
    import pyarrow as pa

    stream = stack.enter_context(pa.memory_map(str(content.path)))
    stream.seek(len(ARROW_FILE) if content.head().startswith(ARROW_FILE) else 0)
    return stream


def _read(batches: Any) -> Iterator[Any]:
    if hasattr(batches, "num_record_batches"):
        yield from (batches.get_batch(number) for number in range(batches.num_record_batches))
    else:
        yield from batches


def _checked(batch: Any) -> Any:
    """The batch, which Arrow itself takes from the disk as it is: places outside of it would be read. What is not UTF-8
    comes through, to be named."""
    import pyarrow as pa

    for column in batch.columns:
        try:
            column.validate(full=True)
        except pa.ArrowInvalid as error:
            if "UTF8" not in str(error):
                raise
    return batch


def _pieces(batch: Any) -> Iterator[Any]:
    return (batch.slice(start, _ROWS) for start in range(0, batch.num_rows, _ROWS))


def _wanted(names: list[str], hints: Hints) -> list[str]:
    return [name for name in names if name in KEYS or name == hints.column]


def _stories(batches: Iterator[Any], content: Content, source: str, hints: Hints) -> Iterator[RawStory]:
    row = unpacked = 0
    size = _path(content).stat().st_size
    try:
        for batch in batches:
            unpacked += batch.nbytes
            trusted(content.name, unpacked, size)
            check_values(batch, content, row + 1)
            for value in batch.to_pylist():
                row += 1
                yield from_object(value, source, f"{content.name}, row {row}", hints.text_keys)
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise ValidationError(
            f"{content.name}: not UTF-8: a text after row {row} has the byte 0x{byte:02x}; write it as UTF-8"
        ) from None
