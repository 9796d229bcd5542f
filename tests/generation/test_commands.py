"""What `tinystories generate` and `score` print, and how they exit."""

import json
import math
from pathlib import Path

import pytest

from tinystories import Request
from tinystories.commands.generate import generate_command, parse_words
from tinystories.commands.score import score_command
from tinystories.errors import ModelError, RequestError, SourceError
from tinystories.evaluation.score import score_files
from tinystories.generation.story_model import StoryModel


def test_json_is_one_line_a_story_and_the_same_bytes_each_time(folder: Path) -> None:
    request = Request(first="Tom had a kite.", last="He was glad.\u2028So.", seed=1, max_tokens=20)
    outcome = generate_command(folder, request, count=3, as_json=True)
    lines = [json.loads(line) for line in outcome.out.split("\n")[:-1]]
    assert [line["request"]["index"] for line in lines] == [0, 1, 2]
    assert all(line["met"] == {"first": True, "last": True} for line in lines)
    assert (outcome.code, outcome.note) == (0, "")
    assert generate_command(folder, request, count=3, as_json=True) == outcome


def test_stories_go_to_stdout_and_what_became_of_the_request_to_stderr(folder: Path) -> None:
    outcome = generate_command(folder, Request(start="Once", max_tokens=9), count=2)
    assert outcome.out.startswith("Once")
    assert outcome.note == "2 stories, 0 ended by themselves, start 2/2"


def test_a_control_that_no_story_keeps_exits_with_one_and_says_which(folder: Path) -> None:
    for as_json in (True, False):
        outcome = generate_command(folder, Request(end="garden", words=("dog",), max_tokens=2), 2, as_json)
        assert outcome.code == 1
        assert "not met by any of 2: end, word:dog" in outcome.note


def test_words_are_read_from_a_list_with_commas() -> None:
    assert Request(words=parse_words("dog, ice-cream ,sun")).words == ("dog", "ice-cream", "sun")
    assert parse_words(None) == ()
    with pytest.raises(RequestError, match="words"):
        Request(words=parse_words("dog,,sun"))


def test_no_model_is_one_line_that_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="make repro"):
        generate_command(tmp_path / "models/current", Request(), 1)


def test_a_file_is_scored_in_the_contracts_form(tmp_path: Path, folder: Path, texts: list[str]) -> None:
    file = tmp_path / "stories.txt"
    file.write_text("\n<|endoftext|>\n".join([*texts[:4], "", "A naïve cat."]), encoding="utf-8")
    outcome = score_command([file], folder, as_json=True)
    score = json.loads(outcome.out)
    model = StoryModel.load(folder)
    each = model.score([*texts[:4], "A naïve cat."])
    assert score["stories"] == 5 and score["bytes"] == sum(s.bytes for s in each)
    assert score["nats_per_story"] == pytest.approx(sum(s.nats for s in each) / 5)
    assert score["nats_per_token"] == pytest.approx(sum(s.nats for s in each) / sum(s.tokens for s in each))
    assert score["bits_per_byte"] == pytest.approx(sum(s.nats for s in each) / math.log(2) / score["bytes"])
    low, high = score["interval"]
    assert low < score["nats_per_story"] < high
    assert score_command([file], folder, as_json=True) == outcome
    assert "bits per byte" in score_command([file], folder).out


def test_one_story_has_no_interval(tmp_path: Path, model: StoryModel) -> None:
    file = tmp_path / "one.jsonl"
    file.write_text(json.dumps({"text": "A cat."}) + "\n", encoding="utf-8")
    assert score_files([file], model)["interval"] is None
    assert score_files([file, file], model)["stories"] == 2


def test_files_without_stories_are_refused(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(SourceError, match=r"nothing\.txt"):
        score_command([tmp_path / "nothing.txt"], folder)
    empty = tmp_path / "empty.jsonl"
    empty.write_text('{"text": ""}\n{"text": " "}\n', encoding="utf-8")
    with pytest.raises(SourceError, match="no story"):
        score_command([empty], folder)
