"""Tables are written as they come: memory doesn't grow with them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tinystories.corpus.tables import GROUP, table_writer

SCHEMA = pa.schema([pa.field("text", pa.string())])
SIZE = 500  # characters of each text


def table(number: int) -> pa.Table:
    return pa.table({"more": [0] * GROUP, "text": [f"{number:03}" + "x" * (SIZE - 3)] * GROUP})


def test_what_is_written_is_not_kept(tmp_path: Path) -> None:
    before = pa.total_allocated_bytes()
    with table_writer(tmp_path / "a.parquet", SCHEMA) as write:
        write(table(0).slice(5))
        for number in range(1, 10):
            write(table(number))
            assert pa.total_allocated_bytes() - before < 4 * SIZE * GROUP
    with pq.ParquetFile(tmp_path / "a.parquet") as file:
        assert file.schema_arrow.equals(SCHEMA) and file.metadata.num_rows == 10 * GROUP - 5
        assert {file.metadata.row_group(i).num_rows for i in range(9)} == {GROUP}


def test_a_block_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with table_writer(tmp_path / "a.parquet", SCHEMA) as write:
            write(table(0))
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail()
    assert not list(tmp_path.iterdir())
