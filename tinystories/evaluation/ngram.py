"""Baselines on the model's own tokens: interpolated modified Kneser-Ney, and the unigram.

Chen and Goodman (1998), "An empirical study of smoothing techniques for language modeling",
modified version with three discounts per order. Everything is sorted arrays: no Python loop
over tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_FALLBACK: Final = (0.5, 1.0, 1.5)  # discounts where too few counts are 1, 2, 3 or 4 to estimate them (KenLM's)


@dataclass(frozen=True)
class _Order:
    """All seen grams of one length.

    keys: (G,) sorted, gram = number of its prefix in the order below * vocabulary + last token.
    seen: (G,) the discounted count max(c - D(c), 0) of each gram.
    total: (P,) sum of counts c after each prefix; 0 where a prefix was never followed.
    spared: (P,) what the discounts took after each prefix, given to the order below.
    """

    keys: Ints
    seen: Floats
    total: Floats
    spared: Floats


class NGram:
    """An n-gram model of token ids; the probabilities after any history sum to one.

    Stories are sequences of ids from <bos> to <eos>. <bos> is context and never predicted: a
    gram that begins with <bos> has nothing to its left, so its count is the plain one (as in
    KenLM), while other grams below the highest order count the different tokens to their left.
    Below the unigrams lies the uniform distribution over the vocabulary.
    """

    def __init__(self, orders: Sequence[_Order], vocabulary: int) -> None:
        self._orders = tuple(orders)
        self._vocabulary = vocabulary

    @classmethod
    def fit(cls, stories: Sequence[Sequence[int]], order: int, vocabulary: int) -> Self:
        """Count `stories`; ids lie in [0, vocabulary); every story begins with the same <bos>.

        Raises ValueError where there is no story or an id lies outside the vocabulary.
        """
        tokens, place = _lay_out(stories, vocabulary)
        numbers: list[Ints] = []  # per order and position, the gram that ends there; -1: it would cross <bos>
        keys: list[Ints] = []
        for length in range(1, order + 1):
            inside = place >= length - 1
            prefix = _shift(numbers[-1]) if numbers else np.zeros_like(tokens)
            gram = np.full_like(tokens, -1)
            found, gram[inside] = np.unique(prefix[inside] * vocabulary + tokens[inside], return_inverse=True)
            numbers.append(gram)
            keys.append(found)
        return cls([_order(numbers, keys, place, tokens, length) for length in range(1, order + 1)], vocabulary)

    def nats(self, stories: Sequence[Sequence[int]]) -> list[Floats]:
        """-ln p of every token after <bos>, per story (T - 1,)."""
        p = self._probabilities(_lay_out(stories, self._vocabulary)[0])
        ends = np.cumsum([len(story) for story in stories])
        return [-np.log(p[end - len(story) + 1 : end]) for story, end in zip(stories, ends, strict=True)]

    def distribution(self, history: Sequence[int]) -> Floats:
        """p(token | history) for the whole vocabulary (V,); `history` begins with <bos>."""
        rows = [[*history, token] for token in range(self._vocabulary)]
        width = len(history) + 1
        return self._probabilities(_lay_out(rows, self._vocabulary)[0])[width - 1 :: width]

    def _probabilities(self, tokens: Ints) -> Floats:
        """p of every token (T,); at <bos>, which no gram has behind another token, it means nothing."""
        p = np.full(len(tokens), 1 / self._vocabulary)
        gram = np.zeros_like(tokens)  # of the order below, ending at each position; -1: never seen
        for length, table in enumerate(self._orders, start=1):
            prefix = _shift(gram) if length > 1 else gram
            known = prefix >= 0
            key = np.where(known, prefix, 0) * self._vocabulary + tokens
            at = np.minimum(np.searchsorted(table.keys, key), len(table.keys) - 1)
            seen = known & (table.keys[at] == key)
            total = np.where(known, table.total[np.where(known, prefix, 0)], 0)
            use = total > 0
            above = np.where(seen, table.seen[at], 0)[use] + table.spared[prefix[use]] * p[use]
            p[use] = above / total[use]
            gram = np.where(seen, at, -1)
        return p


def _lay_out(stories: Sequence[Sequence[int]], vocabulary: int) -> tuple[Ints, Ints]:
    """All stories end to end, and each token's place in its story."""
    if not stories:
        raise ValueError("an n-gram model needs at least one story")
    lengths = np.array([len(story) for story in stories])
    tokens = np.concatenate([np.asarray(story, dtype=np.int64) for story in stories])
    if tokens.min() < 0 or tokens.max() >= vocabulary:
        raise ValueError(f"token id {tokens.max()} lies outside the vocabulary of {vocabulary}")
    starts = np.cumsum(lengths) - lengths
    return tokens, np.arange(len(tokens)) - np.repeat(starts, lengths)


def _shift(gram: Ints) -> Ints:
    """The gram that ends one position earlier."""
    shifted = np.empty_like(gram)
    shifted[0], shifted[1:] = -1, gram[:-1]
    return shifted


def _order(numbers: list[Ints], keys: list[Ints], place: Ints, tokens: Ints, length: int) -> _Order:
    gram, found = numbers[length - 1], keys[length - 1]
    inside = gram >= 0
    counts = np.bincount(gram[inside], minlength=len(found))
    if length < len(numbers):
        longer = numbers[length]
        ends = longer >= 0
        suffix = np.zeros(len(keys[length]), dtype=np.int64)
        suffix[longer[ends]] = gram[ends]
        left = np.bincount(suffix, minlength=len(found))
        whole = np.zeros(len(found), dtype=bool)  # begins with <bos>
        whole[gram[place == length - 1]] = True
        counts = np.where(whole, counts, left)
    prefix = np.zeros(len(found), dtype=np.int64)
    if length == 1:
        counts[gram[place == 0]] = 0  # <bos> itself is never predicted
    else:
        prefix[gram[inside]] = _shift(numbers[length - 2])[inside]
    prefixes = len(keys[length - 2]) if length > 1 else 1
    discount = np.array([0.0, *_discounts(counts)])[np.minimum(counts, 3)]
    return _Order(
        keys=found,
        seen=counts - discount,
        total=np.bincount(prefix, counts.astype(np.float64), prefixes).astype(np.float64),
        spared=np.bincount(prefix, discount, prefixes).astype(np.float64),
    )


def _discounts(counts: Ints) -> tuple[float, float, float]:
    """D1, D2 and D3+ from how many grams were counted 1, 2, 3 and 4 times (Chen and Goodman, eq. 26)."""
    once, twice, thrice, four = (int((counts == times).sum()) for times in (1, 2, 3, 4))
    if not (once and twice and thrice):
        return _FALLBACK
    base = once / (once + 2 * twice)
    discounts = (1 - 2 * base * twice / once, 2 - 3 * base * thrice / twice, 3 - 4 * base * four / thrice)
    usable = all(0 < discount < count for count, discount in enumerate(discounts, start=1))
    return discounts if usable else _FALLBACK
