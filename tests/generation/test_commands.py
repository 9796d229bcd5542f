"""What `tinystories generate` and `score` print, and how they exit."""

import json
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.text import Text

from tinystories import Request, Story
from tinystories.commands.generate import Runs, generate_command, parse_words, stream_command
from tinystories.commands.panels import panel
from tinystories.commands.requested import requests_command
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


def test_writing_imports_neither_transformers_nor_datasets(folder: Path) -> None:
    program = f"""
import sys
from tinystories.cli import app
asked = ["generate", "Tom", "--model", {str(folder)!r}, "--max-tokens", "9", "--tag", "Twist", "--json"]
app(asked, standalone_mode=False)
assert "torch" in sys.modules
assert not {{"transformers", "datasets", "mlflow", "pandas"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[0])["text"].startswith("Tom")


def test_stories_go_to_stdout_and_what_became_of_the_request_to_stderr(folder: Path) -> None:
    outcome = generate_command(folder, Request(start="Once", max_tokens=9), count=2)
    assert outcome.out.startswith("Once")
    said, speed = outcome.note.rsplit(", ", 1)
    assert said == "2 stories, 0 ended by themselves, start 2/2"
    assert float(speed.removesuffix(" tokens/s").replace(",", "")) > 0


def test_an_interrupted_command_prints_what_is_done(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, calls = StoryModel.generate_many, []

    def interrupted(self: StoryModel, requests: list[Request], **given: bool) -> list[Story]:
        calls.append(len(requests))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return write(self, requests, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(StoryModel, "generate_many", interrupted)
    outcome = generate_command(folder, Request(max_tokens=2), 70, as_json=True)
    assert (len(outcome.out.splitlines()), outcome.code, calls) == (64, 130, [64, 6])
    assert outcome.note == "interrupted: 64 of 70 stories"
    calls[:] = [0]
    with pytest.raises(KeyboardInterrupt):
        generate_command(folder, Request(max_tokens=2), 3)


def test_a_control_that_no_story_keeps_exits_with_one_and_says_which(folder: Path) -> None:
    for as_json in (True, False):
        outcome = generate_command(folder, Request(end="garden", words=("dog",), max_tokens=2), 2, as_json)
        assert outcome.code == 1
        assert "not met by any of 2: end, word:dog" in outcome.note


def test_pieces_come_as_they_are_certain_and_are_the_story(folder: Path) -> None:
    request, pieces = Request(start="Once", max_tokens=30, seed=4), []
    outcome = stream_command(folder, request, write=pieces.append)
    whole = generate_command(folder, request, count=1)
    assert len(pieces) > 5 and "".join(pieces) + outcome.out == whole.out
    assert outcome.note.startswith("1 story, ") and ", start 1/1, " in outcome.note
    told = stream_command(folder, request, as_json=True, write=pieces.append)
    assert told == generate_command(folder, request, count=1, as_json=True)


def test_on_a_terminal_each_story_has_a_panel_with_what_was_met(folder: Path) -> None:
    out = generate_command(folder, Request(start="Once", end="home", max_tokens=9, seed=5), 2, panels=True).out
    for shown in ("1 of 2", "2 of 2", "seed 5", "✓ start", "✗ end", "words", "stopped by max_tokens"):
        assert shown in out
    assert out.count("╭") == out.count("╯") == 2


@pytest.mark.parametrize("width", [16, 40, 80])
def test_a_panel_leaves_nothing_out_however_narrow_the_terminal_is(width: int) -> None:
    met = {"first": True, "end": False, **{f"word:{word}": word != "sun" for word in ("dog", "kite", "sun", "garden")}}
    story = Story("Tom had a [red] kite.\n\nIt flew.", Request(), met, "end_word", 9, 1.0, 0, "m")
    lines = panel(story, 1, 2, width).splitlines()
    assert all(cell_len(Text.from_ansi(line).plain) == width for line in lines)
    shown = "".join(Text.from_ansi(line).plain.strip("│ ") + " " for line in lines)
    for control, kept in met.items():
        assert re.search(rf"{'✓' if kept else '✗'} {control}( |$)", shown)
    assert "stopped by" in shown and "[red]" in shown


def test_without_colours_a_panel_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story("Tom.", Request(), {"end": False}, "eos", 1, 1.0, 0, "m")
    assert "\x1b[3" in panel(story, 1, 2, 40)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in panel(story, 1, 2, 40)


ASKED = (
    '{"start": "Once", "max_tokens": 9, "count": 3}\n\n'
    '{"tags": ["Twist"], "prompt": "A\u2028B", "max_tokens": 5}\n{"end": "garden", "max_tokens": 2}\n'
)


def requested(folder: Path, file: Path, out: Path | None) -> tuple[str, str, int]:
    """(what was printed, what was said, exit code)"""
    printed: list[str] = []
    said: list[str] = []
    outcome = requests_command(folder, file, out, True, printed.append, said.append)
    return "".join(printed), "\n".join([*said, outcome.note]), outcome.code


def test_a_file_of_requests_is_answered_a_line_each_in_its_order(tmp_path: Path, folder: Path) -> None:
    file = tmp_path / "asked.jsonl"
    file.write_text(ASKED, encoding="utf-8-sig")  # as some editors on Windows write it
    printed, said, code = requested(folder, file, None)
    lines = [json.loads(line) for line in printed.split("\n")[:-1]]
    assert [line["request"]["index"] for line in lines] == [0, 1, 2, 0, 0]
    assert lines[3]["text"].startswith("A\u2028B")
    assert code == 1 and "1 of 5 stories miss a control" in said and "tokens/s" in said


def test_an_interrupted_file_of_requests_goes_on_where_it_was(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, out, whole = tmp_path / "asked.jsonl", tmp_path / "told.jsonl", tmp_path / "whole.jsonl"
    file.write_text(ASKED, encoding="utf-8")
    requested(folder, file, whole)
    write, calls = StoryModel.generate_many, []

    def interrupted(self: StoryModel, *given: object) -> object:
        calls.append(given)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return write(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(StoryModel, "generate_many", interrupted)
    monkeypatch.setattr("tinystories.commands.generate.CHUNK", 1)
    _, said, code = requested(folder, file, out)
    assert code == 130 and "interrupted: 2 of 5 stories are in" in said and "type the same again" in said
    out.write_bytes(out.read_bytes() + b'{"text": "half a li')
    _, said, code = requested(folder, file, out)
    assert "2 of 5 stories are in" in said and len(calls) == 3 + 3
    assert out.read_bytes() == whole.read_bytes()
    assert requested(folder, file, out)[1:] == (f"5 of 5 stories are in {out} already\nnothing to do", 0)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "line 2: not JSON"), ("[]", "line 2: expected an object"), ('{"tag": []}', "line 2: got an unexpected"),
        ('{"tags": ["Twst"]}', "line 2: unknown tag 'Twst'"), ('{"count": 0}', "line 2: count"),
        (f'{{"seed": {"7" * 5000}}}', "line 2: not JSON"), ("[" * 100_000, "line 2: not JSON"),
        ('{"temperature": NaN}', "line 2: temperature"), ('{"start": "a\\ud800"}', "line 2: start"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_told_with_its_number(line: str, says: str, tmp_path: Path, folder: Path) -> None:
    file = tmp_path / "asked.jsonl"
    file.write_text(f"{{}}\n{line}\n", encoding="utf-8")
    with pytest.raises(RequestError, match=r"asked\.jsonl") as refusal:
        requested(folder, file, None)
    assert says in str(refusal.value) and "\n" not in str(refusal.value)


def test_stories_that_answer_other_requests_are_not_gone_on_with(tmp_path: Path, folder: Path) -> None:
    file, out = tmp_path / "asked.jsonl", tmp_path / "told.jsonl"
    file.write_text('{"max_tokens": 3}\n', encoding="utf-8")
    requested(folder, file, out)
    for asked, says in (
        ('{"max_tokens": 4}\n{}\n', "line 1 answers another request"), ("\n", "no request in it"),
    ):  # fmt: skip
        file.write_text(asked, encoding="utf-8")
        with pytest.raises(RequestError, match=says):
            requested(folder, file, out)
    out.write_text("{}\n{}\n{}\n", encoding="utf-8")
    file.write_text("{}\n", encoding="utf-8")
    with pytest.raises(RequestError, match="more than are asked for"):
        requested(folder, file, out)
    with pytest.raises(RequestError, match="can't be read"):
        requested(folder, tmp_path / "none.jsonl", None)


@pytest.mark.parametrize("there", ['{"max_tokens": 3}', "notes of mine\nand more", '{"text": "x"}\n', "[]\n", "\xff"])
def test_a_file_that_holds_no_stories_is_refused_and_left_as_it_is(there: str, tmp_path: Path, folder: Path) -> None:
    file, out = tmp_path / "asked.jsonl", tmp_path / "told.jsonl"
    file.write_text('{"max_tokens": 3}\n{"max_tokens": 4}\n', encoding="utf-8")
    out.write_bytes(there.encode("latin-1"))
    with pytest.raises(RequestError, match=r"told\.jsonl") as refusal:
        requested(folder, file, out)
    assert out.read_bytes() == there.encode("latin-1") and "\n" not in str(refusal.value)


def test_a_file_of_requests_is_not_written_into_itself(tmp_path: Path, folder: Path) -> None:
    file = tmp_path / "asked.jsonl"
    file.write_text('{"max_tokens": 3}', encoding="utf-8")
    with pytest.raises(RequestError, match="no story"):
        requested(folder, file, file)
    assert file.read_text() == '{"max_tokens": 3}'


def test_a_story_with_a_control_more_than_asked_for_answers_another_request(tmp_path: Path, folder: Path) -> None:
    file, out = tmp_path / "asked.jsonl", tmp_path / "told.jsonl"
    file.write_text('{"start": "Tom", "avoid": ["dog"], "max_tokens": 3}\n', encoding="utf-8")
    requested(folder, file, out)
    file.write_text('{"start": "Tom", "max_tokens": 3}\n', encoding="utf-8")
    with pytest.raises(RequestError, match="line 1 answers another request"):
        requested(folder, file, out)


def test_stories_are_kept_a_batch_at_a_time_and_candidates_count(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, out, write, sizes = tmp_path / "asked.jsonl", tmp_path / "told.jsonl", StoryModel.generate_many, []

    def counted(self: StoryModel, requests: list[Request], *given: object) -> list[Story]:
        sizes.append(len(requests))
        if len(sizes) == 3:
            raise KeyboardInterrupt
        return write(self, requests, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(StoryModel, "generate_many", counted)
    file.write_text('{"max_tokens": 2, "count": 150}\n', encoding="utf-8")
    assert "interrupted: 128 of 150" in requested(folder, file, out)[1]
    file.write_text('{"max_tokens": 2, "best_of": 30, "count": 5}\n', encoding="utf-8")
    assert requests_command(folder, file, None, False, str, str).code == 0
    assert sizes == [64, 64, 22, 2, 2, 1]


def test_a_file_of_requests_is_answered_by_the_model_as_it_is_asked_to_run(tmp_path: Path, folder: Path) -> None:
    file = tmp_path / "asked.jsonl"
    file.write_text('{"max_tokens": 12, "count": 2}\n', encoding="utf-8")
    told: list[str] = []
    requests_command(folder, file, None, True, told.append, str, Runs(quantized=True))
    asked = Request(max_tokens=12).repeat(2)
    expected = StoryModel.load(folder, quantized=True).generate_many(asked, exact=True)
    assert [json.loads(line)["nats"] for line in "".join(told).splitlines()] == [story.nats for story in expected]


def test_where_nothing_can_be_written_is_told_before_a_model_loads(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "asked.jsonl").write_text("{}\n")
    for out, says in ((tmp_path, "is a folder"), (tmp_path / "file/in.csv", "can't be written")):
        with pytest.raises(RequestError, match=says):
            generate_command(tmp_path / "no model", Request(), 1, table=out)
        with pytest.raises(RequestError, match=says):
            requests_command(tmp_path / "no model", tmp_path / "asked.jsonl", out, False, str, str)


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
