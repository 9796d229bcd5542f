"""`tinystories world` prints stories, for people and for programs."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tinystories.cli import app
from tinystories.corpus.world.story import stories
from tinystories.errors import RequestError


def invoke(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["world", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_stories_are_printed_with_their_tags_and_summary() -> None:
    shown = invoke("--count", "3", "--seed", "7")
    for story in stories(3, 7):
        assert f"# {', '.join(story.tags) or 'no tags'}: {story.summary}\n{story.text}" in shown


def test_json_is_a_line_a_story_in_the_layout_that_sources_are_read_in() -> None:
    rows = [
        json.loads(line)
        for line in invoke("--count", "4", "--tag", "Twist", "--tag", "Dialogue", "--json").splitlines()
    ]
    assert [row["tags"] for row in rows] == [["Dialogue", "Twist"]] * 4
    assert {row["tags_from"] for row in rows} == {"world"}
    assert all(row["words"] and row["summary"] and row["trace"] for row in rows)


def test_stories_without_any_tag_can_be_asked_for() -> None:
    assert [json.loads(line)["tags"] for line in invoke("--count", "2", "--tag", "none", "--json").splitlines()] == [
        [],
        [],
    ]


@pytest.mark.parametrize("arguments", [("--tag", "Romance"), ("--tag", "none", "--tag", "Twist"), ("--count", "0")])
def test_what_cannot_be_asked_for_is_one_clear_line(arguments: tuple[str, ...]) -> None:
    with pytest.raises(RequestError, match="--"):
        invoke(*arguments)


def test_stories_of_a_file_are_replayed(tmp_path: Path) -> None:
    told = [story.text for story in stories(4, 3)]
    lines = "".join(json.dumps({"text": text}) + "\n" for text in [*told, "A cat. It ran."])
    (tmp_path / "told.jsonl").write_text(lines)
    result = CliRunner().invoke(app, ["world", "--check", str(tmp_path / "told.jsonl"), "--json"])
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert (found["stories"], found["consistent"], found["in_the_language"]) == (5, 0.8, 0.8)
    assert [bool(problems) for problems in found["problems"]] == [False] * 4 + [True]
    piped = CliRunner().invoke(app, ["world", "--check", "-", "--json"], input=lines)
    assert (piped.exit_code, piped.stdout) == (1, result.stdout)
