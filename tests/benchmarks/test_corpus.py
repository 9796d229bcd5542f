"""The corpus at full size: the table says what was measured, and the whole of it runs by one command."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.corpus import measure
from benchmarks.pages import put
from tests.conftest import ROOT


def row(stories: int, seconds: float, peak: float) -> dict[str, Any]:
    one = {"seconds": seconds, "peak": peak, "parts": {}, "cpu": {"own": seconds / 2, "workers": seconds}}
    return {
        "make": {"seconds": 3.0, "peak": 90.0}, "bytes": stories * 1000,
        "extract": one, "split": {**one, "peak": peak / 2},
        "validate": {**one, "parts": {"near": seconds / 4}}, "tokenize": {**one, "parts": {"learning": seconds / 2}},
        "validate metrics": {
            "stories": stories, "kept": stories // 2, "duplicates": 5, "near_duplicates": 6, "near_held_out": 7,
            "near_pairs": 8, "reasons": {"cut_off": 9, "empty": 1},
        },
    }  # fmt: skip


def test_the_table_says_rates_seconds_memory_and_what_a_story_adds() -> None:
    table = measure.page({30_000: row(30_000, 2, 1024), 300_000: row(300_000, 20, 1536)})
    cells = {
        line.split(" | ")[0][2:]: line.rstrip(" |").split(" | ")[2:]
        for line in table.split("\n\n")[1].splitlines()
    }  # fmt: skip
    assert cells["stage"] == ["30,000 stories", "300,000 stories"]
    assert cells["made (`make.py`)"] == ["3 s, 0.03 GB", "3 s, 0.30 GB"]
    assert cells["extract with cleaning"] == ["15.0 MB/s (2 s)", "15.0 MB/s (20 s)"]
    assert cells["near-duplicates, clustering included"] == ["60,000 stories/s (0 s)", "60,000 stories/s (5 s)"]
    assert cells["validation with exact duplicates, near-duplicates apart"] == ["2 s", "15 s"]
    assert cells["sentences and tags"] == ["7,500 stories/s (2 s)", "7,500 stories/s (20 s)"]  # of those kept
    assert cells["tokenise"] == ["15.0 MB/s (1 s)", "15.0 MB/s (10 s)"]
    assert cells["all, text to tokens"] == ["0.1 minutes", "1.3 minutes"]
    assert cells["peak resident memory"] == ["1.00 GiB (extract)", "1.50 GiB (extract)"]
    # 512 MiB more for 270,000 stories
    assert cells["memory that a story adds"] == ["–", "1,988 bytes"]
    assert "| validate | 20 | 10 | 20 |" in table
    assert "Of 300,000 stories 150,000 were kept" in table and table.endswith("10 bad.")


def test_the_page_has_the_marks_that_the_table_goes_between() -> None:
    text = measure.PAGE.read_text(encoding="utf-8")
    assert "A TABLE" in put(text, "measured", "A TABLE")


@pytest.mark.slow
def test_stories_are_recombined_measured_and_told_by_one_command_and_not_again(tmp_path: Path) -> None:
    sheet = tmp_path / "page.md"
    sheet.write_text("<!-- measured -->\n\n<!-- end of measured -->\n")
    command = [
        sys.executable, "-m", "benchmarks.corpus.measure", "tinystories/corpus/sample", str(tmp_path / "work"),
        "--sizes", "400", "--page", str(sheet),
    ]  # fmt: skip
    for _ in range(2):
        done = subprocess.run(
            command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    assert "400 tokenize" in done.stderr and "kept" not in done.stderr  # the second time, nothing runs
    assert "| sentences and tags | 25,000 stories/s |" in sheet.read_text()
    assert (tmp_path / "work/400.txt").read_text().count("<|endoftext|>") == 400
