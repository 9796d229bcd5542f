"""The tagger on many stories at once: the same tags, from arrays of words in place of a story's words."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tinystories.corpus.keys import distinct
from tinystories.corpus.scan import Flags, Places, Texts, scan
from tinystories.corpus.wordlists import word_lists
from tinystories.text.cues import CUES, plain, quotations, words_of
from tinystories.text.features import CLOSING, EARLY, ENDING, LATE, LONG, NAMES, log_counts, quotation_values, together
from tinystories.text.linear import LinearModel
from tinystories.text.manycues import cues_in
from tinystories.text.tagger import Tagger
from tinystories.text.tags import TAGS

_APOSTROPHES: Final = "'’‘"
_STRAIGHT: Final = str.maketrans({"’": "'", "‘": "'"})
_PLACES: Final = ("w ", "e ")  # of n-grams: anywhere, in the last sentences


class ManyTagger:
    """`Tagger` for many stories that are cut into sentences already, some five times faster."""

    def __init__(self, tagger: Tagger) -> None:
        assert tagger.model.family == "whole" and tagger.name == "tagger", "the judge sees other features"
        self._tagger = tagger
        self._ngrams = _Ngrams(tagger.model)

    def tags(self, texts: Sequence[str], sentences: Sequence[Sequence[str]]) -> tuple[Any, Any]:
        """Arrow arrays of N lists each: a story's tags, in canonical order, and how sure each of them is, in hundredths
        (`Tagger.sureness`).

        `sentences` of each of `texts`, as `sentences` cuts it.
        """
        probabilities_NT = self.probabilities(texts, sentences)
        found_NT = self._tagger.said(probabilities_NT)
        sure_NT = self._tagger.sureness(probabilities_NT).round(2)
        ends = pa.array(np.concatenate([[0], np.cumsum(found_NT.sum(axis=1))]), pa.int32())
        tags = pa.array(TAGS).take(pa.array(np.nonzero(found_NT)[1]))
        sure = pa.array(sure_NT[found_NT], pa.float32())
        return pa.ListArray.from_arrays(ends, tags), pa.ListArray.from_arrays(ends, sure)

    def probabilities(self, texts: Sequence[str], sentences: Sequence[Sequence[str]]) -> NDArray[np.float64]:
        """(N, T) probability of each tag in each text; 0 in a text without a word."""
        if not texts:
            return np.zeros((0, len(TAGS)))
        seen = _Stories.of(sentences)
        values = _values(seen, texts)
        model = self._tagger.model
        values_NU = np.stack([values[name] for name in model.values], axis=1)
        found_NT = model.of(values_NU, *self._ngrams.rows(seen))
        found_NT[seen.sentences_N == 0] = 0
        return found_NT


class _Stories(NamedTuple):
    """The words of N stories.

    names: (V) each word once. ids_W: all words, as places in `names`. story_W, sentence_W: where each stands;
    sentences without a word are not counted. sentences_N: how many each story has.
    """

    names: list[str]
    ids_W: NDArray[np.int32]
    story_W: Places
    sentence_W: Places
    sentences_N: Places

    @classmethod
    def of(cls, sentences: Sequence[Sequence[str]]) -> "_Stories":
        texts = Texts.of(pa.array([one for story in sentences for one in story], pa.large_string()))
        words = word_lists(scan(texts), _APOSTROPHES, words_of)
        names, ids_W = _straight(words.names, words.ids_W)
        counts = np.diff(words.offsets)
        some = counts > 0
        story = np.repeat(np.arange(len(sentences)), [len(story) for story in sentences])[some]
        sentences_N = np.bincount(story, minlength=len(sentences))
        before_N = np.cumsum(sentences_N) - sentences_N
        within = np.arange(len(story)) - before_N[story]
        return cls(names, ids_W, np.repeat(story, counts[some]), np.repeat(within, counts[some]), sentences_N)

    def from_end(self, sentences_N: Places) -> Flags:
        """(W) which words stand in so many last sentences of their story."""
        return self.sentence_W >= (self.sentences_N - sentences_N)[self.story_W]


def _straight(names: list[str], ids_W: NDArray[np.int32]) -> tuple[list[str], NDArray[np.int32]]:
    """Words with one kind of apostrophe."""
    place: dict[str, int] = {}
    new_V = np.array([place.setdefault(name.translate(_STRAIGHT), len(place)) for name in names], np.int32)
    return list(place), new_V[ids_W] if len(names) else ids_W


class _Ngrams:
    """Which n-grams of a model stand in stories."""

    def __init__(self, model: LinearModel) -> None:
        parsed = [(ngram[:2], ngram[2:].split(" "), row) for ngram, row in model.ngrams.items()]
        self._words = {word: at for at, word in enumerate(dict.fromkeys(w for _, words, _ in parsed for w in words))}
        size = len(self._words) + 1  # one more, for words that no n-gram has
        assert len(model.ngrams) < 1 << 15, "rows are kept in 16 bits, so that what is looked up often stays in caches"
        self._single = np.full((len(_PLACES), size), -1, np.int16)
        self._pairs = np.full((len(_PLACES), size * size), -1, np.int16)
        for place, words, row in parsed:
            numbers = [self._words[word] for word in words]
            if len(numbers) == 1:
                self._single[_PLACES.index(place), numbers[0]] = row
            else:
                self._pairs[_PLACES.index(place), numbers[0] * size + numbers[1]] = row
        self._rows = len(model.ngrams)

    def rows(self, seen: _Stories) -> tuple[Places, Places]:
        """(row, story), each once, the rows of a story ascending."""
        size = len(self._words)
        known_V = np.array([self._words.get(name, size) for name in seen.names], np.int64)
        known_W = known_V[seen.ids_W] if len(seen.names) else np.zeros(0, np.int64)
        closing = seen.from_end(np.minimum(CLOSING, seen.sentences_N))
        found = [
            self._found(place, known_W[inside], seen.story_W[inside])
            for place, inside in enumerate((np.ones(len(known_W), np.bool_), closing))
        ]
        keys = distinct(np.concatenate([story * self._rows + row for row, story in found]))
        return keys % self._rows, keys // self._rows

    def _found(self, place: int, known: Places, story: Places) -> tuple[Places, Places]:
        single = self._single[place].take(known)
        pairs = self._pairs[place].take(known[:-1] * (len(self._words) + 1) + known[1:])
        alone, both = np.flatnonzero(single >= 0), np.flatnonzero(pairs >= 0)
        both = both[story[both] == story[both + 1]]
        rows = np.concatenate([single[alone], pairs[both]], dtype=np.int64)
        return rows, story[np.concatenate([alone, both])]


def _values(seen: _Stories, texts: Sequence[str]) -> dict[str, Any]:
    """(N) of each of the family's values, by name (text/features.py)."""
    stories = len(seen.sentences_N)
    early_N = np.maximum(1, np.rint(seen.sentences_N * EARLY).astype(np.int64))
    ending_N = np.maximum(0, seen.sentences_N - ENDING)
    middle_N = np.maximum(early_N, ending_N)
    place, cue = cues_in(seen.names, seen.ids_W, seen.sentence_W + seen.story_W * (1 + seen.sentences_N.max(initial=0)))
    story, sentence = seen.story_W[place], seen.sentence_W[place]
    where = (
        sentence < early_N[story],
        (sentence >= early_N[story]) & (sentence < middle_N[story]),
        sentence >= ending_N[story],
        sentence == seen.sentences_N[story] - 1,
    )
    beginning, middle, end, last = (
        np.bincount(story[here] * len(CUES) + cue[here], minlength=stories * len(CUES)).reshape(stories, len(CUES))
        for here in where
    )
    total = beginning + middle + end
    log = log_counts(int(total.max(initial=0)))
    columns = (log[total], 1.0 * (total > 0), 1.0 * (last > 0), log[beginning], log[middle], log[end])
    found: dict[str, Any] = {
        name: column[:, at] for at, names in enumerate(NAMES) for name, column in zip(names, columns, strict=True)
    }
    found["bad - good last"] = log[last[:, CUES.index("bad")]] - log[last[:, CUES.index("good")]]
    found |= together(found)
    found["brought up again"] = _again(seen, early_N, middle_N)
    quoted = [quotation_values(quotations(plain(text))) for text in texts]
    return found | {name: np.array([one[name] for one in quoted]) for name in quoted[0]}


def _again(seen: _Stories, early_N: Places, middle_N: Places) -> NDArray[np.float64]:
    """Logarithm of how many long words of the beginning stand in the late sentences and not in the middle."""
    key_W = seen.story_W * max(1, len(seen.names)) + seen.ids_W
    long_V = np.array([len(name) >= LONG for name in seen.names], np.bool_)
    long_W = long_V[seen.ids_W] if len(seen.names) else np.zeros(0, np.bool_)
    begins = seen.sentence_W < early_N[seen.story_W]
    middle = ~begins & (seen.sentence_W < middle_N[seen.story_W])
    late = seen.from_end(np.maximum(1, seen.sentences_N // LATE))
    beginning, between, end = (distinct(key_W[long_W & part]) for part in (begins, middle, late))
    again = np.setdiff1d(np.intersect1d(beginning, end, assume_unique=True), between, assume_unique=True)
    counts = np.bincount(again // max(1, len(seen.names)), minlength=len(seen.sentences_N))
    return log_counts(int(counts.max(initial=0)))[counts]
