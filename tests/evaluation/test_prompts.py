"""Beginnings from a file."""

from pathlib import Path

import pytest

from tinystories.errors import SourceError
from tinystories.evaluation.prompts import read_prompts


def test_the_packages_own_beginnings_are_a_list_of_texts(root: Path) -> None:
    prompts = read_prompts(root / "tinystories/evaluation/prompts.yaml")
    assert len(prompts) == 6 and len(set(prompts)) == 6


def test_the_papers_prompts_are_read_as_they_are(shared: Path) -> None:
    prompts = read_prompts(shared / "data/evaluation-prompts.yaml")
    assert len(prompts) == 44
    assert any("\n\n" in prompt for prompt in prompts) and any(prompt[-1] == '"' for prompt in prompts)


@pytest.mark.parametrize("content", ["a: 1", "- 1\n", "- ''\n", "- [", "text", b"\xff"])
def test_another_file_is_refused_in_one_line(tmp_path: Path, content: str | bytes) -> None:
    file = tmp_path / "prompts.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SourceError, match=r"prompts\.yaml") as caught:
        read_prompts(file)
    assert "\n" not in str(caught.value)
    file.unlink()
    with pytest.raises(SourceError, match=r"evaluate\.prompts names"):
        read_prompts(file)
