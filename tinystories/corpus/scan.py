"""Many texts at once, as one array of bytes: where words begin and end, by comparing neighbours.

A text is plain if it has letters, digits and marks of ASCII, space, tab and newline, and the quotes and dashes below,
and nothing else; whoever meets another one asks `re`, which is some ten times slower.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]
Flags = NDArray[np.bool_]

MARKS: Final = "‘’“”–—…"  # the characters beyond ASCII of a plain text: three bytes each, E2 80 and one of their own
SPACE, LETTER, DIGIT, MARK, _BEYOND, _ODD = range(6)


def _kinds() -> Bytes:
    kinds = np.full(256, _ODD, np.uint8)
    kinds[128:] = _BEYOND
    for byte in range(32, 127):
        character = chr(byte)
        kinds[byte] = LETTER if character.isalpha() else DIGIT if character.isdigit() else MARK
    kinds[list(b" \t\n")] = SPACE
    return kinds


_KINDS: Final = _kinds()
_LOWER: Final = np.array([ord(chr(byte).lower()) if byte < 128 else byte for byte in range(256)], np.uint8)
_FIRST, _SECOND = MARKS.encode()[:2]
_THIRD: Final = np.isin(np.arange(256), [mark.encode()[2] for mark in MARKS])


class Texts(NamedTuple):
    """N texts, one after the other.

    bytes_B: UTF-8 of all of them. offsets: (N + 1) where each begins, and the end of the last.
    """

    bytes_B: Bytes
    offsets: Places

    @classmethod
    def of(cls, column: Any) -> "Texts":
        """From an Arrow column of strings, without a copy where it is one array."""
        array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        if not len(array):
            return cls(np.zeros(0, np.uint8), np.zeros(1, np.int64))
        _, offsets, data = array.buffers()
        kind = np.int64 if pa.types.is_large_string(array.type) else np.int32
        own = np.frombuffer(offsets, kind)[array.offset : array.offset + len(array) + 1].astype(np.int64)
        held = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
        return cls(held[own[0] : own[-1]], own - own[0])

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def text(self, number: int) -> str:
        return self.bytes_B[self.offsets[number] : self.offsets[number + 1]].tobytes().decode()


class Scanned(NamedTuple):
    """Texts as arrays take them.

    given: the N texts. bytes_B: theirs, but for those that are not plain, which are blank. kinds_B: of these bytes.
    odd: the numbers of those that are not plain, ascending: whoever reads on puts in what these have.
    """

    given: Texts
    bytes_B: Bytes
    kinds_B: Bytes
    odd: Places

    def every(self, several: int) -> "Scanned":
        """The same with so many texts each one."""
        given = Texts(self.given.bytes_B, self.given.offsets[::several])
        return Scanned(given, self.bytes_B, self.kinds_B, np.unique(self.odd // several))


def scan(texts: Texts) -> Scanned:
    """Find the kinds of all bytes and the texts that are not plain."""
    own, kinds_B = texts.bytes_B, _KINDS[texts.bytes_B]
    odd = _odd(texts, kinds_B)
    if len(odd):
        own = own.copy()
    for number in odd:
        within = slice(texts.offsets[number], texts.offsets[number + 1])
        own[within], kinds_B[within] = ord(" "), SPACE
    return Scanned(texts, own, np.minimum(kinds_B, MARK), odd)


def put_in(lists: Any, odd: Places, others: Any) -> Any:
    """An Arrow array of lists with `others`, another one, in the places `odd`."""
    if not len(odd):
        return lists
    order = np.arange(len(lists))
    order[odd] = len(lists) + np.arange(len(odd))
    return pa.concat_arrays([lists, others]).take(pa.array(order))


def _odd(texts: Texts, kinds_B: Bytes) -> Places:
    wrong = np.flatnonzero(kinds_B == _ODD)
    beyond = np.flatnonzero(kinds_B == _BEYOND)
    if len(beyond):
        own = texts.bytes_B
        first = beyond[(own[beyond] == _FIRST) & (beyond + 2 < len(own))]
        first = first[(own[first + 1] == _SECOND) & _THIRD[own[first + 2]]]
        known = np.concatenate([first, first + 1, first + 2])
        wrong = np.concatenate([wrong, np.setdiff1d(beyond, known, assume_unique=True)])
    return np.unique(np.searchsorted(texts.offsets, wrong, "right") - 1)


def word_counts(scanned: Scanned) -> Places:
    """(N) into how many words white space cuts each text, as str.split() does."""
    offsets, kinds_B = scanned.given.offsets, scanned.kinds_B
    begins = kinds_B != SPACE
    after = np.ones(len(kinds_B) + 1, np.bool_)  # what is no white space begins a word there
    after[1:] = ~begins
    after[offsets] = True
    counts = np.diff(np.searchsorted(np.flatnonzero(begins & after[:-1]), offsets))
    counts[scanned.odd] = [len(scanned.given.text(number).split()) for number in scanned.odd]
    return counts


class Words(NamedTuple):
    """The words of N texts, lower case, one after the other.

    strings: an Arrow array of all words. offsets: (N + 1) the number of words before each text, and of all.
    """

    strings: Any
    offsets: Places


def words(scanned: Scanned, apostrophes: str) -> Words:
    """The words of plain texts: runs of letters, two of them one word where one of `apostrophes` stands between."""
    offsets, own, kinds_B = scanned.given.offsets, scanned.bytes_B, scanned.kinds_B
    letter = kinds_B == LETTER
    edge = np.zeros(len(own) + 1, np.bool_)
    edge[1:-1] = letter[1:] != letter[:-1]
    if len(own):
        edge[0], edge[-1] = letter[0], letter[-1]
    begins = np.zeros(len(own) + 1, np.bool_)
    begins[offsets] = True
    cut = np.flatnonzero(begins[1:-1] & letter[1:] & letter[:-1]) + 1  # a text ends in a word, and the next begins so
    bounds = np.flatnonzero(edge)
    if len(cut):
        bounds = np.sort(np.concatenate([bounds, cut, cut]), kind="stable")
    begin, end = bounds[::2], bounds[1::2]
    joined = _joined(own, begin, end, apostrophes) & ~begins[end[:-1]] & ~begins[begin[1:]]
    joined = _every_other(joined)
    for place in range(3):
        gap = end[:-1][joined] + place
        gap = gap[gap < begin[1:][joined]]
        letter[gap] = True
    first = np.ones(len(begin), np.bool_)
    first[1:] = ~joined
    final = np.ones(len(begin), np.bool_)
    final[:-1] = ~joined
    begin, end = begin[first], end[final]
    ends = np.zeros(len(begin) + 1, np.int32)
    np.cumsum(end - begin, out=ends[1:])
    data = _LOWER[own[letter]]
    strings = pa.StringArray.from_buffers(len(begin), pa.py_buffer(ends), pa.py_buffer(data))
    return Words(strings, np.searchsorted(begin, offsets))


def _joined(own: Bytes, begin: Places, end: Places, apostrophes: str) -> Flags:
    """For each two runs of letters, one after the other, whether just an apostrophe stands between them."""
    gap, at = begin[1:] - end[:-1], end[:-1]
    found = np.zeros(len(gap), np.bool_)
    for apostrophe in apostrophes:
        code = apostrophe.encode()
        here = np.flatnonzero(gap == len(code))
        for place, byte in enumerate(code):
            here = here[own[at[here] + place] == byte]
        found[here] = True
    return found


def _every_other(joined: Flags) -> Flags:
    """Of joints one after the other the first, the third, ...: a word has one apostrophe."""
    at = np.flatnonzero(joined)
    number = np.arange(len(at))
    new = np.ones(len(at), np.bool_)
    new[1:] = at[1:] != at[:-1] + 1
    later = (number - np.maximum.accumulate(np.where(new, number, 0))) % 2 == 1
    found = joined.copy()
    found[at[later]] = False
    return found
