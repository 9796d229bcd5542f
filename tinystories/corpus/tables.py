"""Parquet in bounded memory: rows in, rows out, a group of them at a time."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from tinystories.files import atomic

GROUP: Final = 8192  # rows


def write_rows(path: Path, schema: Any, rows: Iterable[dict[str, Any]]) -> int:
    """Write `rows` (keys as in `schema`), atomically, in groups; how many there were."""
    count = 0
    remaining = iter(rows)
    with atomic(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        while group := list(islice(remaining, GROUP)):
            writer.write_table(pa.Table.from_pylist(group, schema=schema))
            count += len(group)
    return count


def read_rows(path: Path, columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file, in order; all columns, or these."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(GROUP, columns=columns):
            yield from batch.to_pylist()
