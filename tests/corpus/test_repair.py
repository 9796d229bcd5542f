"""Repairs put right what came to harm on the way, and nothing else in a story changes."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinystories.corpus.repair import repaired

CASES = {
    "curly quotes in Windows-1252": ("He said, â€œHi!â€\x9d and â€˜ran.", "He said, “Hi!” and ‘ran.", ["mojibake"]),
    "an accent": ("A cafÃ© and a piÃ±ata.", "A café and a piñata.", ["mojibake"]),
    "Windows' line ends": ("One.\r\nTwo.\r\rThree.", "One.\nTwo.\n\nThree.", ["line_ends"]),
    "form feed": ("One.\fTwo.", "One.\nTwo.", ["line_ends"]),
    "control characters": ("A\0 c\x08at\x1b ran.\x7f", "A cat ran.", ["control_characters"]),
    "a separator at the end": ("It ran.\n<|endoftext|>", "It ran.", ["separator"]),
    "a separator between words": ("It ran.<|endoftext|>Once, a dog.", "It ran. Once, a dog.", ["separator"]),
    "a separator in a line": ("It ran. <|endoftext|>Once, a dog.", "It ran. Once, a dog.", ["separator"]),
    "all of them": (
        "â€¦ a\0\r\n<|endoftext|>b",
        "… a\nb",
        ["mojibake", "line_ends", "control_characters", "separator"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_harm_is_put_right_and_named(case: str) -> None:
    before, after, made = CASES[case]
    assert repaired(before) == (after, tuple(made))
    assert repaired(after) == (after, ())


@pytest.mark.parametrize(
    "text",
    [
        "",
        " a ",
        "Ünïcode é à ô ñ ç ß “quoted” ‘so’ – — …",
        "Ã is a letter, Â too",
        "A\tb\n\nc 🎉 한국어 中文 ไทย",
        "«Ça va?»",
        "Äpfel",
    ],
)
def test_a_text_without_harm_is_the_same_text(text: str) -> None:
    assert repaired(text) == (text, ())


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"])))
def test_plain_text_is_never_changed(text: str) -> None:
    if "<|endoftext|>" not in text:
        assert repaired(text) == (text, ())


def test_the_sample_needs_no_repair(root: Path) -> None:
    lines = (root / "tinystories/corpus/sample/original-stories.jsonl").read_text().splitlines()
    assert [text for text in (json.loads(line)["story"] for line in lines) if repaired(text) != (text, ())] == []
