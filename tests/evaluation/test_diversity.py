"""Diversity, completion and words, each with a case worked by hand."""

import math

import pytest

from tinystories.evaluation.completion import completion
from tinystories.evaluation.diversity import count_words, distinct, diversity
from tinystories.evaluation.words import words_of


def test_words_have_no_case_and_no_marks_and_keep_inner_apostrophes() -> None:
    assert words_of('"Don’t," said Mrs. O\'Neil\'s ice-cream man — 3 times!') == [
        "don't", "said", "mrs", "o'neil's", "ice-cream", "man", "3", "times",
    ]  # fmt: skip
    assert words_of("") == [] and words_of("🙂 ...") == []


def test_distinct_n_of_two_small_stories_is_as_counted_by_hand() -> None:
    stories = [["the", "cat", "sat"], ["the", "cat", "ran"]]
    assert distinct(stories, 1) == 4 / 6  # the cat sat ran
    assert distinct(stories, 2) == 3 / 4  # the-cat cat-sat cat-ran; none spans two stories
    assert distinct(stories, 3) == 1
    assert math.isnan(distinct(stories, 4)) and math.isnan(distinct([], 1))


def test_a_story_told_twice_is_half_as_diverse() -> None:
    text = "One day a small red fox ran home."
    once, twice = diversity([text]), diversity([text, text])
    for n in (1, 2, 3):
        assert twice[f"distinct_{n}"] == once[f"distinct_{n}"] / 2
    assert once["words_mean"] == twice["words_mean"] == 8


def test_sets_are_compared_on_the_same_number_of_words() -> None:
    short, long = ["a b c"], ["a b c", "a b c d", "e"]
    assert count_words(long) == 8
    cut, whole = diversity(long, words=3), diversity(long)
    assert cut["distinct_1"] == diversity(short)["distinct_1"] == 1 and whole["distinct_1"] == 5 / 8
    assert cut["words_mean"] == whole["words_mean"] == pytest.approx(8 / 3)


def test_completion_counts_only_stories_that_end_by_themselves() -> None:
    measured = completion(["eos", "max_tokens", "eos", "eos", "max_words"])
    assert measured["stories"] == 5 and measured["share"] == 3 / 5
    assert measured["share_low"] < 3 / 5 < measured["share_high"]
    assert math.isnan(completion([])["share"])
