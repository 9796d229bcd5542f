"""What tokenize writes and train reads: one array of ids a partition, with an index.

`{partition}.ids.npy`: ids of all texts one after the other (uint16; uint32 above 65,536 tokens).
`{partition}.index.parquet`: a row a story; where its parts end, its tags, words, end word, length.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any, Self, overload

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


# a story as tokens, before it has a place: ids of the whole text, tokens of its three parts, and INDEX's own columns
STORY_TOKENS = pa.schema(
    [
        INDEX.field("story_id"),
        pa.field("ids", pa.large_list(pa.uint32()), nullable=False),
        *(pa.field(name, pa.int32(), nullable=False) for name in ("first", "middle", "last")),
        *(INDEX.field(name) for name in ("infillable", "tags", "words", "end", "length", "bytes")),
    ]
)
_GROUP = 1 << 20  # rows of the index written together


class TokenWriter:
    """Writes one partition piece by piece: the ids to the disk at once, the index a million rows at a time."""

    def __init__(self, folder: Path, partition: Partition, vocab_size: int) -> None:
        self._type = np.dtype(np.uint16 if vocab_size <= 2**16 else np.uint32)
        self._files = ExitStack()
        ids = self._files.enter_context(atomic(folder / f"{partition}.ids.npy"))
        self._ids = self._files.enter_context(ids.open("wb"))
        self._ids.write(self._header(0))
        index = self._files.enter_context(atomic(folder / f"{partition}.index.parquet"))
        self._index = self._files.enter_context(pq.ParquetWriter(index, INDEX))
        self._waiting: list[pa.Table] = []
        self.tokens = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        if error[0] is None:
            self._flush()
            self._ids.seek(0)
            self._ids.write(self._header(self.tokens))
        self._files.__exit__(*error)

    def add(self, table: Any) -> None:
        """Stories as a table with the columns of STORY_TOKENS."""
        parts = np.stack([table[name].to_numpy() for name in ("first", "middle", "last")], axis=1).astype(np.int64)
        ends = self.tokens + np.cumsum(parts.reshape(-1)).reshape(-1, 3)
        starts = ends[:, 0] - parts[:, 0]
        ids = table["ids"].combine_chunks().flatten().to_numpy()
        assert len(ids) == parts.sum(), "every token belongs to one of a story's three parts"
        self._ids.write(ids.astype(self._type).tobytes())
        self.tokens += len(ids)
        places = dict(zip(("start", "first_end", "middle_end", "stop"), (starts, *ends.T), strict=True))
        columns = {name: places[name] if name in places else table[name] for name in INDEX.names}
        self._waiting.append(pa.table(columns, schema=INDEX))
        if sum(waiting.num_rows for waiting in self._waiting) >= _GROUP:
            self._flush()

    def _flush(self) -> None:
        """The index in groups of the same rows, however they came."""
        rows = pa.concat_tables([INDEX.empty_table(), *self._waiting]).combine_chunks()
        self._waiting = []
        self._index.write_table(rows, row_group_size=_GROUP)

    def _header(self, tokens: int) -> bytes:
        """Of an .npy file; NumPy leaves room in it, so that its length depends on nothing."""
        stream = BytesIO()
        head = {"descr": self._type.str, "fortran_order": False, "shape": (tokens,)}
        np.lib.format.write_array_header_1_0(stream, head)
        return stream.getvalue()


def write_tokens(folder: Path, partition: Partition, stories: Sequence[StoryTokens], vocab_size: int) -> int:
    """Write one partition; returns the number of tokens."""
    rows = [
        {
            "story_id": story.story_id, "ids": story.text, "first": len(story.first), "middle": len(story.middle),
            "last": len(story.last), "infillable": story.infillable, "tags": list(story.tags),
            "words": list(story.words), "end": story.end, "length": story.length, "bytes": story.bytes,
        }
        for story in stories
    ]  # fmt: skip
    with TokenWriter(folder, partition, vocab_size) as writer:
        writer.add(pa.Table.from_pylist(rows, schema=STORY_TOKENS))
    return writer.tokens


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
