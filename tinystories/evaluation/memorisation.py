"""How much of a text stands word for word in the training stories."""

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tinystories.evaluation.completion import share
from tinystories.evaluation.intervals import ratio_interval
from tinystories.evaluation.words import words_of

Hashes = NDArray[np.uint64]

GRAM: Final = 8  # words
NEAR: Final = 4  # words of the n-grams that say which training story is nearest
_BASE: Final = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2^64
_INVERSE: Final = pow(_BASE, -1, 2**64)
_BETWEEN: Final = np.zeros(1, dtype=np.uint64)  # no word's hash, so that no run goes on into the next story
_AT_ONCE: Final = 4_000_000  # words of training text hashed at a time, 100 MB


@dataclass(frozen=True)
class Looked:
    """A text looked up in the training stories: its words, and how many of its 8-grams stand there, of how many."""

    words: Sequence[str]
    hits: int
    grams: int


@dataclass(frozen=True)
class Copied:
    """How a text stands to the training stories.

    text: its number. looked: its 8-grams. run: its longest run of words that stands in training.
    nearest: the number of the training story that has most of its different 4-grams (None: none
    has any), near the share of them.
    """

    text: int
    looked: Looked
    run: tuple[str, ...]
    nearest: int | None
    near: float


class TrainingText:
    """The words of the training stories, searchable for runs of any length.

    A run of n words is known by a polynomial hash modulo 2^64 over 64-bit hashes of its words:
    with 10^9 training words and 10^5 runs looked up, one false hit is expected in 10^5 uses.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._of_word: dict[str, int] = {}
        pieces: list[Hashes] = []
        ends: list[int] = []
        for text in texts:
            pieces.append(self._hashes(words_of(text)))
            pieces.append(_BETWEEN)
            ends.append((ends[-1] if ends else 0) + len(pieces[-2]) + 1)
        self._words = np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.uint64)
        self._ends = np.array(ends, dtype=np.int64)
        self._known = frozenset(self._of_word)

    def knows(self, word: str) -> bool:
        """Whether `word`, as words_of gives it, stands in a training story."""
        return word in self._known

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

    def nearest(self, story: Sequence[str]) -> tuple[int | None, float]:
        """The training story with most of the different 4-grams of `story`, the first of equals, and their share."""
        wanted = np.unique(_runs(self._hashes(story), NEAR))
        found = [np.zeros(0, dtype=np.int64)]  # training story * len(wanted) + gram
        for start in range(0, len(self._words) if len(wanted) else 0, _AT_ONCE):
            known = _runs(self._words[start : start + _AT_ONCE + NEAR - 1], NEAR)
            at = np.minimum(np.searchsorted(wanted, known), len(wanted) - 1)
            hits = np.flatnonzero(wanted[at] == known)
            found.append(np.unique(np.searchsorted(self._ends, start + hits, side="right") * len(wanted) + at[hits]))
        pairs = np.unique(np.concatenate(found))
        if not len(pairs):
            return None, 0.0
        counts = np.bincount(pairs // len(wanted))
        return int(counts.argmax()), float(counts.max() / len(wanted))

    def _hashes(self, words: Sequence[str]) -> Hashes:
        table = self._of_word
        for word in words:
            if word not in table:
                table[word] = _hash64(word)
        return np.fromiter((table[word] for word in words), dtype=np.uint64, count=len(words))


def look_up(texts: Iterable[str], training: TrainingText) -> list[Looked]:
    """Each text's 8-grams of words in the training stories: what all figures about copying are counted from."""
    words = [words_of(text) for text in texts]
    found = training.found(words, GRAM)
    return [Looked(own, int(hits.sum()), len(hits)) for own, hits in zip(words, found, strict=True)]


def memorisation(
    looked: Sequence[Looked], training: TrainingText, resamples: int = 1000, seed: int = 0
) -> dict[str, float]:
    """How much of the texts stands word for word in training stories, and the longest run of words that does.

    {"share_8grams_in_train", "copied_texts", each with "_low" and "_high", "longest_run_words"}. copied_texts:
    share of the texts more than half of whose 8-grams stand there, with Wilson's interval; that of the 8-grams
    resamples texts. nan where no text has 8 words.
    """
    long = [one for one in looked if one.grams]
    hits, grams = [one.hits for one in long], [one.grams for one in long]
    low, high = ratio_interval(hits, grams, resamples, seed)
    copied = share(2 * one.hits > one.grams for one in long)
    return {
        "share_8grams_in_train": sum(hits) / sum(grams) if long else math.nan,
        "share_8grams_in_train_low": low,
        "share_8grams_in_train_high": high,
        **{f"copied_texts{end}": copied[f"share{end}"] for end in ("", "_low", "_high")},
        "longest_run_words": training.longest_run([one.words for one in looked]),
    }


def most_copied(looked: Sequence[Looked], training: TrainingText, count: int) -> list[Copied]:
    """The `count` texts with most 8-grams that stand in training, the first of equals, with their nearest stories."""
    order = sorted(range(len(looked)), key=lambda at: -looked[at].hits)[:count]
    return [_copied(at, looked[at], training) for at in order]


def _copied(at: int, looked: Looked, training: TrainingText) -> Copied:
    length = training.longest_run([looked.words])
    start = int(training.found([looked.words], length)[0].argmax()) if length else 0
    nearest, near = training.nearest(looked.words)
    return Copied(at, looked, tuple(looked.words[start : start + length]), nearest, near)


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
