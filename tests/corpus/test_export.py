"""Exported stories come back from every format as they were, with a card that other tools read."""

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from tests.builders import sample, write_split
from tinystories.commands.export_stories import export_stories_command
from tinystories.corpus.sources import read_stories
from tinystories.errors import RequestError, SourceError
from tinystories.paths import Paths

STORIES = [row["story"] for row in sample(12)]


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    write_split(Paths(tmp_path).split, {"train": STORIES[:8], "validation": STORIES[8:10], "test": STORIES[10:]})
    return Paths(tmp_path)


def rows(file: Path) -> list[dict[str, Any]]:
    if file.suffix == ".parquet":
        found: list[dict[str, Any]] = pq.read_table(file).to_pylist()
        return found
    if file.suffix == ".jsonl":
        return [json.loads(line) for line in file.read_text().splitlines()]
    with file.open(newline="") as stream:
        return [
            {**row, "sentences": json.loads(row["sentences"]), "tags": json.loads(row["tags"])}
            for row in csv.DictReader(stream)
        ]


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_texts_sentences_tags_and_partitions_come_back(paths: Paths, kind: str) -> None:
    out = paths.root / "out"
    assert export_stories_command(out, kind, paths) == {"folder": str(out), "train": 8, "validation": 2, "test": 2}
    found = rows(out / f"train.{kind}")
    assert [row["text"] for row in found] == STORIES[:8]
    assert all("".join(row["sentences"]) == row["text"] and row["partition"] == "train" for row in found)
    assert found[0]["tags"] == (["Dialogue"] if '"' in STORIES[0] else [])
    card = (out / "README.md").read_text()
    head = yaml.safe_load(card.split("---")[1])
    assert head["configs"][0]["data_files"][2] == {"split": "test", "path": f"test.{kind}"}
    assert "| train | 8 |" in card and str(paths.root) not in card
    assert [story.text for story in read_stories(out / f"test.{kind}")] == STORIES[10:]


def test_a_full_folder_another_format_and_no_stories_are_one_line(paths: Paths) -> None:
    (paths.root / "full").mkdir()
    (paths.root / "full" / "a").write_text("mine")
    with pytest.raises(SourceError, match="not an empty folder"):
        export_stories_command(paths.root / "full", "jsonl", paths)
    with pytest.raises(RequestError, match="choose one of: jsonl, csv, parquet"):
        export_stories_command(paths.root / "new", "xml", paths)
    paths.split.unlink()
    with pytest.raises(SourceError, match="dvc repro split"):
        export_stories_command(paths.root / "new", "jsonl", paths)
