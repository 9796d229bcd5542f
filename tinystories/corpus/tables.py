"""Parquet in bounded memory: tables in, tables out, a group of rows at a time."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from tinystories.files import atomic

GROUP: Final = 8192  # rows


def write_tables(path: Path, schema: Any, tables: Iterable[Any]) -> int:
    """Write `tables`, cut to `schema`'s columns, atomically; how many rows there were.

    Rows are regrouped, so that the bytes don't depend on how they come.
    """
    count = 0
    with atomic(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for table in _regrouped(tables, schema):
            writer.write_table(table)
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


def _regrouped(tables: Iterable[Any], schema: Any) -> Iterator[Any]:
    """Tables of GROUP rows, the last one of the rest."""
    waiting = schema.empty_table()
    for table in tables:
        waiting = pa.concat_tables([waiting, table.select(schema.names).cast(schema)])
        while waiting.num_rows >= GROUP:
            yield waiting.slice(0, GROUP).combine_chunks()
            waiting = waiting.slice(GROUP)
    if waiting.num_rows:
        yield waiting.combine_chunks()
