"""Cues in many texts at once: what `cues` finds, by comparing arrays of words with the phrases' places."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinystories.corpus.scan import Places
from tinystories.text.cues import PHRASES, Slot

_LATER: Final = list(dict.fromkeys(slot for _, places in PHRASES for slot in places[1:]))
_CUE: Final = np.array([cue for cue, _ in PHRASES])
_LENGTH: Final = np.array([len(places) for _, places in PHRASES])
_LONGEST: Final = int(_LENGTH.max())
_SLOT: Final = np.full((len(PHRASES), _LONGEST), -1)  # of each phrase's later places, which of _LATER
for _number, (_, _places) in enumerate(PHRASES):
    _SLOT[_number, 1 : len(_places)] = [_LATER.index(slot) for slot in _places[1:]]


class _Taken(NamedTuple):
    """What a word fits: phrases of one place, the first place of longer ones, and which of _LATER."""

    phrases: list[int]
    begun: list[int]
    later: list[int]


class _Knowledge(dict[str, _Taken]):
    """word -> what it fits, asked once."""

    def __init__(self) -> None:
        super().__init__()
        self._first = _Index([places[0] for _, places in PHRASES])
        self._later = _Index(_LATER)

    def __missing__(self, word: str) -> _Taken:
        first = self._first.taking(word)
        taken = _Taken(
            [number for number in first if _LENGTH[number] == 1],
            [number for number in first if _LENGTH[number] > 1],
            self._later.taking(word),
        )
        if len(self) < _MOST:
            self[word] = taken
        return taken


class _Index:
    """Which of some slots take a word, by its whole and by its beginnings."""

    def __init__(self, slots: Sequence[Slot]) -> None:
        self._words: dict[str, list[int]] = {}
        self._beginnings: dict[str, list[int]] = {}
        for number, slot in enumerate(slots):
            for word in slot.words:
                self._words.setdefault(word, []).append(number)
            for beginning in slot.beginnings:
                self._beginnings.setdefault(beginning, []).append(number)
        self._lengths = sorted({len(beginning) for beginning in self._beginnings})

    def taking(self, word: str) -> list[int]:
        begun = [number for size in self._lengths for number in self._beginnings.get(word[:size], ())]
        return sorted({*self._words.get(word, ()), *begun})


_MOST: Final = 200_000  # words remembered
_known: Final = _Knowledge()


def cues_in(names: Sequence[str], ids_W: NDArray[np.int32], sentence_W: Places) -> tuple[Places, Places]:
    """(place, cue) of each cue found, a place for each; in no order.

    names: each word once. ids_W: words of all sentences, as places in `names`. sentence_W: ascending, a number for
    each word; a phrase lies in one sentence.
    """
    taken = [_known[name] for name in names]
    takes_SV = np.zeros((len(_LATER), len(names)), np.bool_)
    later = np.array([len(one.later) for one in taken], np.int64)
    takes_SV[
        np.array([slot for one in taken for slot in one.later], np.int64), np.repeat(np.arange(len(names)), later)
    ] = True
    whole, phrase = _expanded(ids_W, [one.phrases for one in taken])
    at, begun = _expanded(ids_W, [one.begun for one in taken])
    for place in range(1, _LONGEST):
        slot = _SLOT[begun, place]
        word = np.minimum(at + place, len(ids_W) - 1)
        fits = takes_SV[slot, ids_W[word]] & (sentence_W[word] == sentence_W[at]) & (at + place < len(ids_W))
        fits |= slot < 0  # the phrase has ended before
        at, begun = at[fits], begun[fits]
    return np.concatenate([whole, at]), _CUE[np.concatenate([phrase, begun])]


def _expanded(ids_W: NDArray[np.int32], by_word: Sequence[Sequence[int]]) -> tuple[Places, Places]:
    """(place, number) for each word and each number that `by_word` has for it."""
    counts_V = np.array([len(one) for one in by_word], np.int64)
    starts_V = np.cumsum(counts_V) - counts_V
    numbers = np.array([number for one in by_word for number in one], np.int64)
    at = np.flatnonzero(counts_V[ids_W])
    counts = counts_V[ids_W[at]]
    place = np.repeat(at, counts)
    within = np.arange(len(place)) - np.repeat(np.cumsum(counts) - counts, counts)
    return place, numbers[np.repeat(starts_V[ids_W[at]], counts) + within]
