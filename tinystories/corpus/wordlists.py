"""The words of many texts as numbers: each word once by name, and which words each text has, in their order."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tinystories.corpus.scan import Scanned, Texts, put_in, scan, words
from tinystories.corpus.tables import GROUP

WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


class WordLists(NamedTuple):
    """names: (V) each word once. ids_W: the words of all N texts, as places in `names`. offsets: (N + 1)."""

    names: list[str]
    ids_W: NDArray[np.int32]
    offsets: NDArray[np.int64]

    @property
    def text_W(self) -> NDArray[np.int64]:
        """(W) the number of the text that each word stands in."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))


def lower_words(text: str) -> list[str]:
    """Runs of letters, an apostrophe inside belongs to the word; lower case."""
    return [word.lower() for word in WORD.findall(text)]


def word_lists(scanned: Scanned, apostrophes: str = "'’", ask: Callable[[str], list[str]] = lower_words) -> WordLists:
    """The words of each text, lower case; `ask` gives those of a text that is not plain."""
    found = words(scanned, apostrophes)
    coded = found.strings.dictionary_encode()
    lists = pa.LargeListArray.from_arrays(pa.array(found.offsets, pa.int64()), coded.indices)
    names: list[str] = coded.dictionary.to_pylist()
    if len(scanned.odd):
        place = {name: number for number, name in enumerate(names)}
        others = [
            [place.setdefault(word, len(place)) for word in ask(scanned.given.text(number))] for number in scanned.odd
        ]
        lists = put_in(lists, scanned.odd, pa.array(others, pa.large_list(pa.int32())))
        names = list(place)
    return WordLists(names, lists.values.to_numpy(), lists.offsets.to_numpy())


def by_groups(texts: Sequence[str]) -> Iterator[WordLists]:
    """`word_lists` of GROUP texts at a time."""
    for begin in range(0, len(texts), GROUP):
        yield word_lists(scan(Texts.of(pa.array(texts[begin : begin + GROUP], pa.large_string()))))
