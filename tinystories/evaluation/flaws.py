"""Faults that one sees without a judge, counted in generated stories beside real ones."""

import math
import re
from collections.abc import Callable, Sequence
from typing import Final

from tinystories.evaluation.completion import share
from tinystories.evaluation.intervals import ratio_interval
from tinystories.evaluation.names import names_of
from tinystories.evaluation.words import words_of

Known = Callable[[str], bool]

LOOP_WORDS: Final = 40  # of the longest unit that is looked for
LOOP_COPIES: Final = 2  # at least so many copies after the first ...
LOOP_COPIED: Final = 8  # ... and so many words in them: "very, very, very" is no loop
_PARTS: Final = re.compile(r"[-']")


def flaws(texts: Sequence[str], known: Known, resamples: int = 1000, seed: int = 0) -> dict[str, float]:
    """Shares with 95 % intervals: of words that are made up, of stories with each other fault.

    known(word): whether a word (as words_of gives it) stands in the training stories. The
    interval of made_up_words resamples stories, the others are Wilson's; nan without stories.
    """
    words = [words_of(text) for text in texts]
    spoken = [len(story) for story in words if story]
    invented = [sum(is_made_up(word, known) for word in story) for story in words if story]
    low, high = ratio_interval(invented, spoken, resamples, seed)
    measured: dict[str, float] = {
        "stories": len(texts),
        "made_up_words": sum(invented) / sum(spoken) if spoken else math.nan,
        "made_up_words_low": low,
        "made_up_words_high": high,
    }
    for name, has in STORY_FLAWS.items():
        found = share(has(text) for text in texts)
        measured |= {f"{name}{end}": found[f"share{end}"] for end in ("", "_low", "_high")}
    return measured


def is_made_up(word: str, known: Known) -> bool:
    """Whether neither the word nor all of its parts ("sea-dog", "Mia's") are known; a number is no word."""
    if known(word) or not any(letter.isalpha() for letter in word):
        return False
    parts = [part for part in _PARTS.split(word.removesuffix("'s")) if part]
    return not all(known(part) for part in parts)


def made_up(texts: Sequence[str], known: Known) -> list[str]:
    """The made-up words of some texts, each once, in order."""
    return list(dict.fromkeys(word for text in texts for word in words_of(text) if is_made_up(word, known)))


def loops(text: str) -> bool:
    """Whether some words are said over and over, back to back.

    A unit of 1 to LOOP_WORDS words stands at least three times in a row, the copies after the
    first having at least LOOP_COPIED words: one word nine times, four words three times.
    """
    words = words_of(text)
    for length in range(1, min(LOOP_WORDS, len(words) // (LOOP_COPIES + 1)) + 1):
        needed = max(LOOP_COPIES * length, LOOP_COPIED)  # words in a row that equal the word `length` before
        run = 0
        for at in range(length, len(words)):
            run = run + 1 if words[at] == words[at - length] else 0
            if run >= needed:
                return True
    return False


def unbalanced_quotes(text: str) -> bool:
    """Whether a quotation is opened and not closed, or the other way round."""
    return text.count('"') % 2 == 1 or text.count("“") != text.count("”")


def named_once(text: str) -> bool:
    """Whether a character is named once and never again."""
    return 1 in names_of(text).values()


STORY_FLAWS: Final[dict[str, Callable[[str], bool]]] = {
    "loops": loops,
    "unbalanced_quotes": unbalanced_quotes,
    "named_once": named_once,
}
