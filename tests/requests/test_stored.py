"""What tokenize stores is what train reads."""

from pathlib import Path

import numpy as np
import pytest

from tinystories.errors import TrainingError
from tinystories.requests.mixed import StoryTokens
from tinystories.requests.stored import StoredStories, write_tokens


def test_stories_come_back_as_they_were(stories: list[StoryTokens], tmp_path: Path) -> None:
    tokens = write_tokens(tmp_path, "train", stories, 600)
    stored = StoredStories(tmp_path, "train")
    assert list(stored) == stories
    assert stored[3:5] == stories[3:5] and stored[-1] == stories[-1]
    assert stored.tokens == tokens == sum(len(s.text) for s in stories)


@pytest.mark.parametrize(("vocab_size", "kind"), [(65_536, np.uint16), (65_537, np.uint32)])
def test_ids_take_two_bytes_until_they_need_four(
    vocab_size: int, kind: type, stories: list[StoryTokens], tmp_path: Path
) -> None:
    write_tokens(tmp_path, "test", stories, vocab_size)
    assert np.load(tmp_path / "test.ids.npy").dtype == kind


def test_an_empty_partition_is_stored_as_such(tmp_path: Path) -> None:
    write_tokens(tmp_path, "validation", [], 600)
    assert len(StoredStories(tmp_path, "validation")) == 0


def test_missing_tokens_say_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="dvc repro tokenize"):
        StoredStories(tmp_path, "train")


def test_the_ids_are_a_plain_npy_file(stories: list[StoryTokens], tmp_path: Path) -> None:
    write_tokens(tmp_path, "train", stories, 600)
    expected = np.array([one for story in stories for one in story.text], np.uint16)
    np.save(tmp_path / "expected.npy", expected)
    assert (tmp_path / "train.ids.npy").read_bytes() == (tmp_path / "expected.npy").read_bytes()
