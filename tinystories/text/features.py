"""What the linear models see of a story: n-grams by place, and cues by place; two families of both."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log1p
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from tinystories.text.cues import CUES, Quotations, cues, plain, quotations, words_of
from tinystories.text.sentences import sentences

Family = Literal["whole", "thirds"]

EARLY: Final = 0.4  # of the sentences are the beginning
ENDING: Final = 3  # sentences are the ending
CLOSING: Final = 4  # sentences whose n-grams count apart
LATE: Final = 4  # one sentence in so many, of the last ones, is late: there a thing is brought up again
SPOKEN: Final = "quotations: "
LONG: Final = 5  # letters of a word that may be a thing brought up early and needed late


@dataclass(frozen=True)
class Reading:
    """A story taken apart once: per sentence its words and the cues in it (indices into CUES)."""

    words: list[list[str]]
    cues: list[list[int]]
    quotations: Quotations

    @property
    def early(self) -> int:
        """How many sentences are the beginning: at least one."""
        return max(1, round(len(self.words) * EARLY))

    @property
    def ending(self) -> int:
        """The index of the ending's first sentence."""
        return max(0, len(self.words) - ENDING)


@dataclass(frozen=True)
class Features:
    """ngrams: those present, each with its place before it. values: the others, by name."""

    ngrams: set[str]
    values: dict[str, float]


def read(text: str) -> Reading:
    """Take `text` apart; sentences without a word are left out."""
    words = [found for sentence in sentences(text) if (found := words_of(sentence))]
    return Reading(words, [cues(sentence) for sentence in words], quotations(plain(text)))


def features(reading: Reading, family: Family) -> Features:
    """The features of one family; a story without words has no n-grams."""
    return _FAMILIES[family](reading)


def _whole(reading: Reading) -> Features:
    """N-grams of the whole and of the last four sentences; how often cues occur, by place."""
    words = [word for sentence in reading.words for word in sentence]
    ngrams = _ngrams("w ", words) | _ngrams("e ", [word for sentence in reading.words[-CLOSING:] for word in sentence])
    early, ending = reading.early, max(reading.early, reading.ending)
    places = (reading.cues[:early], reading.cues[early:ending], reading.cues[reading.ending :])
    values = _spoken(reading)
    last = _counts(reading.cues[-1:])
    for names, in_last, *counts in zip(NAMES, last, *map(_counts, places), strict=True):
        total = sum(counts)
        values |= zip(names, (_log(total), float(total > 0), float(in_last > 0), *map(_log, counts)), strict=True)
    values["bad - good last"] = _log(last[_BAD]) - _log(last[_GOOD])
    values |= together(values)
    beginning = {word for sentence in reading.words[:early] for word in sentence if len(word) >= LONG}
    middle = {word for sentence in reading.words[early:ending] for word in sentence}
    late = {word for sentence in reading.words[-max(1, len(reading.words) // LATE) :] for word in sentence}
    values["brought up again"] = log1p(len((beginning & late) - middle))
    return Features(ngrams, values)


def together(values: Mapping[str, Any]) -> dict[str, Any]:
    """Of the family "whole" the values that are made of two others: of a story, or of many as arrays."""
    products = {f"{one} x {other}": values[one] * values[other] for one, other in _PRODUCTS}
    return {"bad - good e": values["bad e"] - values["good e"], **products}


def _thirds(reading: Reading) -> Features:
    """N-grams of beginning, middle and ending; in which sentences cues occur, and in which order."""
    total = len(reading.words)
    early, ending = reading.early, max(reading.early, reading.ending)
    parts = {"a ": reading.words[:early], "b ": reading.words[early:ending], "e ": reading.words[reading.ending :]}
    ngrams = {ngram for place, part in parts.items() for sentence in part for ngram in _ngrams(place, sentence)}
    ngrams |= {ngram for sentence in reading.words for ngram in _ngrams("w ", sentence)}
    values = _spoken(reading)
    first, last = [total] * len(CUES), [-1] * len(CUES)
    sentences_with, in_ending = [0] * len(CUES), [0] * len(CUES)
    for number, found in enumerate(reading.cues):
        for at in set(found):
            first[at] = min(first[at], number)
            last[at] = number
            sentences_with[at] += 1
            in_ending[at] += number >= reading.ending
    for at, cue in enumerate(CUES):
        values[f"{cue} sentences"] = log1p(sentences_with[at])
        values[f"{cue} share"] = sentences_with[at] / max(1, total)
        values[f"{cue} any"] = float(sentences_with[at] > 0)
        values[f"{cue} ending"] = in_ending[at] / ENDING
        values[f"{cue} at the end"] = float(total > 0 and last[at] == total - 1)
        values[f"{cue} early"] = float(first[at] < early)
        values[f"{cue} latest"] = (last[at] + 1) / max(1, total)
    for earlier, later in _ORDERS:
        apart = last[later] - first[earlier]
        in_order = first[earlier] < total * 0.5 and last[later] >= total * 0.6 and apart > 0
        values[f"{CUES[earlier]} then {CUES[later]}"] = float(in_order)
    values["bad - good ending"] = values["bad ending"] - values["good ending"]
    return Features(ngrams, values)


def _ngrams(place: str, words: list[str]) -> set[str]:
    placed = [place + word for word in words]
    return {*placed, *map(" ".join, zip(placed, words[1:], strict=False))}


def log_counts(most: int) -> NDArray[np.float64]:
    """(most + 1) ln(1 + count) of each count, to the last bit as a single story's."""
    return np.array([log1p(count) for count in range(most + 1)])


def _log(count: int) -> float:
    return _LOGS[count] if count < len(_LOGS) else log1p(count)


def _counts(found: list[list[int]]) -> list[int]:
    counts = [0] * len(CUES)
    for sentence in found:
        for cue in sentence:
            counts[cue] += 1
    return counts


def _spoken(reading: Reading) -> dict[str, float]:
    return quotation_values(reading.quotations)


def quotation_values(found: Quotations) -> dict[str, float]:
    """The values that tell of quotations."""
    spoken, thought, other = found
    return {
        f"{SPOKEN}any": float(spoken > 0),
        f"{SPOKEN}spoken": log1p(spoken),
        f"{SPOKEN}thought": float(thought > 0),
        f"{SPOKEN}other": float(other > 0),
    }


_LOGS: Final = [log1p(count) for count in range(64)]
# of each cue: how often, whether at all, in the last sentence, how often at the beginning, in the middle, at the end
NAMES: Final = [(cue, f"{cue} any", f"{cue} last", f"{cue} a", f"{cue} b", f"{cue} e") for cue in CUES]
_PRODUCTS: Final = (
    ("warn a", "bad b"), ("warn a", "bad e"), ("warn a", "heed e"), ("heed a", "heed e"), ("warn a", "warn e"),
    ("hint a", "hint e"), ("hint a", "payoff e"), ("hint a", "payoff b"), ("fight", "solve"),
)  # fmt: skip
_GOOD: Final = CUES.index("good")
_BAD: Final = CUES.index("bad")
_ORDERS: Final = tuple(
    (CUES.index(one), CUES.index(other))
    for one in ("warn", "hint", "heed", "bad", "good", "fight", "struggle")
    for other in ("heed", "payoff", "bad", "good", "unexpected", "reversal", "solve", "moral")
    if one != other
)
_FAMILIES: Final[dict[Family, Callable[[Reading], Features]]] = {"whole": _whole, "thirds": _thirds}
