"""Sixty stories of our own model, read by a person before the judge was asked: how far the judge can be believed there.

The first 7 that the 30-minute model of docs/results.md told for each tag and its first 18 asked for nothing; shown to
the reader in the order of their ids, without the request. `because` is the passage that decided each yes.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tinystories.corpus.record import story_id
from tinystories.evaluation.intervals import share_interval
from tinystories.text.labels import measure, read_gold
from tinystories.text.tagger import Tagger
from tinystories.text.tags import TAGS

FILE = Path(__file__).with_name("labelled-stories.jsonl")


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]


def test_every_label_that_says_yes_quotes_the_story(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        assert row["id"] == story_id(row["text"])
        assert {tag for tag, yes in row["gold"].items() if yes} == row["because"].keys()
        assert all(passage in row["text"] for passage in row["because"].values())
        assert set(row["gold"]) == set(TAGS)


def test_the_stories_are_balanced_and_neither_model_learned_from_them(rows: list[dict[str, Any]]) -> None:
    assert Counter(row["asked"] for row in rows) == {None: 18, **dict.fromkeys(TAGS, 7)}
    kinds = {asked: sorted(row["index"] for row in rows if row["asked"] == asked) for asked in (None, *TAGS)}
    assert kinds == {None: list(range(18)), **{tag: list(range(7)) for tag in TAGS}}  # the first ones, not picked
    for name in ("tagger", "judge"):
        assert not Tagger.load(name).fitted_on & {row["id"] for row in rows}


def test_the_judge_agrees_with_the_reader_on_generated_stories(
    rows: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    found = measure(Tagger.load("judge"), {row["id"]: row["text"] for row in rows}, read_gold(FILE))
    agreed = {tag: own["tp"] + own["tn"] for tag, own in found.items()}
    with capsys.disabled():
        print()
        for tag, own in found.items():
            low, high = share_interval(agreed[tag], len(rows))
            print(
                f"{tag:<14} agreement {agreed[tag] / len(rows):.2f} ({low:.2f} to {high:.2f}), by hand "
                f"{own['positives']}, precision {own['tp']} of {own['tp'] + own['fp']}, recall {own['tp']} of "
                f"{own['positives']}"
            )
    assert share_interval(agreed["Dialogue"], len(rows))[0] > 0.9
    # all six together: better than guessing each tag as often as the reader finds it
    by_chance = sum(p * p + (1 - p) * (1 - p) for tag in TAGS for p in (found[tag]["positives"] / len(rows),)) / 6
    assert share_interval(sum(agreed.values()), 6 * len(rows))[0] > by_chance
