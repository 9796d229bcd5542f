"""Near-duplicates: MinHash signatures by rensa, candidates by banding, and every candidate verified.

Broder, On the resemblance and containment of documents (1997); Leskovec, Rajaraman and Ullman, Mining of Massive
Datasets, chapter 3. A pair is near if the Jaccard similarity of the sets of word n-grams reaches the threshold; which
pairs are looked at at all is up to the bands, and a pair at the threshold is missed once in 200 at most.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tinystories.corpus.keys import distinct
from tinystories.corpus.ngrams import Hashes, ngrams, words

PERMUTATIONS: Final = 128  # at most; of a signature
RECALL: Final = 0.995  # of pairs at the threshold, by the banding's formula
SEED: Final = 42  # of the signatures
LONG: Final = 13  # words of the n-grams that test and training may share

_ALL_PAIRS: Final = 12  # stories in one bucket that are compared each with each; above, see candidates
_HELD_OUT: Final = 16  # held-out stories of a larger bucket that all of it is compared with
_AT_ONCE: Final = 200_000  # stories whose n-grams are in memory together
_EXACT: Final = 100_000  # stories up to which every long n-gram counts; above, one of SAMPLED
SAMPLED: Final = 16

Pairs = NDArray[np.int64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Bands:
    """A signature cut into `count` bands of `rows` values: two stories that agree in any band are candidates."""

    count: int
    rows: int

    @staticmethod
    def of(threshold: float) -> "Bands":
        """The bands that let through as few pairs as they can while RECALL holds at the threshold."""
        for rows in range(PERMUTATIONS, 0, -1):
            count = PERMUTATIONS // rows
            if 1 - (1 - threshold**rows) ** count >= RECALL:
                return Bands(count, rows)
        raise AssertionError("one row a band reaches any threshold above 0.05")


def every(stories: int) -> int:
    """One of how many long n-grams is looked at, chosen by its hash: all of them while that costs little."""
    return 1 if stories <= _EXACT else SAMPLED


def signatures(table: Any, *, bands: Bands, ngram: int, sample: int) -> Any:
    """A table with `text` -> one row a story: `bands` (a key each), `long` (hashes of its n-grams of LONG words,
    one of `sample`), as a pure function."""
    import pyarrow as pa
    import rensa

    found = words(table["text"])
    short = ngrams(found, ngram)
    matrix = rensa.RMinHash.digest_matrix_from_flat_token_hashes(
        short.hashes, short.offsets_N1.astype(np.uint64), bands.count * bands.rows, SEED
    )
    digests = np.array(matrix.to_rows(), np.uint64).reshape(table.num_rows, bands.count, bands.rows)
    factors = np.array([pow(0x9E3779B97F4A7C15, 2 * row + 1, 1 << 64) for row in range(bands.rows)], np.uint64)
    keys = (digests * factors).sum(axis=2, dtype=np.uint64)
    keys ^= keys >> np.uint64(29)
    empty = np.diff(short.offsets_N1) == 0  # stories without a word resemble nothing: a key of their own
    long = _whole(found)
    chosen = long.hashes % np.uint64(sample) == 0
    ends = np.concatenate([[0], np.cumsum(chosen)])[long.offsets_N1]
    return pa.table(
        {
            "bands": pa.FixedSizeListArray.from_arrays(pa.array(keys.reshape(-1)), bands.count),
            "empty": pa.array(empty),
            "long": pa.LargeListArray.from_arrays(pa.array(ends, pa.int64()), pa.array(long.hashes[chosen])),
        }
    )


def candidates(keys_NB: Hashes, usable_N: NDArray[np.bool_], held_out_N: NDArray[np.bool_]) -> Pairs:
    """(P, 2) rows i < j that agree in a band, each pair once; rows that are not usable are in none.

    Of more than _ALL_PAIRS rows that agree, neighbours are paired, and all with the first and with the first
    _HELD_OUT of the held-out ones: as many pairs as rows, not their square.
    """
    rows, total = np.flatnonzero(usable_N), len(usable_N)
    found = np.zeros(0, np.int64)  # i * total + j
    for band in range(keys_NB.shape[1]):
        one, other = _agreeing(keys_NB[rows, band], rows, held_out_N)
        found = np.union1d(found, one * total + other)
    return np.stack(np.divmod(found, max(1, total)), axis=1)


def _agreeing(keys: Hashes, rows: Rows, held_out_N: NDArray[np.bool_]) -> tuple[Rows, Rows]:
    """Pairs of rows, the smaller first, whose keys are equal; see candidates."""
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    begins = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])[: len(keys)])
    sizes = np.diff(np.append(begins, len(keys)))
    own = rows[order[np.repeat(sizes > 1, sizes)]]
    sizes = sizes[sizes > 1]
    bucket, size = np.repeat(np.arange(len(sizes)), sizes), np.repeat(sizes, sizes)
    found = []
    for distance in range(1, _ALL_PAIRS):
        together = bucket[distance:] == bucket[:-distance]
        if distance > 1:
            together &= size[distance:] <= _ALL_PAIRS
        found.append((own[:-distance][together], own[distance:][together]))
    ends = np.cumsum(sizes)
    for place in np.flatnonzero(sizes > _ALL_PAIRS).tolist():
        members = own[ends[place] - sizes[place] : ends[place]]
        for row in (members[0], *members[held_out_N[members]][:_HELD_OUT]):
            others = members[members != row]
            found.append((np.minimum(row, others), np.maximum(row, others)))
    return np.concatenate([one for one, _ in found]), np.concatenate([other for _, other in found])


def verified(
    pairs: Pairs, read: Callable[[], Iterable[Any]], ngram: int, threshold: float
) -> Iterator[tuple[int, int, float]]:
    """(i, j, similarity) of the candidates that are near indeed. read: the tables of all stories, in order, anew."""
    for part in _parts(pairs):
        wanted = np.unique(part)
        sets: dict[int, Hashes] = {}
        begin = 0
        for table in read():
            own = wanted[(wanted >= begin) & (wanted < begin + table.num_rows)]
            if len(own):
                found = ngrams(words(table["text"].take(own - begin)), ngram)
                ends = found.offsets_N1
                sets |= {int(row): np.unique(found.hashes[ends[i] : ends[i + 1]]) for i, row in enumerate(own)}
            begin += table.num_rows
        for one, other in part.tolist():
            common = len(np.intersect1d(sets[one], sets[other], assume_unique=True))
            similarity = common / max(1, len(sets[one]) + len(sets[other]) - common)
            if similarity >= threshold:
                yield one, other, similarity


def leaving(pairs: Iterable[tuple[int, int]], held_out_N: NDArray[np.bool_]) -> tuple[dict[int, int], dict[int, int]]:
    """Training rows to drop, each with the row that it is near to: those near a held-out story, and of each cluster
    of the others all but the first in reading order. Held-out rows stay."""
    near_held_out: dict[int, int] = {}
    inside: list[tuple[int, int]] = []
    for one, other in pairs:
        match bool(held_out_N[one]), bool(held_out_N[other]):
            case True, False:
                near_held_out.setdefault(other, one)
            case False, True:
                near_held_out.setdefault(one, other)
            case False, False:
                inside.append((one, other))
    parent: dict[int, int] = {}

    def root(row: int) -> int:
        while (above := parent.setdefault(row, row)) != row:
            parent[row] = parent[above]
            row = parent[row]
        return row

    for one, other in inside:
        if one not in near_held_out and other not in near_held_out:
            first, second = sorted((root(one), root(other)))
            parent[second] = first
    return near_held_out, {row: root(row) for row in sorted(parent) if root(row) != row}


def overlap(test: Hashes, train: Iterable[Hashes]) -> float | None:
    """The share of the test stories' distinct long n-grams that training stories have too; None without any.

    train: in pieces, which are never put together.
    """
    tested = distinct(test)
    known = np.zeros(len(tested), np.bool_)
    for piece in train:
        hashes = distinct(piece)  # sorted, so that neighbours are looked up after each other
        places = np.searchsorted(tested, hashes)
        inside = places < len(tested)
        hashes, places = hashes[inside], places[inside]
        known[places[tested[places] == hashes]] = True
    return float(known.mean()) if len(tested) else None


def _whole(found: Any) -> Any:
    """N-grams of LONG words, of stories that have so many."""
    long = ngrams(found, LONG)
    counts = np.diff(long.offsets_N1)
    enough = np.diff(found.offsets_N1) >= LONG
    keep = np.repeat(enough, counts)
    return type(long)(long.hashes[keep], np.concatenate([[0], np.cumsum(np.where(enough, counts, 0))]))


def _parts(pairs: Pairs) -> Iterator[Pairs]:
    """Pairs in pieces of so many that their stories' n-grams fit in memory."""
    for start in range(0, len(pairs), _AT_ONCE // 2):
        yield pairs[start : start + _AT_ONCE // 2]
