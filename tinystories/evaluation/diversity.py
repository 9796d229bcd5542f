"""How varied texts are: distinct-n, self-BLEU, and how long stories are."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from tinystories.evaluation.words import words_of

BLEU_ORDERS: Final = (1, 2, 3, 4)
BLEU_STORIES: Final = 500  # compared with each other at most
_NO_MATCH: Final = 0.1  # counted where no n-gram matches: Chen and Cherry (2014), method 1


def distinct(stories: Iterable[Sequence[str]], n: int) -> float:
    """Different n-grams of words over all n-grams, the stories taken together; nan without any.

    Li et al. 2016, "A diversity-promoting objective function". It falls as text grows: compare it
    between sets of equal size only.
    """
    grams = [tuple(words[i : i + n]) for words in stories for i in range(len(words) - n + 1)]
    return len(set(grams)) / len(grams) if grams else math.nan


def self_bleu(stories: Sequence[Sequence[str]]) -> float:
    """Mean BLEU-4 of each story with all others as references: 1 where all are alike; nan with fewer than two.

    Zhu et al. 2018, "Texygen". It grows with the number of stories: compare sets of equal size only.
    """
    told = [story for story in stories if story][:BLEU_STORIES]
    if len(told) < 2:
        return math.nan
    logs = np.zeros(len(told))
    for n in BLEU_ORDERS:
        counts = [Counter(tuple(story[i : i + n]) for i in range(len(story) - n + 1)) for story in told]
        most = _two_most(counts)
        for at, own in enumerate(counts):
            matched = sum(min(count, _elsewhere(most[gram], at)) for gram, count in own.items())
            logs[at] += math.log((matched or _NO_MATCH) / max(1, own.total())) / len(BLEU_ORDERS)
    return float(np.mean(np.exp(logs + [_brevity(at, [len(story) for story in told]) for at in range(len(told))])))


def diversity(texts: Sequence[str], words: int | None = None) -> dict[str, float]:
    """distinct_1 to distinct_3 of the first `words` words; self_bleu, words_mean, words_p10, words_p90 of whole ones.

    Lengths count pieces between white space, as the length control does. Without texts: nan.
    """
    stories = list(_first(texts, words))
    measured = {f"distinct_{n}": distinct(stories, n) for n in (1, 2, 3)}
    lengths = [len(text.split()) for text in texts]
    return {
        **measured,
        "self_bleu": self_bleu([words_of(text) for text in texts]),
        "words_mean": sum(lengths) / len(lengths) if lengths else math.nan,
        **{f"words_p{p}": float(np.percentile(lengths, p)) if lengths else math.nan for p in (10, 90)},
    }


def count_words(texts: Iterable[str]) -> int:
    """Words of all texts together, for two sets to be cut to equal size."""
    return sum(len(words_of(text)) for text in texts)


def _first(texts: Iterable[str], words: int | None) -> Iterable[list[str]]:
    left = words
    for text in texts:
        story = words_of(text)[:left]
        if left is not None:
            left -= len(story)
        yield story


def _two_most(counts: Sequence[Counter[tuple[str, ...]]]) -> dict[tuple[str, ...], tuple[int, int, int]]:
    """Gram -> (highest count in a story, that story, second highest count in another story)."""
    most: dict[tuple[str, ...], tuple[int, int, int]] = {}
    for at, story in enumerate(counts):
        for gram, count in story.items():
            first, where, second = most.get(gram, (0, -1, 0))
            most[gram] = (count, at, first) if count > first else (first, where, max(second, count))
    return most


def _elsewhere(most: tuple[int, int, int], at: int) -> int:
    """The highest count in a story other than number `at`."""
    first, where, second = most
    return second if where == at else first


def _brevity(at: int, lengths: Sequence[int]) -> float:
    """Logarithm of BLEU's brevity penalty, by the reference whose length is nearest (the shorter of two)."""
    others = [length for other, length in enumerate(lengths) if other != at]
    nearest = min(others, key=lambda length: (abs(length - lengths[at]), length))
    return min(0.0, 1 - nearest / lengths[at])
