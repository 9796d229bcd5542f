"""The words of a corpus, and its most typical and most unusual stories by how common their words are.

A word's weight is its inverse document frequency, ln(stories / stories that have it) (Spärck Jones 1972); a story's is
the mean over its words. Counted on at most COUNTED stories, chosen by their ids.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tinystories.corpus.excerpts import excerpt
from tinystories.corpus.tables import GROUP
from tinystories.corpus.wordlists import WordLists, by_groups

COUNTED: Final = 100_000
LEAST_WORDS: Final = 50  # of a story that is called typical or unusual: of a few words the mean says nothing
SHOWN: Final = 3  # typical and unusual stories
COVERING: Final = (100, 1_000, 5_000)
FREQUENT: Final = 20
RAREST: Final = 5


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
        names, groups = self._words()
        total, having = np.zeros(len(names), np.int64), np.zeros(len(names), np.int64)
        for group in groups:
            total += np.bincount(group.ids_W, minlength=len(names))
            pairs = np.sort(group.text_W * len(names) + group.ids_W)
            having += np.bincount(pairs[np.diff(pairs, prepend=-1) != 0] % len(names), minlength=len(names))
        means = self._means(groups, np.log(len(self._rows) / np.maximum(1, having)))
        order = sorted(means, key=lambda entry: (entry[0], self._rows[entry[1]][0]))
        shown = min(SHOWN, len(order) // 2)
        chosen = {"typical": order[:shown], "unusual": order[::-1][:shown]}
        counted = _counts(total, names) | {"unknown_in_test": self._unknown(groups, len(names))}
        return {
            "vocabulary": {"one_of": self._every, "stories": len(self._rows), **counted},
            **{
                name: [self._story(at, mean, groups[at // GROUP], having) for mean, at in some]
                for name, some in chosen.items()
            },
        }

    def _words(self) -> tuple[list[str], list[WordLists]]:
        """Each word once, and the words of GROUP stories at a time, all as places among these."""
        place: dict[str, int] = {}
        groups = []
        for words in by_groups([text for *_, text in self._rows]):
            new = np.array([place.setdefault(name, len(place)) for name in words.names], np.int32)
            groups.append(words._replace(ids_W=new[words.ids_W]))
        names = list(place)
        return names, [group._replace(names=names) for group in groups]

    def _means(self, groups: list[WordLists], weights: NDArray[np.float64]) -> list[tuple[float, int]]:
        """(mean weight, number) of each story of LEAST_WORDS words or more."""
        found = []
        for number, group in enumerate(groups):
            lengths = np.diff(group.offsets)
            means = np.bincount(group.text_W, weights[group.ids_W], len(lengths)) / np.maximum(1, lengths)
            # rounded: another processor's logarithm may differ in the last digit
            long = np.flatnonzero(lengths >= LEAST_WORDS).tolist()
            found += [(round(float(means[at]), 6), number * GROUP + at) for at in long]
        return found

    def _unknown(self, groups: list[WordLists], distinct: int) -> float | None:
        """The share of the test stories' words, each as often as it occurs, that no training story has."""
        partition = np.array([row[1] for row in self._rows])
        known, asked = np.zeros(distinct, np.bool_), np.zeros(distinct, np.int64)
        for number, group in enumerate(groups):
            own = partition[number * GROUP : (number + 1) * GROUP]
            known[group.ids_W[(own == "train")[group.text_W]]] = True
            asked += np.bincount(group.ids_W[(own == "test")[group.text_W]], minlength=distinct)
        return int(asked[~known].sum()) / int(asked.sum()) if asked.any() and known.any() else None

    def _story(self, at: int, mean: float, group: WordLists, having: NDArray[np.int64]) -> dict[str, Any]:
        identity, _, source, text = self._rows[at]
        ids = group.ids_W[group.offsets[at % GROUP] : group.offsets[at % GROUP + 1]].tolist()
        rarest = sorted(set(ids), key=lambda word: (having[word], group.names[word]))[:RAREST]
        return {
            "story_id": identity,
            "source": source,
            "words": len(ids),
            "mean_weight": mean,
            "rarest": [[group.names[word], int(having[word])] for word in rarest],
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
