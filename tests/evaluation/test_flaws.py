"""Faults of stories, each worked by hand."""

import math

import pytest

from tinystories.evaluation.flaws import flaws, is_made_up, loops, made_up, named_once, unbalanced_quotes

KNOWN = frozenset(["the", "a", "dog", "sea", "mia", "tom", "ran", "home", "sat", "don't", "said", "very", "and"])


@pytest.mark.parametrize(
    ("word", "invented"),
    [("dog", False), ("florp", True), ("mia's", False), ("florp's", True), ("sea-dog", False), ("sea-florp", True),
     ("don't", False), ("7", False), ("7th", True)],
)  # fmt: skip
def test_a_word_is_made_up_if_neither_it_nor_its_parts_are_known(word: str, invented: bool) -> None:
    assert is_made_up(word, KNOWN.__contains__) is invented


def test_made_up_words_are_listed_once_in_order() -> None:
    assert made_up(["The zub ran. A florp, the zub!", "the blick"], KNOWN.__contains__) == ["zub", "florp", "blick"]


@pytest.mark.parametrize(
    ("text", "looped"),
    [
        ("no " * 9, True),  # eight copies of one word
        ("no " * 8, False),
        ("He ran and ran and ran and ran. " + "x y " * 5, True),  # four copies of two words
        ("x y " * 4, False),
        ("She sat on it. She sat on it. She sat on it.", True),  # two copies of four words
        ("She sat on it. She sat on it. He left.", False),
        ("The big red dog ran to the old park. The big red dog ran to the old park. It was gone.", False),
        ("The dog ran home. Then the cat ran home. The dog ran home. Then it sat. The dog ran home.", False),
        ("", False),
    ],
)
def test_a_loop_is_words_said_over_and_over_back_to_back(text: str, looped: bool) -> None:
    assert loops(text) is looped


@pytest.mark.parametrize(
    ("text", "open_"),
    [('"Hi," he said.', False), ('"Hi, he said.', True), ("“Hi,” he said.", False), ("“Hi, he said.", True),
     ("Don't.", False), ("", False)],
)  # fmt: skip
def test_quotes_that_are_not_closed(text: str, open_: bool) -> None:
    assert unbalanced_quotes(text) is open_


def test_a_character_named_once_and_never_again() -> None:
    assert named_once("There was a girl named Lily. She met Tom. Lily smiled.")
    assert not named_once("There was a girl named Lily. She met Tom. Lily smiled at Tom.")
    assert not named_once("There was a dog.")


def test_the_shares_of_two_stories_are_as_counted_by_hand() -> None:
    measured = flaws(['The florp sat. "The dog ran.', "The dog and the zub ran home."], KNOWN.__contains__)
    assert measured["stories"] == 2
    assert measured["made_up_words"] == 2 / 13  # florp among 6 words, zub among 7
    assert (measured["unbalanced_quotes"], measured["loops"], measured["named_once"]) == (0.5, 0, 0)
    assert measured["made_up_words_low"] == pytest.approx(1 / 7) and measured["made_up_words_high"] == pytest.approx(
        1 / 6
    )
    assert measured["loops_low"] == 0 < measured["loops_high"] < 1


def test_without_stories_there_are_no_shares() -> None:
    measured = flaws([], KNOWN.__contains__)
    assert measured.pop("stories") == 0 and all(math.isnan(value) for value in measured.values())
