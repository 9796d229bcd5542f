"""Diversity, completion and words, each with a case worked by hand."""

import math

import pytest

from tinystories.evaluation.completion import completion
from tinystories.evaluation.diversity import count_words, distinct, diversity, self_bleu
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


def test_self_bleu_of_two_small_stories_is_as_worked_by_hand() -> None:
    one, other = ["a", "b", "c", "d", "e"], ["a", "b", "c", "d", "f"]
    # each against the other: 4/5 words, 3/4 pairs, 2/3 triples, 1/2 fours; equally long, so no penalty
    assert self_bleu([one, other]) == pytest.approx((4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** (1 / 4))
    assert self_bleu([one, one]) == pytest.approx(1)
    # no four and no triple in common: 0.1 counted instead; the shorter pays exp(1 - 5/4) for its length
    short = ["a", "b", "x", "y"]
    of_short = (2 / 4 * 1 / 3 * 0.1 / 2 * 0.1 / 1) ** (1 / 4) * math.exp(1 - 5 / 4)
    of_long = (2 / 5 * 1 / 4 * 0.1 / 3 * 0.1 / 2) ** (1 / 4)
    assert self_bleu([short, one]) == pytest.approx((of_short + of_long) / 2)


def test_a_word_counts_in_self_bleu_as_often_as_in_the_one_reference_that_has_it_most() -> None:
    stories = [["a", "a", "a", "b"], ["a", "a", "c", "c"], ["a", "d", "d", "d"]]
    # of the first: "a" twice in the second, "b" nowhere: 2 of 4; "a a" once: 1 of 3; then 0.1/2 and 0.1/1
    first = (2 / 4 * 1 / 3 * 0.1 / 2 * 0.1) ** (1 / 4)
    second = (2 / 4 * 1 / 3 * 0.1 / 2 * 0.1) ** (1 / 4)
    third = (1 / 4 * 0.1 / 3 * 0.1 / 2 * 0.1) ** (1 / 4)
    assert self_bleu(stories) == pytest.approx((first + second + third) / 3)


def test_one_story_has_nothing_to_be_like() -> None:
    assert math.isnan(self_bleu([["a", "b"]])) and math.isnan(self_bleu([]))


def test_lengths_are_told_with_their_spread() -> None:
    measured = diversity([" ".join("x" * n) for n in range(1, 12)])  # 1 to 11 words
    assert (measured["words_mean"], measured["words_p10"], measured["words_p90"]) == (6, 2, 10)
