"""How much of a text stands word for word in the training stories."""

import hashlib
import math
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tinystories.evaluation.words import words_of

Hashes = NDArray[np.uint64]

GRAM: Final = 8  # words
_BASE: Final = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2^64
_INVERSE: Final = pow(_BASE, -1, 2**64)
_BETWEEN: Final = np.zeros(1, dtype=np.uint64)  # no word's hash, so that no run goes on into the next story
_AT_ONCE: Final = 4_000_000  # words of training text hashed at a time, 100 MB


class TrainingText:
    """The words of the training stories, searchable for runs of any length.

    A run of n words is known by a polynomial hash modulo 2^64 over 64-bit hashes of its words:
    with 10^9 training words and 10^5 runs looked up, one false hit is expected in 10^5 uses.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._of_word: dict[str, int] = {}
        pieces: list[Hashes] = []
        for text in texts:
            pieces.append(self._hashes(words_of(text)))
            pieces.append(_BETWEEN)
        self._words = np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.uint64)

    def found(self, stories: Sequence[Sequence[str]], n: int) -> list[NDArray[np.bool_]]:
        """For each story (a list of words) (max(0, W - n + 1),): whether each run of n words stands in training."""
        runs = [_runs(self._hashes(words), n) for words in stories]
        wanted = np.unique(np.concatenate([np.zeros(0, dtype=np.uint64), *runs]))
        if not len(wanted):
            return [np.zeros(0, dtype=bool) for _ in stories]
        met = np.zeros(len(wanted), dtype=bool)
        for start in range(0, len(self._words), _AT_ONCE):
            known = _runs(self._words[start : start + _AT_ONCE + n - 1], n)
            at = np.minimum(np.searchsorted(wanted, known), len(wanted) - 1)
            met[at[wanted[at] == known]] = True
        return [met[np.searchsorted(wanted, run)] for run in runs]

    def longest_run(self, stories: Sequence[Sequence[str]]) -> int:
        """Words of the longest run in any of the stories that stands in a training story."""

        def stands(n: int) -> bool:
            return any(found.any() for found in self.found(stories, n))

        low, high = 0, GRAM  # a run of `low` words stands; `high` is tried next
        while stands(high):
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if stands(middle) else (low, middle)
        return low

    def _hashes(self, words: Sequence[str]) -> Hashes:
        table = self._of_word
        for word in words:
            if word not in table:
                table[word] = _hash64(word)
        return np.fromiter((table[word] for word in words), dtype=np.uint64, count=len(words))


def memorisation(texts: Iterable[str], training: TrainingText) -> dict[str, float]:
    """Share of the texts' 8-grams of words that stand in a training story, and the longest such run.

    {"share_8grams_in_train", "longest_run_words"}; the share is nan where no text has 8 words.
    """
    told = list(texts)
    counts = copied(told, training)
    hits, grams = (sum(column) for column in zip(*counts, strict=True)) if counts else (0, 0)
    share = hits / grams if grams else math.nan
    longest = training.longest_run([words_of(text) for text in told])
    return {"share_8grams_in_train": share, "longest_run_words": longest}


def copied(texts: Iterable[str], training: TrainingText) -> list[tuple[int, int]]:
    """For each text how many of its 8-grams of words stand in a training story, and how many it has."""
    found = training.found([words_of(text) for text in texts], GRAM)
    return [(int(hits.sum()), len(hits)) for hits in found]


def _runs(words: Hashes, n: int) -> Hashes:
    """(max(0, W - n + 1),) sum over i < n of words[t + i] * BASE^i, modulo 2^64, for each t."""
    if len(words) < n:
        return np.zeros(0, dtype=np.uint64)
    sums = np.zeros(len(words) + 1, dtype=np.uint64)
    np.cumsum(words * _powers(_BASE, len(words)), out=sums[1:])
    return (sums[n:] - sums[:-n]) * _powers(_INVERSE, len(words) - n + 1)


def _powers(base: int, count: int) -> Hashes:
    """base^0, base^1, ... modulo 2^64."""
    powers = np.full(count, base, dtype=np.uint64)
    powers[0] = 1
    return np.cumprod(powers, dtype=np.uint64)


def _hash64(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
