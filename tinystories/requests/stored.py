"""What tokenize writes and train reads: one array of ids a partition, with an index.

`{partition}.ids.npy`: ids of all texts one after the other (uint16; uint32 above 65,536 tokens).
`{partition}.index.parquet`: a row a story; where its parts end, its tags, words, end word, length.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import overload

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tinystories.corpus.record import Partition
from tinystories.errors import TrainingError
from tinystories.files import atomic
from tinystories.requests.mixed import StoryTokens
from tinystories.text.tags import ordered

INDEX = pa.schema(
    [
        pa.field("story_id", pa.string(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("first_end", pa.int64(), nullable=False),
        pa.field("middle_end", pa.int64(), nullable=False),
        pa.field("stop", pa.int64(), nullable=False),
        pa.field("infillable", pa.bool_(), nullable=False),
        pa.field("tags", pa.list_(pa.string()), nullable=False),
        pa.field("words", pa.list_(pa.string()), nullable=False),
        pa.field("end", pa.string(), nullable=False),
        pa.field("length", pa.int32(), nullable=False),
        pa.field("bytes", pa.int32(), nullable=False),
    ]
)


def write_tokens(folder: Path, partition: Partition, stories: Sequence[StoryTokens], vocab_size: int) -> int:
    """Write one partition; returns the number of tokens."""
    rows, start = [], 0
    for story in stories:
        first_end = start + len(story.first)
        middle_end = first_end + len(story.middle)
        stop = middle_end + len(story.last)
        rows.append(
            {
                "story_id": story.story_id, "start": start, "first_end": first_end, "middle_end": middle_end,
                "stop": stop, "infillable": story.infillable, "tags": list(story.tags), "words": list(story.words),
                "end": story.end, "length": story.length, "bytes": story.bytes,
            }
        )  # fmt: skip
        start = stop
    ids = np.empty(start, dtype=np.uint16 if vocab_size <= 2**16 else np.uint32)
    for story, row in zip(stories, rows, strict=True):
        ids[row["start"] : row["stop"]] = story.text
    with atomic(folder / f"{partition}.ids.npy") as temporary, temporary.open("wb") as stream:
        np.save(stream, ids, allow_pickle=False)
    with atomic(folder / f"{partition}.index.parquet") as temporary:
        pq.write_table(pa.Table.from_pylist(rows, schema=INDEX), temporary)
    return start


class StoredStories(Sequence[StoryTokens]):
    """The stories of one partition, read where they lie."""

    def __init__(self, folder: Path, partition: Partition) -> None:
        ids, index = folder / f"{partition}.ids.npy", folder / f"{partition}.index.parquet"
        if not ids.is_file() or not index.is_file():
            raise TrainingError(f"no tokens of partition {partition} in {folder}: run `dvc repro tokenize`")
        self._ids = np.load(ids, mmap_mode="r", allow_pickle=False)
        self._index = pq.read_table(index, schema=INDEX).to_pylist()

    def __len__(self) -> int:
        return len(self._index)

    @property
    def tokens(self) -> int:
        """Tokens of all texts, <eos> not counted."""
        return len(self._ids)

    @property
    def story_ids(self) -> list[str]:
        return [row["story_id"] for row in self._index]

    @overload
    def __getitem__(self, key: int) -> StoryTokens: ...
    @overload
    def __getitem__(self, key: slice) -> list[StoryTokens]: ...
    def __getitem__(self, key: int | slice) -> StoryTokens | list[StoryTokens]:
        if isinstance(key, slice):
            return [self._story(i) for i in range(*key.indices(len(self)))]
        return self._story(key)

    def __iter__(self) -> Iterator[StoryTokens]:
        return (self._story(i) for i in range(len(self)))

    def _story(self, i: int) -> StoryTokens:
        row = self._index[i]
        a, b, c, d = row["start"], row["first_end"], row["middle_end"], row["stop"]
        return StoryTokens(
            story_id=row["story_id"], first=self._ids[a:b].tolist(), middle=self._ids[b:c].tolist(),
            last=self._ids[c:d].tolist(), infillable=row["infillable"], tags=tuple(ordered(row["tags"])),
            words=tuple(row["words"]), end=row["end"], length=row["length"], bytes=row["bytes"],
        )  # fmt: skip
