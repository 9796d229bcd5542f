"""Cues and quotations, and the features made of them."""

import pytest

from tinystories.text.cues import CUES, Quotations, cues, plain, quotations, tokens
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
