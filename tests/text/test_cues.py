"""Cues and quotations, and the features made of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import sample
from tinystories.text import cues as module
from tinystories.text.cues import CUES, Quotations, cues, plain, quotations, tokens, words_of
from tinystories.text.features import Family, features, read


def found(text: str) -> set[str]:
    return {CUES[at] for at in cues(tokens(plain(text)))}


@pytest.mark.parametrize(
    ("text", "cue"),
    [
        ("Be careful!", "warn"),
        ("Don’t touch it", "warn"),
        ("the warning came", "warn"),
        ("He should have gone", "heed"),
        ("The moral is this", "moral"),
        ("They FOUGHT", "fight"),
        ("it came to life", "unexpected"),
        ("she was really a fairy", "reversal"),
    ],
)
def test_a_phrase_is_found_whatever_its_case_and_quotes(text: str, cue: str) -> None:
    assert cue in found(text)


@given(st.text(st.sampled_from("aZk_7 '’“.\n\x00éßİK-")))
def test_the_fast_way_to_words_finds_the_same_ones(text: str) -> None:
    assert words_of(text) == tokens(plain(text))


def test_cues_are_the_phrases_whose_every_place_takes_its_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is remembered, and whether there is room to remember more."""
    stories = [words_of(row["story"]) for row in sample(10)]
    expected = [
        sorted(
            cue for at in range(len(words)) for cue, places in module.PHRASES
            if len(words) - at >= len(places) and all(p.takes(w) for p, w in zip(places, words[at:], strict=False))
        )
        for words in stories
    ]  # fmt: skip
    assert sum(map(len, expected)) > 50
    assert [sorted(cues(words)) for words in stories] == expected
    monkeypatch.setattr(module, "_known", module._Known())
    monkeypatch.setattr(module, "_MOST", 5)
    monkeypatch.setattr(module, "_MOST_AFTER", 1)
    assert [sorted(cues(words)) for words in stories] == expected


@pytest.mark.parametrize("text", ["", "a dog ran", "don't", "it came to", "carefully", "the came life to"])
def test_part_of_a_phrase_or_of_a_word_is_no_cue(text: str) -> None:
    assert found(text) == set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"Hi," said Tom. "Hi."', Quotations(2, 0, 0)),
        ('"Hi," thought Tom. He thought, "Go!"', Quotations(0, 2, 0)),
        ('Tom said to himself, "Go!"', Quotations(1, 0, 0)),
        ('He was "it" now.', Quotations(0, 0, 1)),
        ('"Go!" said Tom. Sue thought about it.', Quotations(1, 0, 0)),
        ('an open " quote', Quotations(0, 0, 0)),
        ("Tom's dogs' bowl didn't fall.", Quotations(0, 0, 0)),
    ],
)
def test_quotations_are_told_apart(text: str, expected: Quotations) -> None:
    assert quotations(plain(text)) == expected


@pytest.mark.parametrize("family", ["whole", "thirds"])
@pytest.mark.parametrize("text", ["", "Hi", "Tom ran. He fell. He got up. He cried. Mom came. They went home."])
def test_every_story_has_the_same_values_by_name(family: Family, text: str) -> None:
    assert list(features(read(text), family).values) == list(features(read("A cat. A dog!"), family).values)


def test_the_place_of_a_word_is_part_of_its_feature() -> None:
    seen = features(read("Tom sang. Sue ran. Mom sat. Dad ate. Ben cried."), "thirds").ngrams
    assert {"a sang", "e cried", "e ben cried", "w cried"} <= seen
    assert not {"e sang", "a cried"} & seen
    whole = features(read("Tom sang. Sue ran. Mom sat. Dad ate. Ben cried."), "whole").ngrams
    assert {"w sang", "w sang sue", "e cried"} <= whole and "e sang" not in whole
