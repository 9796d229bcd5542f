"""Folders: what counts as stories, what is left out, and that nothing is left out in silence."""

import gzip
from pathlib import Path

import pytest

from tinystories.corpus.record import story_id
from tinystories.corpus.sources import SAMPLE, find, from_path, read_stories
from tinystories.errors import SourceError

STORY = "Once there was a cat. It ran. It was happy."


def test_a_file_without_stories_is_listed_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "stories.txt").write_text(f"{STORY}\n<|endoftext|>\n")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config.txt").write_text(STORY)
    (tmp_path / "README.md").write_text(f"# Stories\n{STORY}\n")
    (tmp_path / "code.py").write_text("print('Once.')\n")
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "labels.jsonl").write_text('{"id": "x", "tags": []}\n')
    (tmp_path / "packed.json.gz").write_bytes(gzip.compress(b"[]"))
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4)
    source = find(tmp_path)
    assert [(part.name, part.layout) for part in source.parts] == [("deep/stories.txt", "separated")]
    assert source.without_stories == (
        (".git", "hidden"),
        ("README.md", "about the folder, by its name"),
        ("code.py", "plain text, but not named .txt"),
        ("empty.txt", "empty"),
        ("labels.jsonl", "JSON without `story` or `text`"),
        ("packed.json.gz", "an empty JSON array"),
        ("picture.png", "binary"),
    )
    assert [story.text for story in read_stories(tmp_path)] == [STORY]


def test_a_folder_with_nothing_to_read_says_what_it_found(tmp_path: Path) -> None:
    (tmp_path / "labels.jsonl").write_text('{"id": "x"}\n')
    with pytest.raises(SourceError, match=r"no stories in it \(labels.jsonl: JSON without"):
        find(tmp_path)


def test_a_missing_path_says_from_where_it_was_looked_for_and_what_experiments_need(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        from_path("../nowhere", tmp_path)
    assert "../nowhere" in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert "need an absolute path" in str(caught.value)


def test_a_path_is_relative_to_the_project_or_absolute(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text(f"{STORY}\n<|endoftext|>\n")
    assert from_path("own.txt", tmp_path).parts[0].name == "own.txt"
    assert from_path(str(tmp_path / "own.txt"), Path("/elsewhere")).parts[0].name == "own.txt"


def test_the_sample_lies_in_the_package_with_features_tags_words_and_summaries() -> None:
    stories = list(read_stories(SAMPLE))
    assert len({story_id(story.text) for story in stories}) == len(stories) == 1260
    assert {story.tags_from for story in stories} == {"read"}
    assert all(story.features is not None and story.words and story.summary for story in stories)


def test_the_shared_text_is_read_completely(shared: Path) -> None:
    source = find(shared / "data" / "stories")
    counts = {part.name: sum(1 for _ in part.read()) for part in source.parts}
    assert counts == {
        "original-stories.jsonl": 1260,
        "tinystories-gpt4-clean-5k.jsonl": 4972,
        "tinystories-v1-train-head.txt": 2308,
        "tinystories-v2-gpt4-train-head.txt": 1724,
        "tinystories-v2-train-subset.txt": 6334,
    }
