"""tokenize: fitted on the training partition alone, lossless, with words that can be asked for."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.builders import sample, tiny_params, write_split
from tinystories.corpus import parallel, tables
from tinystories.corpus.record import SPLIT
from tinystories.errors import TrainingError
from tinystories.paths import Paths
from tinystories.requests.stored import StoredStories
from tinystories.stages import tokenize
from tinystories.text.tokenizer import StoryTokenizer

STORIES = [row["story"] for row in sample(80)]


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    write_split(Paths(tmp_path).split, {"train": STORIES[:60], "validation": STORIES[60:70], "test": STORIES[70:]})
    return Paths(tmp_path)


def test_every_story_can_be_read_back_from_its_ids(paths: Paths) -> None:
    tokenize.run(tiny_params(), paths)
    tokenizer = StoryTokenizer.load(paths.tokens)
    back = [
        tokenizer.decode(story.text)
        for part in ("train", "validation", "test")
        for story in StoredStories(paths.tokens, part)
    ]  # type: ignore[arg-type]
    assert back == STORIES


def test_the_tokenizer_never_sees_validation_or_test_stories(paths: Paths, tmp_path: Path) -> None:
    tokenize.run(tiny_params(), paths)
    before = (paths.tokens / "tokenizer.json").read_bytes()
    other = ["Xyzzy plugh quux. Zyxxy plugh. Xyzzy quux plugh zyxxy!"] * 5
    write_split(paths.split, {"train": STORIES[:60], "validation": other, "test": other})
    tokenize.run(tiny_params(), paths)
    assert (paths.tokens / "tokenizer.json").read_bytes() == before


def test_words_that_may_be_asked_for_stand_in_the_story(paths: Paths) -> None:
    tokenize.run(tiny_params(), paths)
    tokenizer = StoryTokenizer.load(paths.tokens)
    stories = list(StoredStories(paths.tokens, "train"))
    assert sum(len(s.words) for s in stories) > 3 * len(stories)
    for story in stories:
        text = tokenizer.decode(story.text).lower()
        assert all(word in text for word in story.words)
        assert text.rstrip('.!?"”’').endswith(story.end)
        assert story.length == len(text.split()) and story.bytes == len(tokenizer.decode(story.text).encode())


@pytest.mark.parametrize(("margin", "told"), [(0.0, ["Conflict", "Twist"]), (1.0, ["Twist"]), (2.5, [])])
def test_tags_that_the_tagger_is_not_sure_of_are_left_out_and_counted(
    margin: float, told: list[str], paths: Paths
) -> None:
    table = pq.read_table(paths.split)
    rows = table.to_pylist()
    rows[0] |= {"tags": ["Conflict", "Twist"], "tags_from": "tagger", "sureness": [0.5, 2.0]}
    rows[1] |= {"tags": ["Conflict"], "tags_from": "read", "sureness": None}
    pq.write_table(pa.Table.from_pylist(rows, schema=SPLIT), paths.split)
    metrics = tokenize.run(tiny_params(f"tokenize.tag_margin={margin}"), paths)
    stories = list(StoredStories(paths.tokens, "train"))
    assert [list(story.tags) for story in stories[:2]] == [told, ["Conflict"]]
    assert [list(story.tags) for story in stories[2:]] == [row["tags"] for row in rows[2:60]]
    assert metrics["unsure_tags"] == 2 - len(told)


def test_the_metrics_count_tokens_and_bytes_and_are_written(paths: Paths) -> None:
    metrics = tokenize.run(tiny_params(), paths)
    assert json.loads(paths.tokenize_metrics.read_text()) == metrics
    assert metrics["train"]["bytes"] == sum(len(s.encode()) for s in STORIES[:60])
    assert metrics["test"]["bytes_per_token"] == pytest.approx(
        metrics["test"]["bytes"] / metrics["test"]["tokens"], abs=1e-3
    )


def test_a_vocabulary_that_the_corpus_can_not_fill_says_what_was_reached(paths: Paths) -> None:
    metrics = tokenize.run(tiny_params("tokenize.vocab_size=60000"), paths)
    assert metrics["vocab_size"] < 60_000 == metrics["vocab_size_asked"]


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_the_same_stories_give_the_same_bytes(kind: str, paths: Paths) -> None:
    runs = []
    for _ in range(2):
        tokenize.run(tiny_params(f"tokenize.kind={kind}"), paths)
        runs.append({p.name: p.read_bytes() for p in paths.tokens.iterdir()})
    assert runs[0] == runs[1]


def test_what_was_ended_is_gone_on_with_and_gives_the_same_bytes(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "cores", lambda: 1)
    monkeypatch.setattr(tables, "GROUP", 20)
    tokenize.run(tiny_params(), paths)
    alone = {p.name: p.read_bytes() for p in paths.tokens.iterdir()}
    assert list(paths.work.iterdir()) == []
    encoded: list[int] = []

    def counted(table: Any, **given: Any) -> Any:
        if len(encoded) == 3:
            raise KeyboardInterrupt
        encoded.append(table.num_rows)
        return tokenized(table, **given)

    tokenized = tokenize.tokenized
    monkeypatch.setattr(tokenize, "tokenized", counted)
    with pytest.raises(KeyboardInterrupt):
        tokenize.run(tiny_params(), paths)
    encoded[:2] = []
    with pytest.raises(KeyboardInterrupt):  # another margin is another result
        tokenize.run(tiny_params("tokenize.tag_margin=0.5"), paths)
    encoded[:] = []
    tokenize.run(tiny_params(), paths)
    assert encoded == [20]
    assert {p.name: p.read_bytes() for p in paths.tokens.iterdir()} == alone


def test_a_tokenizer_may_be_learned_from_a_part_of_the_stories_that_their_order_does_not_change(paths: Paths) -> None:
    assert tokenize.run(tiny_params("tokenize.stories=20"), paths)["fitted_on"] == 20
    part = StoryTokenizer.load(paths.tokens)
    write_split(paths.split, {"train": STORIES[59::-1], "test": STORIES[70:]})
    tokenize.run(tiny_params("tokenize.stories=20"), paths)
    again = StoryTokenizer.load(paths.tokens)
    assert [part.encode(text) for text in STORIES] == [again.encode(text) for text in STORIES]


def test_no_training_story_is_one_clear_line(paths: Paths) -> None:
    write_split(paths.split, {"test": STORIES[:2]})
    with pytest.raises(TrainingError, match="no training stories"):
        tokenize.run(tiny_params(), paths)
