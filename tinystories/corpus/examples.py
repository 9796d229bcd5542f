"""Some of what validation leaves out, to look at: stories by reason, and copies beside what they resemble."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from tinystories.corpus.excerpts import excerpt

BY_REASON: Final = 2  # stories of each reason
PAIRS: Final = 4  # pairs of near copies, the least alike
COPIES: Final = 2  # pairs of equal texts

Stories = Mapping[int, Mapping[str, str]]


def examples(
    extracted: Path,
    reasons: Mapping[str, Sequence[int]],
    copies: Sequence[tuple[int, int]],
    near: Mapping[int, tuple[int, float]],
) -> dict[str, Any]:
    """by_reason: name of the rule -> its first stories. near: the pairs that are least alike, where the rule could be
    wrong; copies: the first equal texts. All row numbers are those of `extracted`.

    copies: (row left out, row kept). near: row left out -> (row kept, similarity).
    """  # fmt: skip
    pairs = sorted(((left, kept, share) for left, (kept, share) in near.items()), key=lambda pair: (pair[2], pair[0]))
    pairs, copies = pairs[:PAIRS], sorted(copies)[:COPIES]
    rows = {row for found in reasons.values() for row in found[:BY_REASON]}
    rows |= {row for left, kept, _ in pairs for row in (left, kept)} | {row for pair in copies for row in pair}
    stories = _read(extracted, rows)
    return {
        "by_reason": {name: [stories[row] for row in found[:BY_REASON]] for name, found in sorted(reasons.items())},
        "near": [
            {"left_out": stories[left], "kept": stories[kept], "similarity": round(share, 4)}
            for left, kept, share in pairs
        ],
        "copies": [{"left_out": stories[left], "kept": stories[kept]} for left, kept in copies],
    }


def _read(path: Path, rows: set[int]) -> Stories:
    """The stories of these rows; groups of rows without any are not read."""
    found: dict[int, dict[str, str]] = {}
    begin = 0
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            stop = begin + file.metadata.row_group(group).num_rows
            if own := sorted(row for row in rows if begin <= row < stop):
                columns = ["story_id", "text", "source", "partition"]
                table = file.read_row_group(group, columns=columns).take([row - begin for row in own])
                for row, story in zip(own, table.to_pylist(), strict=True):
                    found[row] = {**story, "text": excerpt(story["text"]), "source": story["source"] or ""}
            begin = stop
    return found
