"""Hashes of word n-grams for whole tables of texts at once, by NumPy: what near-duplicates and overlaps are found by.

A word is a run of letters and digits, lower case; marks, apostrophes and curly quotes stand between words. Its hash
is the polynomial sum of its bytes modulo 2^64, taken as the difference of two prefix sums, and mixed; an n-gram's that
of its words' hashes w: w[0] b^3 + w[1] b^5 + w[2] b^7 + ..., mixed.
"""

from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Offsets = NDArray[np.int64]

_BASE: Final = 0x9E3779B97F4A7C15 | 1
_SQUARE: Final = pow(_BASE, 2, 1 << 64)
_CUBE: Final = np.uint64(pow(_BASE, 3, 1 << 64))
_PIECE: Final = 1 << 20  # bytes of text at once: the powers of the base stay in the cache


class Rows(NamedTuple):
    """Hashes of all texts one after the other; offsets_N1: (texts + 1,) where each text's begin and end."""

    hashes: Hashes
    offsets_N1: Offsets


def words(texts: Any) -> Rows:
    """The words of each text of an Arrow array of strings."""
    import pyarrow as pa

    chunks = texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]
    return _joined([_pieces(chunk) for chunk in chunks])


def ngrams(rows: Rows, n: int) -> Rows:
    """The n-grams of each text; of a text of fewer words, all of them as one; of none, none."""
    hashes, offsets_N1 = rows
    lengths_N = np.diff(offsets_N1)
    if not len(hashes):
        return Rows(hashes, offsets_N1)
    counts_N = np.where(lengths_N == 0, 0, np.maximum(lengths_N - n + 1, 1))
    ends_N1 = np.concatenate([[0], np.cumsum(counts_N)])
    begin = np.arange(ends_N1[-1]) + np.repeat(offsets_N1[:-1] - ends_N1[:-1], counts_N)
    stop = np.minimum(begin + n, np.repeat(offsets_N1[1:], counts_N))
    powers, inverses = _powers(_SQUARE, _length(len(hashes)))
    prefix = np.zeros(len(hashes) + 1, np.uint64)
    np.cumsum(hashes * powers[: len(hashes)], out=prefix[1:])
    return Rows(_mixed((prefix[stop] - prefix[begin]) * inverses[begin] * _CUBE), ends_N1)


def _pieces(texts: Any) -> Rows:
    """Of one Arrow array, in pieces of about _PIECE bytes."""
    import pyarrow as pa

    texts = texts.cast(pa.large_string())
    _, ends, data = texts.buffers()
    offsets_N1 = np.frombuffer(ends, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    content = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    found, row = [], 0
    while row < len(texts):
        stop = int(np.searchsorted(offsets_N1, offsets_N1[row] + _PIECE, side="right")) - 1
        stop = min(max(stop, row + 1), len(texts))
        own = offsets_N1[row : stop + 1]
        found.append(_words(content[own[0] : own[-1]], own - own[0]))
        row = stop
    return _joined(found)


def _words(content: NDArray[np.uint8], offsets_N1: Offsets) -> Rows:
    inside = np.zeros(len(content) + 2, np.bool_)
    inside[1:-1] = _classes()[0][content]
    marks = np.flatnonzero(content[:-2] == 0xE2) if len(content) > 2 else np.zeros(0, np.int64)
    marks = marks[content[marks + 1] == 0x80]  # U+2000 to U+203F: quotes, dashes, an ellipsis
    for place in (1, 2, 3):
        inside[marks + place] = False
    cut = np.zeros(len(content) + 1, np.bool_)  # a text begins here
    cut[offsets_N1] = True
    starts = np.flatnonzero(inside[1:-1] & (~inside[:-2] | cut[:-1]))
    stops = np.flatnonzero(inside[1:-1] & (~inside[2:] | cut[1:])) + 1
    if not len(starts):
        return Rows(np.zeros(0, np.uint64), np.zeros(len(offsets_N1), np.int64))
    powers, inverses = _powers(_BASE, _length(len(content)))
    prefix = np.zeros(len(content) + 1, np.uint64)
    np.cumsum(_classes()[1][content] * powers[: len(content)], out=prefix[1:])
    hashes = (prefix[stops] - prefix[starts]) * inverses[starts]
    return Rows(_mixed(hashes), np.searchsorted(starts, offsets_N1))


@cache
def _classes() -> tuple[NDArray[np.bool_], Hashes]:
    """Of each byte: is it part of a word; its value, capitals as small letters."""
    is_word = np.array([byte >= 0x80 or chr(byte).isalnum() for byte in range(256)])
    lower = np.array([byte + 32 if 65 <= byte <= 90 else byte for byte in range(256)], np.uint64)
    return is_word, lower + np.uint64(1)


@cache
def _powers(base: int, length: int) -> tuple[Hashes, Hashes]:
    """Of an odd number and of its inverse modulo 2^64, from 0 on."""
    return tuple(  # type: ignore[return-value]
        np.cumprod(np.concatenate([np.ones(1, np.uint64), np.full(length - 1, one, np.uint64)]))
        for one in (base, pow(base, -1, 1 << 64))
    )


def _length(least: int) -> int:
    """One of few lengths, so that few powers are kept."""
    return 1 << max(20, least.bit_length())


def _mixed(hashes: Hashes) -> Hashes:
    """splitmix64's last steps: every bit of the result depends on every bit of the hash."""
    hashes = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashes = (hashes ^ (hashes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return hashes ^ (hashes >> np.uint64(31))


def _joined(pieces: list[Rows]) -> Rows:
    if not pieces:
        return Rows(np.zeros(0, np.uint64), np.zeros(1, np.int64))
    lengths = [np.diff(piece.offsets_N1) for piece in pieces]
    return Rows(
        np.concatenate([piece.hashes for piece in pieces]), np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
    )
