"""The corpus that the pipeline made, to look around in: found by words, tags and length. Knows no Streamlit."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tinystories.errors import SourceError
from tinystories.text.tags import TAGS, Tag

_COLUMNS: Final = ("story_id", "text", "tags", "tags_from", "source", "partition", "first", "middle", "last")


@dataclass(frozen=True, eq=False)
class Corpus:
    """Stories as split stored them. words: (N,) pieces between white space. has: tag -> (N,) whether a story has it."""

    table: pa.Table
    words: NDArray[np.int64]
    has: dict[Tag, NDArray[np.bool_]]

    @classmethod
    def read(cls, file: Path) -> "Corpus":
        """Raises SourceError where the file can't be read."""
        try:
            table = pq.read_table(file, columns=list(_COLUMNS), memory_map=True)
        except (OSError, pa.ArrowException) as error:
            raise SourceError(
                f"{file} can't be read ({' '.join(str(error).split())[:160]}): type dvc repro split"
            ) from None
        words = pc.count_substring_regex(table["text"], r"\S+").to_numpy().astype(np.int64)
        flat = pc.list_flatten(table["tags"])
        owner = pc.list_parent_indices(table["tags"])
        has = {}
        for tag in TAGS:
            mask = np.zeros(table.num_rows, dtype=np.bool_)
            mask[pc.filter(owner, pc.equal(flat, tag)).to_numpy()] = True
            has[tag] = mask
        return cls(table, words, has)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def find(
        self, query: str = "", tags: Sequence[Tag] = (), low: int = 0, high: int | None = None
    ) -> NDArray[np.int64]:
        """Rows of the stories with every word of `query` (or a part of it, any case), every tag, low to high words."""
        found = self.words >= low
        if high is not None:
            found &= self.words <= high
        for tag in tags:
            found &= self.has[tag]
        rows = np.flatnonzero(found)
        for word in query.split():
            texts = self.table["text"].take(pa.array(rows))
            rows = rows[pc.match_substring(texts, word, ignore_case=True).to_numpy(zero_copy_only=False)]
        return rows

    def row(self, index: int) -> dict[str, Any]:
        """One story with its parts, tags, who says so, where it is from, and in which partition it is."""
        values: dict[str, Any] = self.table.slice(index, 1).to_pylist()[0]
        return {**values, "words": int(self.words[index])}
