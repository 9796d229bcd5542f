"""Records as files that others can read: JSON Lines, CSV or Parquet, with a card that says what they are."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TextIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tinystories.corpus.record import PARTITIONS
from tinystories.corpus.tables import read_tables
from tinystories.errors import SourceError
from tinystories.files import atomic, write_text
from tinystories.text.tags import TAGS

FORMATS: Final = ("jsonl", "csv", "parquet")
COLUMNS: Final = [
    "story_id", "text", "sentences", "tags", "tags_from", "sureness", "words", "summary", "source", "partition",
]  # fmt: skip
_READ: Final = [name for name in COLUMNS if name != "sentences"]
_SCHEMA: Final = pa.schema([
    *(pa.field(name, pa.string()) for name in ("story_id", "text")),
    *(pa.field(name, pa.list_(pa.string())) for name in ("sentences", "tags")),
    pa.field("tags_from", pa.string()), pa.field("sureness", pa.list_(pa.float32())),
    pa.field("words", pa.list_(pa.string())),
    *(pa.field(name, pa.string()) for name in ("summary", "source", "partition")),
])  # fmt: skip


def export_stories(split: Path, folder: Path, kind: str, cut: Callable[[str], list[str]]) -> dict[str, int]:
    """Write a file for each partition, and README.md, into `folder`; returns the stories of each partition.

    split: what the stage split wrote. cut: a text's sentences, which joined are the text. Lists in CSV are JSON.
    Raises SourceError without stories, and where `folder` has files that this would mix with.
    """
    if not split.is_file():
        raise SourceError(f"no {split}: run `dvc repro split` first")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SourceError(f"{folder}: not an empty folder; name a new one")
    counts: Counter[str] = Counter()
    for partition in PARTITIONS:
        with atomic(folder / f"{partition}.{kind}") as temporary:
            for table in _written(temporary, kind, _tables(split, partition, cut)):
                counts[partition] += table.num_rows
                counts.update(f"tag {tag}" for tags in table["tags"].to_pylist() for tag in tags)
                counts.update(f"from {origin}" for origin in table["tags_from"].to_pylist())
    write_text(folder / "README.md", _card(counts, kind))
    return {partition: counts[partition] for partition in PARTITIONS}


def _tables(split: Path, partition: str, cut: Callable[[str], list[str]]) -> Iterator[Any]:
    for table in read_tables(split, _READ):
        own = table.filter(pc.equal(table["partition"], partition))
        found = pa.array([cut(text) for text in own["text"].to_pylist()], pa.list_(pa.string()))
        yield own.append_column("sentences", found).select(COLUMNS).cast(_SCHEMA)


def _written(path: Path, kind: str, tables: Iterator[Any]) -> Iterator[Any]:
    """Writes each table, then passes it on."""
    if kind == "parquet":
        with pq.ParquetWriter(path, _SCHEMA, compression="zstd") as writer:
            for table in tables:
                writer.write_table(table)
                yield table
        return
    with path.open("w", encoding="utf-8", newline="") as stream:
        add = _csv(stream) if kind == "csv" else _jsonl(stream)
        for table in tables:
            for row in table.to_pylist():
                add(row)
            yield table


def _jsonl(stream: TextIO) -> Callable[[dict[str, Any]], Any]:
    return lambda row: stream.write(json.dumps(row, ensure_ascii=False) + "\n")


def _csv(stream: TextIO) -> Callable[[dict[str, Any]], Any]:
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    return lambda row: writer.writerow(
        json.dumps(cell, ensure_ascii=False) if isinstance(cell, list) else cell for cell in row.values()
    )


def _card(counts: Counter[str], kind: str) -> str:
    partitions = "\n".join(f"| {name} | {counts[name]:,} |" for name in PARTITIONS)
    total = max(1, sum(counts[name] for name in PARTITIONS))
    tags = "\n".join(f"| {tag} | {counts[f'tag {tag}']:,} | {counts[f'tag {tag}'] / total:.1%} |" for tag in TAGS)
    origins = ", ".join(f"{name[5:]} {count:,}" for name, count in sorted(counts.items()) if name.startswith("from "))
    files = "\n".join(f"      - {{split: {name}, path: {name}.{kind}}}" for name in PARTITIONS if counts[name])
    return f"""---
task_categories: [text-generation]
configs:
  - config_name: default
    data_files:
{files}
---

# Short stories with sentences and tags

Written by `tinystories export-stories`. A story's partition comes from a hash of its text: adding stories moves none.

| partition | stories |
|---|---|
{partitions}

| tag | stories | share |
|---|---|---|
{tags}

Where the tags come from (`tags_from`): {origins or "nobody"}. read = a reader who did not know the request; features =
what was asked for, whose absence proves nothing; tagger = a small linear model; world = the simulation that made it.
`sureness`, where the tagger says the tags: by how much the log odds of each are above its threshold.

`sentences` joined are `text`, byte for byte. `words` and `summary` are what the story was asked with; null = not known.
The licence is that of the stories' source (`source`).
"""
