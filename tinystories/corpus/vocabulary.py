"""The words of a corpus, and its most typical and most unusual stories by how common their words are.

A word's weight is its inverse document frequency, ln(stories / stories that have it) (Spärck Jones 1972); a story's is
the mean over its words. Counted on at most COUNTED stories, chosen by their ids.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tinystories.corpus.excerpts import excerpt

COUNTED: Final = 100_000
LEAST_WORDS: Final = 50  # of a story that is called typical or unusual: of a few words the mean says nothing
SHOWN: Final = 3  # typical and unusual stories
COVERING: Final = (100, 1_000, 5_000)
FREQUENT: Final = 20
RAREST: Final = 5

_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def words_of(text: str) -> list[str]:
    """Runs of letters, lower case; an apostrophe inside belongs to the word."""
    return _WORD.findall(text.lower())


class Vocabulary:
    """Filled a table at a time (columns story_id, text, source, partition); keeps the texts of the chosen stories."""

    def __init__(self, stories: int) -> None:
        """stories: of all tables together; decides how many of them are chosen."""
        self._every = max(1, -(-stories // COUNTED))
        self._rows: list[tuple[str, str, str, str]] = []

    def add(self, table: Any) -> None:
        if self._every > 1:
            ids = table["story_id"].to_pylist()
            chosen = [at for at, identity in enumerate(ids) if int(identity, 16) % self._every == 0]
            table = table.take(pa.array(chosen, pa.int64()))
        columns = (table[name].to_pylist() for name in ("story_id", "partition", "source", "text"))
        self._rows += zip(*columns, strict=True)

    def to_json(self) -> dict[str, Any]:
        """vocabulary: one_of (how many stories each chosen one stands for), stories, words, distinct, once, covering,
        most_frequent, unknown_in_test; typical and unusual: stories."""
        index: dict[str, int] = {}
        stories = [
            np.fromiter((index.setdefault(word, len(index)) for word in words_of(text)), np.int32)
            for _, _, _, text in self._rows
        ]
        names = list(index)
        total, having = np.zeros(len(names), np.int64), np.zeros(len(names), np.int64)
        for ids in stories:
            distinct, counts = np.unique(ids, return_counts=True)
            total[distinct] += counts
            having[distinct] += 1
        weights = np.log(len(stories) / np.maximum(1, having))
        # rounded: another processor's logarithm may differ in the last digit
        long = [(round(float(weights[i].mean()), 6), at) for at, i in enumerate(stories) if len(i) >= LEAST_WORDS]
        order = sorted(long, key=lambda entry: (entry[0], self._rows[entry[1]][0]))
        shown = min(SHOWN, len(order) // 2)
        ends = {"typical": order[:shown], "unusual": order[::-1][:shown]}
        counted = _counts(total, names) | {"unknown_in_test": self._unknown(stories, len(names))}
        return {
            "vocabulary": {"one_of": self._every, "stories": len(stories), **counted},
            **{
                name: [self._story(at, mean, stories[at], having, names) for mean, at in chosen]
                for name, chosen in ends.items()
            },
        }

    def _unknown(self, stories: Sequence[NDArray[np.int32]], distinct: int) -> float | None:
        """The share of the test stories' words, each as often as it occurs, that no training story has."""
        known, seen, unknown = np.zeros(distinct, np.bool_), 0, 0
        for (_, partition, _, _), ids in zip(self._rows, stories, strict=True):
            if partition == "train":
                known[ids] = True
        for (_, partition, _, _), ids in zip(self._rows, stories, strict=True):
            if partition == "test":
                seen += len(ids)
                unknown += int((~known[ids]).sum())
        return unknown / seen if seen and known.any() else None

    def _story(
        self, at: int, mean: float, ids: NDArray[np.int32], having: NDArray[np.int64], names: Sequence[str]
    ) -> dict[str, Any]:
        identity, _, source, text = self._rows[at]
        rarest = sorted(set(ids.tolist()), key=lambda word: (having[word], names[word]))[:RAREST]
        return {
            "story_id": identity,
            "source": source,
            "words": len(ids),
            "mean_weight": mean,
            "rarest": [[names[word], int(having[word])] for word in rarest],
            "text": excerpt(text),
        }


def _counts(total: NDArray[np.int64], names: Sequence[str]) -> dict[str, Any]:
    words = int(total.sum())
    order = sorted(range(len(names)), key=lambda word: (-total[word], names[word]))
    covered = np.cumsum(total[order])
    return {
        "words": words,
        "distinct": len(names),
        "once": int((total == 1).sum()),
        "covering": {str(most): int(covered[most - 1]) / words for most in COVERING if most <= len(names)},
        "most_frequent": [{"word": names[word], "count": int(total[word])} for word in order[:FREQUENT]],
    }
