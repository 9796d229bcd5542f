"""How much Parquet and Arrow unpack to, told by what they say of themselves before anything is unpacked."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tinystories.corpus.bytes import LARGEST, Content, trusted
from tinystories.errors import SourceError

LARGEST_BATCH: Final = 1 << 29  # bytes; Arrow is unpacked a batch at once

# places in the tables of Arrow's Message.fbs: Message.header, RecordBatch.buffers, .compression, DictionaryBatch.data
_HEADER, _BUFFERS, _COMPRESSION, _DATA = 2, 2, 3, 1


def check_parquet(metadata: Any, columns: list[str], path: Path) -> None:
    """Raises SourceError if a group of rows of these columns unpacks to so much that it can't be text."""
    for group in range(metadata.num_row_groups):
        chunks = (metadata.row_group(group).column(number) for number in range(metadata.num_columns))
        wanted = (chunk for chunk in chunks if chunk.path_in_schema.split(".")[0] in columns)
        trusted(path, sum(chunk.total_uncompressed_size for chunk in wanted), path.stat().st_size)


def check_arrow(stream: Any, path: Path) -> None:
    """Raises SourceError if a packed batch unpacks to more than LARGEST_BATCH, or to so much that it can't be text.

    stream: at the schema's message.
    """
    import pyarrow as pa

    for message in pa.ipc.MessageReader.open_stream(stream):
        if message.type not in ("record batch", "dictionary"):
            continue
        sizes = list(_unpacked(message))
        trusted(path, sum(sizes), path.stat().st_size)
        if sum(sizes) > LARGEST_BATCH:
            raise SourceError(
                f"{path}: packed Arrow with more than {LARGEST_BATCH >> 20} MiB in one batch; "
                "write it in smaller batches, or as Parquet"
            )


def check_values(batch: Any, content: Content, row: int) -> None:
    """Raises SourceError if a text of the batch, whose first row is `row`, is longer than LARGEST."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for column in batch.columns:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            lengths = pc.binary_length(column)
            if (pc.max(lengths).as_py() or 0) > LARGEST:
                where = row + pc.index(pc.greater(lengths, LARGEST), True).as_py()
                raise SourceError(
                    f"{content.name}, row {where}: more than {LARGEST >> 20} MiB in one text, which is no story; "
                    "take it out"
                )


def _unpacked(message: Any) -> Iterator[int]:
    """Bytes of each buffer of a packed record batch, which stand before its packed ones; none if it isn't packed."""
    metadata, body = memoryview(message.metadata), memoryview(b"" if message.body is None else message.body)

    def at(kind: str, place: int) -> int:
        return int(struct.unpack_from(f"<{kind}", metadata, place)[0])

    def field(table: int, number: int) -> int | None:
        """FlatBuffers: where a table's field is, by the offsets that the table points back to; None if it isn't set."""
        offsets = table - at("i", table)
        place = 4 + 2 * number
        offset = at("H", offsets + place) if place < at("H", offsets) else 0
        return table + offset if offset else None

    header = field(at("I", 0), _HEADER)
    if header is not None and message.type == "dictionary":
        header = field(header + at("I", header), _DATA)
    if header is None:
        return
    batch = header + at("I", header)
    buffers = field(batch, _BUFFERS)
    if buffers is None or field(batch, _COMPRESSION) is None:
        return
    first = buffers + at("I", buffers)
    for number in range(at("I", first)):
        begin, length = struct.unpack_from("<qq", metadata, first + 4 + 16 * number)
        if length:
            (size,) = struct.unpack_from("<q", body, begin)
            yield length if size < 0 else size  # -1: this one is not packed
