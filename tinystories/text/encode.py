"""Encoding of many texts of one kind: each piece that recurs is encoded once, and all are found at once."""

from typing import Any, Final

import numpy as np
import pyarrow as pa

from tinystories.corpus.scan import DIGIT, SPACE, Bytes, Flags, Places, Scanned, put_in
from tinystories.text.tokenizer import StoryTokenizer

_MOST: Final = 1 << 20  # pieces remembered


class FastEncoder:
    """`StoryTokenizer.encode` with the same ids, many times faster on texts whose words recur.

    No merge of BPE and no piece of Unigram crosses the cuts that the pre-tokenizer makes, so the ids of a
    text are those of its pieces, one after the other. A tokenizer that cuts otherwise is asked for each text.
    """

    def __init__(self, tokenizer: StoryTokenizer) -> None:
        self._tokenizer = tokenizer
        self._known: dict[str, list[int]] = {}
        self._ours = tokenizer.cuts_as_ours

    def encode_many(self, scanned: Scanned) -> Any:
        """(N) the ids of each text, as an Arrow array of lists."""
        texts = scanned.given
        if not self._ours:
            return self._asked([texts.text(number) for number in range(len(texts))])
        starts = pieces(scanned)
        ends = np.append(starts, len(texts.bytes_B)).astype(np.int32)
        data = pa.py_buffer(scanned.bytes_B)
        coded = pa.StringArray.from_buffers(len(starts), pa.py_buffer(ends), data).dictionary_encode()
        by_piece = _lists([self._ids(piece) for piece in coded.dictionary.to_pylist()])
        found = by_piece.take(coded.indices)
        tokens = found.offsets.to_numpy()[np.searchsorted(starts, texts.offsets)]
        lists = pa.LargeListArray.from_arrays(pa.array(tokens, pa.int64()), found.values)
        return put_in(lists, scanned.odd, self._asked([texts.text(number) for number in scanned.odd]))

    def _ids(self, piece: str) -> list[int]:
        ids = self._known.get(piece)
        if ids is None:
            ids = self._tokenizer.encode(piece)
            if len(self._known) < _MOST:
                self._known[piece] = ids
        return ids

    def _asked(self, texts: list[str]) -> Any:
        return _lists(self._tokenizer.encode_many(texts))


def _lists(ids: list[list[int]]) -> Any:
    ends: Places = np.zeros(len(ids) + 1, np.int64)
    np.cumsum([len(one) for one in ids], out=ends[1:])
    flat = [identity for one in ids for identity in one]
    return pa.LargeListArray.from_arrays(pa.array(ends), pa.array(flat, pa.uint32()))


def pieces(scanned: Scanned) -> Places:
    r"""Where the pieces of plain texts begin, ascending, by the tokenizer's own rule (text/tokenizer.py):
    '(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
    """
    offsets, own, kinds_B = scanned.given.offsets, scanned.bytes_B, scanned.kinds_B
    size = len(own)
    if not size:
        return np.zeros(0, np.int64)
    begins = np.zeros(size + 1, np.bool_)
    begins[offsets] = True  # one more than bytes: the end of the last text
    after_space = np.zeros(size, np.bool_)  # a space belongs to what follows it
    after_space[1:] = (own[:-1] == ord(" ")) & ~begins[1:size]
    same = np.zeros(size, np.bool_)  # goes on with what stands before it
    same[1:] = (kinds_B[1:] == kinds_B[:-1]) & (kinds_B[1:] != DIGIT)
    starts = ~same & ~after_space
    space = kinds_B == SPACE
    last = np.zeros(size, np.bool_)  # of white space before something else: that alone, or its space, goes with it
    last[:-1] = space[:-1] & ~space[1:] & ~begins[1:size]
    starts = np.where(space, ~same | last, starts) | begins[:size]
    _contractions(own, begins, starts)
    return np.flatnonzero(starts)


def _contractions(own: Bytes, begins: Flags, starts: Flags) -> None:
    """Mark the pieces 's 'd 'm 't 'll 've 're, and what follows them, in `starts`; in place."""
    size = len(own)
    at = np.flatnonzero((own == ord("'")) & starts)
    at = at[at + 1 < size]
    at = at[~begins[at + 1]]
    one, two = own[at + 1], own[np.minimum(at + 2, size - 1)]
    short = np.isin(one, list(b"sdmt"))
    long = ((one == ord("l")) & (two == ord("l"))) | (((one == ord("v")) | (one == ord("r"))) & (two == ord("e")))
    long &= (at + 2 < size) & ~begins[np.minimum(at + 2, size)]
    starts[at[short | long] + 1] = False
    for after in (at[short] + 2, at[long] + 3):
        starts[after[after < size]] = True
