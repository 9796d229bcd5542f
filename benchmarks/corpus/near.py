"""Recall and precision of near-duplicates against brute force: the table of docs/corpus.md.

    python -m benchmarks.corpus.near

5,000 stories, recombined from the sample's sentences, a fifth of them near-copies with one to six words changed; five
such sets. Every pair that shares an n-gram is compared: that is all pairs that are alike at all.
"""

from collections import defaultdict
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from benchmarks.pages import fill
from tinystories.corpus.near import Bands, candidates, signatures, verified
from tinystories.corpus.ngrams import ngrams, words
from tinystories.corpus.sources import SAMPLE, read_stories
from tinystories.corpus.tables import GROUP

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "corpus.md"
SEEDS: Final = (7, 8, 9, 10, 11)
STORIES: Final = 5000
THRESHOLD: Final = 0.8
NGRAM: Final = 5
CHANGES: Final = 6  # words, at most

Pair = tuple[int, int]


class Planted(NamedTuple):
    """changed: of each planted pair of texts, how many words."""

    texts: list[str]
    changed: dict[Pair, int]


def planted(count: int, seed: int) -> Planted:
    """Stories of nine sentences, a fifth of them near-copies, in any order."""
    random = Random(seed)
    pool = [sentence for story in read_stories(SAMPLE) for sentence in story.text.split(". ")]
    texts = [". ".join(random.sample(pool, 9)) for _ in range(count * 4 // 5)]
    pairs = []
    for number in range(count - len(texts)):
        found, changes = texts[number].split(" "), 1 + number % CHANGES
        for place in random.sample(range(len(found)), changes):
            found[place] = f"other{random.randrange(10**6)}"
        pairs.append((number, len(texts), changes))
        texts.append(" ".join(found))
    order = random.sample(range(count), count)
    place_of = {old: new for new, old in enumerate(order)}
    changed = {_pair(place_of[one], place_of[other]): changes for one, other, changes in pairs}
    return Planted([texts[old] for old in order], changed)


def brute_force(texts: list[str]) -> dict[Pair, float]:
    """The similarity of every pair that reaches THRESHOLD."""
    rows = ngrams(words(pa.array(texts)), NGRAM)
    sets = [set(rows.hashes[rows.offsets_N1[i] : rows.offsets_N1[i + 1]].tolist()) for i in range(len(texts))]
    owners: dict[int, list[int]] = defaultdict(list)
    for i, own in enumerate(sets):
        for shingle in own:
            owners[shingle].append(i)
    pairs = {pair for rows_ in owners.values() for pair in combinations(rows_, 2)}
    shares = {(i, j): len(sets[i] & sets[j]) / len(sets[i] | sets[j]) for i, j in pairs}
    return {pair: share for pair, share in shares.items() if share >= THRESHOLD}


def found(texts: list[str], threshold: float = THRESHOLD, ngram: int = NGRAM) -> dict[Pair, float]:
    """What validation finds."""
    tables = [pa.table({"text": texts[i : i + GROUP]}) for i in range(0, len(texts), GROUP)]
    bands = Bands.of(threshold)
    signed = pa.concat_tables([signatures(table, bands=bands, ngram=ngram, sample=1) for table in tables])
    keys = signed["bands"].combine_chunks().flatten().to_numpy().reshape(-1, bands.count)
    pairs = candidates(keys, ~signed["empty"].to_numpy(), np.zeros(len(keys), np.bool_))
    return {(one, other): share for one, other, share in verified(pairs, lambda: tables, ngram, threshold)}


def main() -> None:
    near: dict[int, int] = defaultdict(int)
    hits: dict[int, int] = defaultdict(int)
    made: dict[int, int] = defaultdict(int)
    wrong = 0
    for seed in SEEDS:
        own = planted(STORIES, seed)
        true, told = brute_force(own.texts), found(own.texts)
        wrong += len(told.keys() - true.keys())
        for changes in own.changed.values():
            made[changes] += 1
        for pair in true:
            changes = own.changed.get(pair, 0)
            near[changes] += 1
            hits[changes] += pair in told
    fill(PAGE, {"near": page(made, near, hits, wrong)})


def page(made: dict[int, int], near: dict[int, int], hits: dict[int, int], wrong: int) -> str:
    rows = [
        f"| {changes or 'not planted'} | {made[changes] or '–'} | {near[changes]} | {hits[changes]} "
        f"| {hits[changes] / near[changes]:.3f} |"
        for changes in sorted(near, key=lambda changes: (changes == 0, changes))
    ]
    total, right = sum(near.values()), sum(hits.values())
    return "\n".join([
        f"| words changed | pairs planted | of these at or above {THRESHOLD} | found | recall |",
        "|---|---|---|---|---|",
        *rows,
        f"| all | {sum(made.values())} | {total} | {right} | {right / total:.3f} |",
        "",
        f"Found and not near: {wrong} of {right + wrong}.",
    ])  # fmt: skip


def _pair(one: int, other: int) -> Pair:
    return min(one, other), max(one, other)


if __name__ == "__main__":
    main()
