"""Near-duplicates: against brute force on real sentences with planted copies at known distances."""

import re
from itertools import combinations
from time import process_time

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.corpus.near import brute_force, planted
from benchmarks.corpus.near import found as near
from tests.builders import sample
from tinystories.corpus.near import Bands, candidates, leaving, overlap
from tinystories.corpus.ngrams import ngrams, words


def plain_words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9\x80-\u1fff\u2040-\U0010ffff]+", text.lower())


def shingles(text: str, n: int) -> set[tuple[str, ...]]:
    found = plain_words(text)
    return {tuple(found[i : i + n]) for i in range(max(1, len(found) - n + 1))} if found else set()


def test_words_and_ngrams_are_those_of_plain_python() -> None:
    texts = [row["story"] for row in sample(60)] + [
        "",
        "One",
        "“Don’t!” she said—and ran… 7 cafés",
        "a b c d e",
        "...",
        "x" * 5000,
    ]
    for n in (1, 2, 5, 13):
        rows = ngrams(words(pa.chunked_array([texts[:10], texts[10:]])), n)
        hashes: dict[tuple[str, ...], int] = {}
        for i, text in enumerate(texts):
            own = set(rows.hashes[rows.offsets_N1[i] : rows.offsets_N1[i + 1]].tolist())
            expected = shingles(text, n)
            assert len(own) == len(expected)
            for text_ngram in expected:
                hashes.setdefault(text_ngram, 0)
        assert len(np.unique(rows.hashes)) == len(hashes), (
            "different n-grams have different hashes, equal ones the same"
        )


def test_an_ngrams_hash_is_the_mixed_sum_of_its_words_hashes() -> None:
    """The same on every machine and in every version, since signatures and shares of n-grams depend on it."""
    base, full = 0x9E3779B97F4A7C15, (1 << 64) - 1

    def mixed(value: int) -> int:
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & full
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & full
        return value ^ (value >> 31)

    found = words(pa.array(["", "one", "a b c d e f g", "", "x y", ""]))
    for n in (1, 3, 5):
        expected = [[], [1], [max(1, 7 - n + 1)], [], [max(1, 2 - n + 1)], []]
        rows = ngrams(found, n)
        assert np.diff(rows.offsets_N1).tolist() == [sum(counts) for counts in expected]
        for text in range(6):
            own = found.hashes[found.offsets_N1[text] : found.offsets_N1[text + 1]].tolist()
            sums = [
                mixed(sum(w * pow(base, 2 * p + 3, 1 << 64) for p, w in enumerate(own[i : i + n])) & full)
                for i in range(rows.offsets_N1[text + 1] - rows.offsets_N1[text])
            ]
            assert rows.hashes[rows.offsets_N1[text] : rows.offsets_N1[text + 1]].tolist() == sums


def test_hashes_do_not_depend_on_what_stands_beside_a_text() -> None:
    alone = words(pa.array(["Tom ran."])).hashes
    among = words(pa.array(["Cat", "Tom ran.", "Dog"]).slice(1, 1)).hashes
    assert alone.tolist() == among.tolist() and len(alone) == 2


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.8, 0.9, 0.99, 1.0])
def test_bands_let_pairs_at_the_threshold_through(threshold: float) -> None:
    bands = Bands.of(threshold)
    assert bands.count * bands.rows <= 128
    assert 1 - (1 - threshold**bands.rows) ** bands.count >= 0.995


@pytest.mark.slow
def test_recall_and_precision_against_brute_force_on_5000_stories() -> None:
    texts, changed = planted(5000, seed=7)
    true = brute_force(texts)
    found = near(texts)
    assert len(true) > 100 and set(true) <= set(changed), "what is near was planted"
    assert set(found) <= set(true), "precision is 1: every candidate is verified"
    # about 300 pairs between 0.8 and 1, of which the bands miss one in 200 at most: 6 missed have p < 0.005
    assert len(found) >= len(true) - 6
    assert all(abs(share - true[pair]) < 1e-9 for pair, share in found.items())


def test_planted_copies_of_a_few_hundred_stories_are_found() -> None:
    texts = planted(400, seed=7).texts
    true, found = brute_force(texts), near(texts)
    assert len(true) > 10 and set(found) <= set(true)
    assert len(found) >= len(true) - 2


def test_texts_without_words_resemble_nothing_and_short_ones_only_themselves() -> None:
    assert near(["", "...", "🎉" * 0, "Tom ran.", "tom, ran!", "Tom sat."]) == {(3, 4): 1.0}


def test_a_bucket_of_thousands_does_not_square() -> None:
    texts = ["The cat sat on the mat and ate a fish in the sun."] * 3000
    assert len(near(texts)) <= 2 * 3000


def test_many_buckets_cost_as_much_as_their_rows() -> None:
    """40,000 buckets of 13: for each to look through all rows took half a minute, this takes a second."""
    rows = 520_000
    keys = np.random.default_rng(5).permutation(np.arange(rows, dtype=np.uint64) // 13)[:, None]
    began = process_time()
    pairs = candidates(keys, np.ones(rows, np.bool_), np.zeros(rows, np.bool_))
    assert process_time() - began < 8
    assert len(pairs) == rows // 13 * (12 + 11)  # neighbours, and the first with those that are no neighbour of it


def test_pairs_are_those_that_agree_in_a_band_each_once() -> None:
    keys = np.random.default_rng(3).integers(0, 24, (300, 4)).astype(np.uint64)
    usable = np.arange(300) % 5 > 0
    found = [tuple(pair) for pair in candidates(keys, usable, np.zeros(300, np.bool_)).tolist()]
    agree = (keys[:, None] == keys[None]) & usable[:, None, None] & usable[None, :, None]
    buckets = [np.flatnonzero(usable & (keys[:, b] == value)) for b in range(4) for value in range(24)]
    assert 0 < sum(len(rows) > 12 for rows in buckets) < sum(len(rows) > 1 for rows in buckets)
    small = {pair for rows in buckets if len(rows) <= 12 for pair in combinations(rows.tolist(), 2)}
    assert len(found) == len(set(found)) and small <= set(found) < set(zip(*np.nonzero(agree.any(axis=2)), strict=True))
    assert all(one < other for one, other in found)
    assert candidates(keys[:0], usable[:0], usable[:0]).shape == (0, 2)


def test_in_a_bucket_of_any_size_all_are_compared_with_the_held_out_ones() -> None:
    """Neighbours and the first alone would leave training stories in that are near to a held-out one."""
    held = np.zeros(40, np.bool_)
    held[[7, 20, 33]] = True
    pairs = {tuple(pair) for pair in candidates(np.zeros((40, 2), np.uint64), ~np.zeros(40, np.bool_), held).tolist()}
    assert {(min(h, r), max(h, r)) for h in (7, 20, 33) for r in range(40) if r != h} <= pairs
    near_held_out, earlier = leaving(sorted(pairs), held)
    assert set(near_held_out) == set(range(40)) - {7, 20, 33} and not earlier


def test_of_each_cluster_the_first_stays_and_held_out_rows_always_do() -> None:
    held = np.array([False, False, False, True, False, False, True, False])
    pairs = [(0, 1), (1, 2), (3, 4), (4, 5), (3, 6), (2, 7)]
    assert leaving(pairs, held) == ({4: 3}, {1: 0, 2: 0, 7: 0})


def test_overlap_counts_distinct_ngrams_of_the_test_stories() -> None:
    test, train = np.array([1, 1, 2, 3, 7], np.uint64), [np.array(own, np.uint64) for own in ([9, 2], [], [2, 7, 0])]
    assert overlap(test, train) == 2 / 4
    assert overlap(test[:0], train) is None and overlap(test, []) == 0
