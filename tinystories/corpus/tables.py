"""Parquet in bounded memory: tables in, tables out, a group of rows at a time."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from tinystories.files import atomic

GROUP: Final = 8192  # rows


@contextmanager
def table_writer(path: Path, schema: Any) -> Iterator[Callable[[Any], None]]:
    """A function that writes a table, cut to `schema`'s columns; the file is there when the block ends well.

    Rows are regrouped, so that the bytes don't depend on how they come.
    """
    waiting = schema.empty_table()

    def write(table: Any) -> None:
        nonlocal waiting
        waiting = pa.concat_tables([waiting, table.select(schema.names).cast(schema)])
        while waiting.num_rows >= GROUP:
            writer.write_table(waiting.slice(0, GROUP).combine_chunks())
            waiting = waiting.slice(GROUP)

    with atomic(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        yield write
        if waiting.num_rows:
            writer.write_table(waiting.combine_chunks())


def write_tables(path: Path, schema: Any, tables: Iterable[Any]) -> int:
    """Write `tables` as `table_writer` does; how many rows there were."""
    count = 0
    with table_writer(path, schema) as write:
        for table in tables:
            write(table)
            count += table.num_rows
    return count


def read_tables(path: Path, columns: list[str] | None = None) -> Iterator[Any]:
    """The rows of a Parquet file as tables of GROUP rows, in order; all columns, or these."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(GROUP, columns=columns):
            yield pa.Table.from_batches([batch])


def count_rows(path: Path) -> int:
    """The rows of a Parquet file, as its end says."""
    with pq.ParquetFile(path) as file:
        return int(file.metadata.num_rows)


def write_rows(path: Path, schema: Any, rows: Iterable[dict[str, Any]]) -> int:
    """Write `rows` (keys as in `schema`) as `write_tables` does."""
    remaining = iter(rows)
    groups = iter(lambda: list(islice(remaining, GROUP)), [])
    return write_tables(path, schema, (pa.Table.from_pylist(group, schema=schema) for group in groups))


def read_rows(path: Path, columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file, in order; all columns, or these."""
    for table in read_tables(path, columns):
        yield from table.to_pylist()
