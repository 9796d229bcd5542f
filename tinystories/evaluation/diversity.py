"""How varied texts are: distinct-n (Li et al. 2016, "A diversity-promoting objective function")."""

import math
from collections.abc import Iterable, Sequence

from tinystories.evaluation.words import words_of


def distinct(stories: Iterable[Sequence[str]], n: int) -> float:
    """Different n-grams of words over all n-grams, the stories taken together; nan without any.

    It falls as text grows: compare it between sets of equal size only.
    """
    grams = [tuple(words[i : i + n]) for words in stories for i in range(len(words) - n + 1)]
    return len(set(grams)) / len(grams) if grams else math.nan


def diversity(texts: Sequence[str], words: int | None = None) -> dict[str, float]:
    """distinct_1 to distinct_3 of the first `words` words of `texts`, and words_mean of whole stories.

    words_mean counts pieces between white space, as the length control does. Without texts: nan.
    """
    stories = list(_first(texts, words))
    measured = {f"distinct_{n}": distinct(stories, n) for n in (1, 2, 3)}
    lengths = [len(text.split()) for text in texts]
    return {**measured, "words_mean": sum(lengths) / len(lengths) if lengths else math.nan}


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
