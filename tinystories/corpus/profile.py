"""What a corpus is like in counts: of each measure how many stories lie where. Two corpora are compared by these."""

from collections import Counter
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tinystories.text.tags import TAGS, Tag

NUMBERS: Final = {"words": 10.0, "characters": 50.0, "sentences": 1.0, "letters_per_word": 0.1, "tags": 1.0}
ORIGINS: Final = ("read", "features", "tagger", "world")
CELLS: Final = 200  # of a number; the last one is open

_QUANTILES: Final = (5, 50, 95)


def tally(column: Any) -> dict[str, int]:
    """How often each value of an Arrow column occurs."""
    return {entry["values"]: entry["counts"] for entry in pc.value_counts(column).to_pylist()}


def combinations(tags: Any) -> NDArray[np.int64]:
    """(N) of each list of tags in an Arrow column, no tag twice, its number: 2 ** place in TAGS, summed."""
    lists = tags.combine_chunks()
    places = (
        pc.index_in(lists.flatten().cast(pa.string()), pa.array(TAGS)).to_numpy(zero_copy_only=False).astype(np.int64)
    )
    story = pc.list_parent_indices(lists).to_numpy()
    return np.bincount(story, 1 << places, minlength=len(lists)).astype(np.int64)


def tags_of(number: int) -> tuple[Tag, ...]:
    """The tags whose combination has this number, in canonical order."""
    return tuple(tag for place, tag in enumerate(TAGS) if number >> place & 1)


class Profile:
    """Filled a table at a time, in memory that does not grow with the texts: 4 bytes a story.

    A table has the columns text, tags, tags_from, words_in_text and sentences.
    """

    def __init__(self) -> None:
        self._cells = {name: np.zeros(CELLS, np.int64) for name in NUMBERS}
        self._yes: Counter[str] = Counter()
        self._combinations: Counter[tuple[str, ...]] = Counter()
        self._words: list[Any] = []
        self._stories = 0

    def add(self, table: Any) -> None:
        characters = pc.utf8_length(table["text"]).to_numpy()
        words = table["words_in_text"].to_numpy().astype(np.int32)
        values = {
            "words": words,
            "characters": characters,
            "sentences": table["sentences"].to_numpy(),
            "letters_per_word": characters / np.maximum(1, words),
            "tags": pc.list_value_length(table["tags"]).to_numpy(),
        }
        for name, step in NUMBERS.items():
            # floor(x / 0.1) would put 0.3 into cell 2: a billionth is added
            cell = np.minimum(CELLS - 1, np.floor(values[name] / step + 1e-9).astype(np.int64))
            self._cells[name] += np.bincount(cell, minlength=CELLS)
        self._words.append(words)
        self._stories += table.num_rows
        self._yes["other_letters"] += int((pc.binary_length(table["text"]).to_numpy() > characters).sum())
        self._yes.update({f"from {origin}": count for origin, count in tally(table["tags_from"]).items()})
        for number, count in enumerate(np.bincount(combinations(table["tags"]))):
            tags = tags_of(number)
            self._combinations[tags] += int(count)
            self._yes.update(dict.fromkeys(tags, int(count)))

    def measures(self) -> dict[str, Any]:
        """Of each measure `counts`: of a number, cell i holds i * step to (i + 1) * step; of the others no and yes,
        or, for tags_from, the origins in their order."""
        found: dict[str, Any] = {
            name: {"step": step, "counts": np.trim_zeros(self._cells[name], "b").tolist()}
            for name, step in NUMBERS.items()
        }
        for name in ("other_letters", *TAGS):
            found[name] = {"counts": [self._stories - self._yes[name], self._yes[name]]}
        found["tags_from"] = {"counts": [self._yes[f"from {origin}"] for origin in ORIGINS]}
        return found

    def to_json(self) -> dict[str, Any]:
        """stories, measures, words (mean and quantiles), combinations (the most frequent first) and together: for
        each tag, how many of its stories have each other one."""
        words = np.concatenate([np.zeros(0, np.int32), *self._words])
        quantiles = np.quantile(words, [q / 100 for q in _QUANTILES], method="lower") if len(words) else []
        order = sorted((+self._combinations).items(), key=lambda entry: (-entry[1], entry[0]))
        return {
            "stories": self._stories,
            "measures": self.measures(),
            "words": {
                "mean": float(words.mean()) if len(words) else None,
                "most": int(words.max(initial=0)),
                **{f"p{q}": int(value) for q, value in zip(_QUANTILES, quantiles, strict=False)},
            },
            "combinations": [{"tags": list(tags), "stories": count} for tags, count in order],
            "together": {one: {other: self._with(one, other) for other in TAGS if other != one} for one in TAGS},
        }

    def _with(self, one: str, other: str) -> int:
        return sum(count for tags, count in self._combinations.items() if one in tags and other in tags)
