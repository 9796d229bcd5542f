"""Validate: bad stories go to quarantine with the reason; a data set that is wrong as a whole stops."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tinystories.corpus.excerpts import excerpt
from tinystories.corpus.record import EXTRACTED, partition_of, story_id
from tinystories.errors import ValidationError
from tinystories.files import read_json, write_json
from tinystories.params import load_params
from tinystories.paths import Paths
from tinystories.stages import extract, validate

GOOD = [f"Once there was a cat with {number} toys. It ran. It was happy." for number in range(120)]
LOST = "replacement character U+FFFD: text was lost before it came here"


@pytest.fixture
def project(tmp_path: Path, root: Path) -> Path:
    shutil.copytree(root / "pipeline", tmp_path / "pipeline")
    shutil.copy(root / "params.yaml", tmp_path)
    return tmp_path


def record(text: str, **other: Any) -> dict[str, Any]:
    identity = story_id(text)
    row = dict.fromkeys(EXTRACTED.names) | {"story_id": identity, "text": text, "source": "own.txt"}
    return row | {"partition": partition_of(identity, 0.05, 0.1)} | other


def run(project: Path, rows: list[dict[str, Any]], *overrides: str) -> dict[str, Any]:
    paths = Paths(project)
    paths.extracted.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=EXTRACTED), paths.extracted)
    metrics = validate.run(load_params(project, overrides), paths)
    assert metrics == read_json(paths.validate_metrics)
    return metrics


def kept(project: Path) -> list[dict[str, Any]]:
    return pq.read_table(Paths(project).validated).to_pylist()


def quarantined(project: Path) -> list[dict[str, Any]]:
    return pq.read_table(Paths(project).quarantine).to_pylist()


def test_good_stories_pass_unchanged(project: Path) -> None:
    rows = [record(text, words=["cat"], features=["Twist"], tags=["Dialogue"], tags_from="read") for text in GOOD]
    metrics = run(project, rows)
    assert kept(project) == rows
    assert quarantined(project) == []
    assert pq.read_schema(Paths(project).validated).equals(EXTRACTED)
    assert (metrics["stories"], metrics["kept"], metrics["duplicates"], metrics["bad"]) == (120, 120, 0, 0)
    assert metrics["reasons"] == {}
    assert sum(metrics["partitions"].values()) == 120


PASS = {
    "one word": "Cat",
    "one sentence": "The cat sat on the mat.",
    "10,000 words": "word " * 9_999 + "end.",
    "emoji": "A cat 🐱🎉 ran. 👨‍👩‍👧 came.",
    "only emoji": "🎉🎉",
    "curly quotes": "“Come!” she said. ‘Now’ isn’t…",
    "mojibake": "She said, â€œHello.â€\x9d It was a cafÃ©.",
    "the tokenizer's space": "A ▁ cat.",
    "control tokens spelled out": "<eos> <|endoftext|> <Dialogue> <pad>",
}
QUARANTINE = {
    "empty": ("", "empty"),
    "white space": (" \n\t ", "empty"),
    "NUL": ("A c\0at ran. It fell.", "NUL character"),
    "lost text": ("A caf\ufffd ran. It fell.", LOST),
    "30,000 words": ("word " * 30_000, "more than 20000 words"),
    "an instruction alone": ("Features: Dialogue\nWords: a, b", "an instruction without its story"),
}


def test_each_odd_story_passes_or_is_quarantined_with_its_reason(project: Path) -> None:
    rows = [record(text) for text in [*GOOD, *PASS.values(), *(text for text, _ in QUARANTINE.values())]]
    metrics = run(project, rows)
    assert [row["text"] for row in kept(project)] == [*GOOD, *PASS.values()]
    assert [(row["text"], row["reason"]) for row in quarantined(project)] == list(QUARANTINE.values())
    assert metrics["reasons"] == {
        "empty": 2, "instruction_only": 1, "nul": 1, "replacement": 1, "too_long": 1,
    }  # fmt: skip
    assert metrics["mojibake"] == 1
    examples = read_json(Paths(project).examples)["by_reason"]
    assert {name: len(found) for name, found in examples.items()} == {
        "empty": 2, "instruction_only": 1, "nul": 1, "replacement": 1, "too_long": 1,
    }  # fmt: skip
    assert examples["nul"][0]["text"] == QUARANTINE["NUL"][0]
    assert len(examples["too_long"][0]["text"]) < 1300


def test_a_duplicate_is_quarantined_under_the_id_of_the_first_and_the_first_is_kept(project: Path) -> None:
    copy = GOOD[3].replace(" ", "\n\n")
    metrics = run(project, [record(text) for text in [*GOOD, copy, GOOD[3], GOOD[7]]])
    assert [row["text"] for row in kept(project)] == GOOD
    assert [(row["text"], row["reason"]) for row in quarantined(project)] == [
        (copy, f"duplicate of {story_id(GOOD[3])}"),
        (GOOD[3], f"duplicate of {story_id(GOOD[3])}"),
        (GOOD[7], f"duplicate of {story_id(GOOD[7])}"),
    ]
    assert (metrics["duplicates"], metrics["bad"], metrics["kept"]) == (3, 0, 120)
    examples = read_json(Paths(project).examples)
    assert [(pair["left_out"]["text"], pair["kept"]["text"]) for pair in examples["copies"]] == [
        (copy, GOOD[3]), (GOOD[3], GOOD[3]),
    ]  # fmt: skip
    assert examples["by_reason"] == {}


def test_no_row_is_lost_between_stories_and_quarantine(project: Path) -> None:
    rows = [record(text) for text in [*GOOD, "", "", "a\0b", *GOOD[:50]]]
    metrics = run(project, rows)
    both = [row["text"] for row in kept(project) + quarantined(project)]
    assert sorted(both) == sorted(row["text"] for row in rows)
    assert metrics["kept"] + metrics["duplicates"] + metrics["bad"] == metrics["stories"] == 173


def test_word_limits_come_from_params(project: Path) -> None:
    rows = [record(text) for text in [*GOOD, "Too short.", "long " * 40]]
    metrics = run(project, rows, "validate.min_words=3", "validate.max_words=30")
    assert metrics["reasons"] == {"too_long": 1, "too_short": 1}
    assert [row["reason"] for row in quarantined(project)] == ["fewer than 3 words", "more than 30 words"]


def test_too_many_bad_rows_stop_with_the_counts_and_leave_the_quarantine_to_look_into(project: Path) -> None:
    rows = [record(text) for text in [*GOOD, "", "a\0b", "c\0d"]]
    run(project, rows, "validate.max_quarantined=0.03")
    Paths(project).validated.unlink()
    with pytest.raises(ValidationError) as caught:
        run(project, rows, "validate.max_quarantined=0.02")
    assert str(caught.value) == (
        "3 of 123 stories (2.4%) are bad, more than validate.max_quarantined 2.0%: nul 2, empty 1; "
        "see data/validate/quarantine.parquet"
    )
    assert len(quarantined(project)) == 3
    assert not Paths(project).validated.exists()


def test_duplicates_are_not_bad_rows(project: Path) -> None:
    assert run(project, [record(text) for text in GOOD * 2], "validate.max_quarantined=0")["duplicates"] == 120


@pytest.mark.parametrize("column", ["features", "tags"])
def test_unknown_tags_stop(project: Path, column: str) -> None:
    rows = [record(text) for text in GOOD]
    rows[5][column] = ["Dialogue", "Romance"]
    rows[9][column] = ["Horror", "Romance"]
    with pytest.raises(ValidationError) as caught:
        run(project, rows)
    message = str(caught.value)
    assert f"unknown tags in 2 stories, first {rows[5]['story_id']} (own.txt): 'Horror' (1), 'Romance' (2)" in message
    assert "known are BadEnding, Conflict" in message
    assert "\n" not in message


@pytest.mark.parametrize("partition", ["train", "validation", "test"])
def test_an_empty_partition_stops(project: Path, partition: str) -> None:
    rows = [row for row in map(record, GOOD) if row["partition"] != partition]
    with pytest.raises(ValidationError, match=f"no stories in the partition {partition}: {len(rows)} good stories"):
        run(project, rows)


def test_a_partition_with_bad_stories_alone_is_empty(project: Path) -> None:
    rows = [row for row in map(record, GOOD) if row["partition"] != "test"]
    with pytest.raises(ValidationError, match="no stories in the partition test"):
        run(project, [*rows, record("a\0b", partition="test")])


def test_the_same_text_in_two_partitions_stops_even_with_other_white_space(project: Path) -> None:
    copy = record(GOOD[0].replace(" ", "  "))
    copy["partition"] = "test" if copy["partition"] != "test" else "train"
    with pytest.raises(ValidationError, match=f"same text in two partitions: 1 stories, first {copy['story_id']}"):
        run(project, [*map(record, GOOD), copy])


def test_an_id_or_a_partition_that_is_not_what_it_says_stops(project: Path) -> None:
    rows = [record(text) for text in GOOD]
    rows[1]["story_id"] = "0" * 16
    rows[2]["partition"] = "holdout"
    with pytest.raises(ValidationError) as caught:
        run(project, rows)
    assert "a story_id that is not the hash of its text: 1 stories" in str(caught.value)
    assert "a partition other than train, validation, test: 1 stories" in str(caught.value)


def test_metrics_and_tables_are_the_same_bytes_every_time(project: Path) -> None:
    rows = [record(text) for text in [*GOOD, "", "a\0b", *GOOD[:3]]]
    paths = Paths(project)

    def outputs() -> list[bytes]:
        run(project, rows)
        return [path.read_bytes() for path in (paths.validate_metrics, paths.validated, paths.quarantine)]

    before = outputs()
    assert outputs() == before
    assert str(project).encode() not in before[0]


def test_stories_and_quarantine_are_counted_by_source(project: Path) -> None:
    rows = [record(text, source="a.txt") for text in GOOD] + [record("a\0b", source="b.txt")]
    assert run(project, rows)["sources"] == [
        {"source": "a.txt", "stories": 120, "quarantined": 0},
        {"source": "b.txt", "stories": 1, "quarantined": 1},
    ]
    many = [record(text, source=f"{number:03}.txt") for number, text in enumerate(GOOD)]
    listed = run(project, many)["sources"]
    assert (len(listed), listed[-1]) == (51, {"source": "70 more", "stories": 70, "quarantined": 0})


NO_STORIES = {
    "cut_off": "Tom had a ball. He threw it to his",
    "leaked_prompt": "Here is one possible story.\nTom had a ball. It was red.",
    "refusal": "I'm sorry, but I can't write a story about that. Ask me for another one.",
}


@pytest.mark.parametrize("name", NO_STORIES)
def test_what_is_no_whole_story_is_quarantined_unless_its_detector_is_off(project: Path, name: str) -> None:
    rows = [record(text) for text in [*GOOD, NO_STORIES[name]]]
    assert run(project, rows)["reasons"] == {name: 1}
    off = {"cut_off": "cut_off", "leaked_prompt": "prompts", "refusal": "refusals"}[name]
    assert run(project, rows, f"clean.{off}=false")["reasons"] == {}


def test_any_language_passes_unless_english_is_asked_for(project: Path) -> None:
    rows = [record(text) for text in [*GOOD, "Es war einmal ein kleiner Hund. Er hieß Max. Alle liebten ihn."]]
    assert run(project, rows)["kept"] == 121
    metrics = run(project, rows, "clean.language=en", "validate.max_quarantined=0")
    assert (metrics["kept"], metrics["other_language"], metrics["bad"]) == (120, 1, 0)
    assert [row["reason"] for row in quarantined(project)] == ["not English"]


def test_one_of_a_near_cluster_is_kept_and_what_is_near_a_held_out_story_leaves_training(project: Path) -> None:
    long = " ".join(f"The {number} cats of town {number * 7} ran home to eat fish {number}." for number in range(30))
    near = [long.replace("town 0", "town one"), long.replace("run", "ran") + " The end.", long.replace("29", "30")]
    other = long.replace("cats", "dogs").replace("fish", "bones").replace("town", "city").replace("home", "away")
    held = record(other, partition="test")
    beside = record(other.replace("city 0", "city one"), partition="train")
    rows = [*map(record, GOOD), *(record(text, partition="train") for text in [long, *near]), held, beside]
    metrics = run(project, rows)
    assert (metrics["near_duplicates"], metrics["near_held_out"], metrics["bad"]) == (3, 1, 0)
    assert [row["text"] for row in kept(project)] == [*GOOD, long, other]
    assert [row["reason"] for row in quarantined(project)] == [
        *[f"near-duplicate of {story_id(long)}"] * 3, f"near-duplicate of the held-out {held['story_id']}",
    ]  # fmt: skip
    assert metrics["near_examples"][0][:2] == [story_id(long), story_id(near[1])]
    shown = read_json(Paths(project).examples)["near"]
    pairs = [*((text, long) for text in near), (beside["text"], other)]
    assert {(pair["left_out"]["text"], pair["kept"]["text"]) for pair in shown} == {
        (excerpt(left), excerpt(right)) for left, right in pairs
    }
    assert [pair["similarity"] for pair in shown] == sorted(pair["similarity"] for pair in shown)
    assert all(0.8 <= pair["similarity"] < 1 for pair in shown)
    assert run(project, rows, "clean.near_duplicates=1")["kept"] == len(rows)


def test_a_good_story_is_not_dropped_for_a_bad_one_that_came_before(project: Path) -> None:
    long = " ".join(f"The {number} cats of town {number * 7} ran home to eat fish {number}." for number in range(30))
    rows = [*map(record, GOOD), record(long[:-10], partition="train"), record(long, partition="train")]
    metrics = run(project, rows)
    assert metrics["reasons"] == {"cut_off": 1} and metrics["near_duplicates"] == 0
    assert kept(project)[-1]["text"] == long


def test_the_share_of_the_test_stories_ngrams_that_training_has_too(project: Path) -> None:
    def told(first: int) -> str:
        return " ".join(f"word{number}" for number in range(first, first + 20)) + "."

    rows = [record(text, partition="train") for text in GOOD] + [
        record(told(0), partition="train"), record(told(10), partition="test"),
        record("A cat. It ran. End.", partition="validation"),
    ]  # fmt: skip
    # 8 n-grams of 13 words in each; words 10 to 19 are common, too few for one
    assert run(project, rows)["test_ngrams_in_train"] == {"words": 13, "one_of": 1, "share": 0.0}
    rows.append(record(told(5), partition="train"))  # words 10 to 24: 3 of the test story's 8
    assert run(project, rows)["test_ngrams_in_train"]["share"] == 3 / 8


def test_the_suite_in_the_file_is_what_decides(project: Path) -> None:
    """Great Expectations runs the JSON: an expectation added there quarantines, one taken out doesn't."""
    paths = Paths(project)
    suite = read_json(paths.suite)
    suite["expectations"] = [e for e in suite["expectations"] if e["meta"]["name"] != "nul"]
    suite["expectations"].insert(0, {
        "type": "expect_column_values_to_not_be_in_set",
        "kwargs": {"column": "story_id", "value_set": [story_id(GOOD[4])]},
        "meta": {"rule": "row", "name": "withdrawn", "reason": "withdrawn by its author"},
    })  # fmt: skip
    write_json(paths.suite, suite)
    metrics = run(project, [record(text) for text in [*GOOD, "a\0b"]])
    assert metrics["reasons"] == {"withdrawn": 1}
    assert [row["reason"] for row in quarantined(project)] == ["withdrawn by its author"]
    withdrawn = metrics["expectations"][0]
    assert (withdrawn["name"], withdrawn["unexpected"], withdrawn["success"]) == ("withdrawn", 1, False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda suite: suite.pop("expectations"), "no suite of expectations"),
        (lambda suite: suite["expectations"][0]["meta"].pop("rule"), "meta needs rule"),
        (lambda suite: suite["expectations"][0].update(type="expect_magic"), "can't be run"),
        (lambda suite: suite["expectations"][0]["kwargs"].update(column="nowhere"), "can't be run"),
        (lambda suite: suite["expectations"][4]["kwargs"].update(min_value={"$PARAMETER": "x"}), "can't be run"),
    ],
)
def test_a_suite_that_can_not_be_run_stops_instead_of_passing_everything(
    project: Path, change: Any, message: str
) -> None:
    paths = Paths(project)
    suite = read_json(paths.suite)
    change(suite)
    write_json(paths.suite, suite)
    with pytest.raises(ValidationError) as caught:
        run(project, [record(text) for text in GOOD])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_extract_s_output_it_says_what_to_run(project: Path) -> None:
    with pytest.raises(ValidationError, match="run extract first"):
        validate.run(load_params(project), Paths(project))


def test_the_shared_text_is_good_but_for_its_exact_copies(project: Path, shared: Path) -> None:
    params = load_params(project, ["source.kind=files", f"source.path={shared / 'data' / 'stories'}"])
    extract.run(params, Paths(project))
    metrics = validate.run(params, Paths(project))
    assert (metrics["stories"], metrics["kept"], metrics["duplicates"]) == (16_598, 16_508, 26)
    assert metrics["reasons"] == {"cut_off": 44, "leaked_prompt": 19}  # read one by one: docs/corpus.md
    assert (metrics["near_duplicates"], metrics["near_held_out"], metrics["other_language"]) == (1, 0, 0)
    assert json.dumps(metrics, sort_keys=True) == json.dumps(read_json(Paths(project).validate_metrics), sort_keys=True)
