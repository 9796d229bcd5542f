"""Stage 3: parts without a lost byte, and tags from whoever knows best."""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tinystories.corpus.record import EXTRACTED, SPLIT, story_id
from tinystories.corpus.tables import read_rows, write_rows
from tinystories.files import read_json
from tinystories.params import Params, load_params
from tinystories.paths import Paths
from tinystories.stages import split
from tinystories.text.tagger import Tagger
from tinystories.text.tags import TAGS

LONG = '  Once there was a cat. "Come!" said Mom.\n\nThe cat came. They were glad.  \n'
SAD = "Tom was warned not to go. He did not listen. He fell and died. Mom cried. She never saw him again."
TALK = '"Hi!" said Tom. "Hi!" said Sue. "Do you want to play?" asked Tom. "Yes!" said Sue. They played all day.'


@pytest.fixture(scope="module")
def params(root: Path) -> Params:
    return load_params(root)


def record(text: str, partition: str = "train", **given: Any) -> dict[str, Any]:
    empty = dict.fromkeys(EXTRACTED.names)
    return empty | {"story_id": story_id(text), "text": text, "partition": partition} | given


def run(params: Params, tmp_path: Path, *rows: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    paths = Paths(tmp_path)
    write_rows(paths.validated, EXTRACTED, rows)
    metrics = split.run(params, paths)
    assert json.loads(paths.split_metrics.read_text(encoding="utf-8")) == metrics
    assert pq.read_schema(paths.split).equals(SPLIT)
    return list(read_rows(paths.split)), metrics


def test_every_story_is_its_parts_and_keeps_its_place_and_its_columns(params: Params, tmp_path: Path) -> None:
    rows = [
        record(LONG),
        record("Hi."),
        record(SAD, "test", words=["warn"], summary="Sad.", source="s"),
        record("▁ 😀"),
    ]
    after, metrics = run(params, tmp_path, *rows)
    assert [row["first"] + row["middle"] + row["last"] for row in after] == [row["text"] for row in rows]
    assert [{name: row[name] for name in EXTRACTED.names} | {"tags": None, "tags_from": None} for row in after] == rows
    assert [row["infillable"] for row in after] == [True, False, True, False]
    assert (after[0]["first"], after[0]["last"]) == ("  Once there was a cat.", " They were glad.  \n")
    assert (after[1]["first"], after[1]["middle"], after[1]["last"]) == ("Hi.", "", "")
    assert metrics["infillable"] == 0.5
    assert metrics["sentences_per_story"] == (4 + 1 + 5 + 1) / 4


def test_tags_that_a_reader_gave_are_kept(params: Params, tmp_path: Path) -> None:
    rows = [
        record(TALK, tags=["Twist"], tags_from="read", features=["Conflict"]),
        record(SAD, tags=[], tags_from="world"),
    ]
    after, _ = run(params, tmp_path, *rows)
    assert [(row["tags"], row["tags_from"]) for row in after] == [(["Twist"], "read"), ([], "world")]


def test_without_tags_the_features_are_the_tags_also_when_none_was_asked_for(params: Params, tmp_path: Path) -> None:
    rows = [record(TALK, features=["Twist", "Conflict"]), record(SAD, features=[])]
    after, _ = run(params, tmp_path, *rows)
    assert [(row["tags"], row["tags_from"]) for row in after] == [(["Conflict", "Twist"], "features"), ([], "features")]
    assert [row["features"] for row in after] == [["Twist", "Conflict"], []]


def test_without_features_the_tagger_says_the_tags(params: Params, tmp_path: Path) -> None:
    after, metrics = run(params, tmp_path, record(TALK), record(SAD, "validation"))
    assert [row["tags_from"] for row in after] == ["tagger", "tagger"]
    assert "Dialogue" in after[0]["tags"] and "Dialogue" not in after[1]["tags"]
    assert "BadEnding" in after[1]["tags"] and "BadEnding" not in after[0]["tags"]
    assert metrics["tags_from"] == {"read": 0, "features": 0, "tagger": 2, "world": 0}
    assert metrics["tags"]["validation"]["BadEnding"] == 1
    assert metrics["tags"]["train"]["BadEnding"] == 0
    assert metrics["stories_per_partition"] == {"train": 1, "validation": 1, "test": 0}


def test_beside_each_tag_of_the_tagger_stands_how_sure_it_is(params: Params, tmp_path: Path) -> None:
    after, _ = run(
        params, tmp_path, record(TALK), record(SAD), record(LONG, tags=["Twist"]), record("Hi.", features=[])
    )
    tagger = Tagger.load("tagger")
    for row in after[:2]:
        probabilities = dict(zip(TAGS, tagger.probabilities([row["text"]])[0], strict=True))
        thresholds = dict(zip(TAGS, tagger.thresholds_T, strict=True))
        assert row["tags"] == [tag for tag in TAGS if probabilities[tag] >= thresholds[tag]]
        odds = [p / (1 - p) * (1 - t) / t for p, t in ((probabilities[tag], thresholds[tag]) for tag in row["tags"])]
        assert row["sureness"] == pytest.approx([math.log(times) for times in odds], abs=0.0051)
    assert [row["sureness"] for row in after[2:]] == [None, None]


def test_the_profile_is_of_the_stories_and_tags_that_were_written(params: Params, tmp_path: Path) -> None:
    rows, metrics = run(params, tmp_path, record(TALK), record(SAD, "test"), record("Hi.", tags=["Twist"]))
    profile = read_json(Paths(tmp_path).profile)
    assert profile["stories"] == metrics["stories"] == 3
    combinations = Counter(tuple(row["tags"]) for row in rows)
    assert {tuple(entry["tags"]): entry["stories"] for entry in profile["combinations"]} == combinations
    assert profile["words"]["most"] == len(SAD.split())
    assert profile["vocabulary"]["stories"] == 3
    assert sum(profile["measures"]["tags_from"]["counts"]) == 3


def test_the_same_stories_give_the_same_bytes(params: Params, tmp_path: Path) -> None:
    rows = [record(LONG), record(SAD), record(TALK, "test")]
    run(params, tmp_path / "one", *rows)
    run(params, tmp_path / "two", *rows)
    for name in ("split", "split_metrics", "profile"):
        one, two = (getattr(Paths(tmp_path / folder), name).read_bytes() for folder in ("one", "two"))
        assert one == two
