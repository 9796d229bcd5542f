"""Evaluate's further measures: that each stands in the metrics as it is defined, and in its file."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.evaluation.test_grader import GOOD, Standin, server
from tests.stages.test_evaluate import PROMPTS, STORIES, build, lines, run
from tinystories import StoryModel
from tinystories.errors import SourceError
from tinystories.evaluation.correction import Errors, corrected
from tinystories.evaluation.flaws import flaws
from tinystories.evaluation.memorisation import TrainingText
from tinystories.paths import Paths
from tinystories.text.tagger import Tagger
from tinystories.text.tags import TAGS

__all__ = ["server"]  # a fixture


@pytest.fixture(scope="module")
def paths(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    return build(root, tmp_path_factory.mktemp("project"), STORIES[::6], [s for i, s in enumerate(STORIES) if i % 6])


@pytest.fixture(scope="module")
def metrics(paths: Paths) -> dict[str, Any]:
    return run(paths)


def test_the_parts_of_the_likelihood_are_of_the_same_stories(metrics: dict[str, Any]) -> None:
    whole = metrics["likelihood"]
    assert sum(part["stories"] for part in metrics["by_length"].values()) == whole["stories"] == 12
    assert list(metrics["by_length"]) == ["0-49"]
    assert metrics["by_length"]["0-49"]["nats_per_token"] == pytest.approx(whole["nats_per_token"], rel=1e-5)
    assert metrics["by_tag"]["Dialogue"]["stories"] == 12  # as `build` labels them
    assert sum(part["tokens"] for part in metrics["by_position"].values()) == whole["tokens"]


def test_adherence_stands_beside_the_shuffled_control_and_corrected(metrics: dict[str, Any], paths: Paths) -> None:
    rows = [row for row in lines(paths.evaluation / "generated.jsonl") if "prompt" not in row["request"]]
    gold = Tagger.load("judge").gold
    for tag in TAGS:
        others = [row["verdict"][tag] for row in rows if row["asked"] not in (None, tag)]
        assert len(others) == 15 and metrics["adherence"][tag]["shuffled"] == pytest.approx(sum(others) / 15, abs=1e-5)
        own = sum(row["verdict"][tag] for row in rows if row["asked"] == tag)
        rate, low, high = corrected(own, 3, Errors.of(gold[tag]))
        ends = [metrics["adherence"][tag][f"requested_corrected{end}"] for end in ("", "_low", "_high")]
        assert ends == pytest.approx([rate, low, high], rel=1e-5)


def test_choices_and_pairs_are_kept_one_by_one(metrics: dict[str, Any], paths: Paths) -> None:
    choices, pairs = (lines(paths.evaluation / name) for name in ("choices.jsonl", "pairs.jsonl"))
    for task, own in metrics["choosing"].items():
        rows = [row["right"] for row in choices if row["task"] == task]
        assert own["stories"] == len(rows)
        assert own["share"] == (pytest.approx(sum(rows) / len(rows), rel=1e-5) if rows else None)
    assert (
        metrics["choosing"]["middle_of_five"]["stories"] == 8 and metrics["choosing"]["middle_of_five"]["ngram"] is None
    )
    for ability, own in metrics["abilities"].items():
        rows = [row for row in pairs if row["ability"] == ability]
        assert own["pairs"] == len(rows) <= 5
        assert all(any(text.startswith(row["context"] + row["good"]) for text in STORIES[::6]) for row in rows)
        assert all(row["right"] == (row["nats_good"] < row["nats_bad"]) for row in rows)
    assert metrics["abilities"]["agreement"]["pairs"] == 0  # nothing "was" anything in these stories
    assert metrics["abilities"]["speech_verbs"]["pairs"] == 5


def test_flaws_are_counted_in_all_generated_stories_beside_real_ones(metrics: dict[str, Any], paths: Paths) -> None:
    rows = lines(paths.evaluation / "generated.jsonl")
    texts = [row["text"] for row in rows if "prompt" not in row["request"]]
    training = TrainingText([s for i, s in enumerate(STORIES) if i % 6])
    by_hand = flaws(texts, training.knows)
    for key in ("stories", "made_up_words", "loops", "unbalanced_quotes", "named_once"):
        assert metrics["flaws"]["generated"][key] == pytest.approx(by_hand[key], rel=1e-5)
    assert metrics["flaws"]["real"]["stories"] == 12 and metrics["flaws"]["real"]["unbalanced_quotes"] == 0
    assert any(row["made_up"] for row in rows)
    for side in ("generated", "real"):
        assert {"self_bleu", "words_p10", "words_p90"} <= metrics["diversity"][side].keys()


def test_a_model_that_tells_a_training_story_is_shown_beside_it(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = build(root, tmp_path, STORIES[:2], STORIES[2:])
    write = StoryModel.generate_many

    def parrot(model: StoryModel, requests: Any, done: Any = lambda _: None) -> Any:
        stories = write(model, requests, done)
        told = [i for i, request in enumerate(requests) if request.tags == ("Twist",) and request.index == 1]
        for i in told:
            object.__setattr__(stories[i], "text", f"Well. {STORIES[7]}")
        return stories

    monkeypatch.setattr(StoryModel, "generate_many", parrot)
    measured = run(some)
    first, *_ = lines(some.evaluation / "copied.jsonl")
    assert first["nearest"] == STORIES[7] and first["text"] == f"Well. {STORIES[7]}"
    assert (
        first["longest_run_words"] == len(first["longest_run"].split()) == measured["memorisation"]["longest_run_words"]
    )
    assert 0.9 < first["share_8grams_in_train"] < 1
    assert lines(some.evaluation / "generated.jsonl")[first["line"] - 1]["text"] == first["text"]


def test_beginnings_come_from_the_file_that_params_name(root: Path, tmp_path: Path) -> None:
    some = build(root, tmp_path, STORIES[:2], STORIES[2:])
    shutil.rmtree(tmp_path / "tinystories")
    with pytest.raises(SourceError, match=r"evaluate\.prompts"):
        run(some)
    (tmp_path / "mine.yaml").write_text("- Tom had a\n- 'He said that '\n")
    run(some, "evaluate.prompts=mine.yaml", "evaluate.per_tag=1")
    rows = [row for row in lines(some.evaluation / "generated.jsonl") if "prompt" in row["request"]]
    assert [row["request"]["prompt"] for row in rows] == ["Tom had a", "He said that "]


def test_nobody_is_asked_for_grades_unless_params_say_so(metrics: dict[str, Any], paths: Paths) -> None:
    assert "grades" not in metrics and lines(paths.evaluation / "grades.jsonl") == []


def test_a_grader_grades_the_completed_beginnings_and_its_key_is_written_nowhere(
    root: Path, tmp_path: Path, server: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYSTORIES_GRADER_KEY", "very-secret")
    some = build(root, tmp_path, STORIES[:2], STORIES[2:])
    asked = (f"evaluate.grader_url={server.address}", "evaluate.grader_model=m", "evaluate.grader_stories=2")
    measured = run(some, "evaluate.per_tag=1", *asked)
    assert measured["grades"]["stories"] == 2 and measured["grades"]["grammar"] == 8
    rows = lines(some.evaluation / "grades.jsonl")
    assert [row["beginning"] for row in rows] == [prompt.rstrip() for prompt in PROMPTS[:2]]
    told = {row["text"] for row in lines(some.evaluation / "generated.jsonl")}
    assert all(row["beginning"] + row["completion"] in told and row["messages"][-1]["content"] == GOOD for row in rows)
    assert server.requests[0][1]["Authorization"] == "Bearer very-secret"
    written = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert not any(b"very-secret" in content for content in written)
    assert json.loads(some.evaluate_metrics.read_text())["grades"]["age_group"]["C"] == 2


def test_the_world_is_the_measure_only_where_its_stories_are_held_out(
    metrics: dict[str, Any], paths: Paths, tmp_path: Path
) -> None:
    assert "world" not in metrics
    shutil.copytree(paths.root, tmp_path / "project")
    project = Paths(tmp_path / "project")
    table = pq.read_table(project.split)
    column = table.schema.get_field_index("tags_from")
    pq.write_table(table.set_column(column, "tags_from", [["world"] * len(table)]), project.split)
    measured = run(project)["world"]
    assert measured["stories"] == len(
        [row for row in lines(project.evaluation / "generated.jsonl") if "prompt" not in row["request"]]
    )
    assert measured["adherence"].keys() == set(TAGS)
