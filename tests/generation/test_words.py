"""First and last words, and the forms in which a word may stand."""

import pytest

from tinystories.generation.words import (
    avoided_in,
    count_words,
    ends_sentence,
    first_word,
    has_word,
    is_one_word,
    last_word,
)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("Once upon a time.", "Once", "time"),
        ("“Come,” she said to the ice-cream man’s dog!”", "Come", "dog"),
        ("\n...Don't go! :)", "Don't", "go"),
        ("Émile", "Émile", "Émile"),
        ("Was it 3?", "Was", "3"),
        ("The dogs' tails wagged.'", "The", "wagged"),
        ("!?", "", ""),
        ("", "", ""),
    ],
)
def test_the_first_and_the_last_word_of_a_text(text: str, first: str, last: str) -> None:
    assert (first_word(text), last_word(text)) == (first, last)


@pytest.mark.parametrize(
    ("word", "form"),
    [
        ("dog", "dogs"), ("dog", "Dog’s"), ("dogs", "dogs'"), ("box", "boxes"), ("cry", "cried"), ("cry", "crying"),
        ("stop", "stopped"), ("make", "making"), ("walk", "walked"), ("go", "goes"), ("lie", "lying"),
        ("dance", "dancing"), ("leaf", "leaves"), ("knife", "knives"), ("ice-cream", "ice-creams"), ("play", "played"),
    ],
)  # fmt: skip
def test_a_word_is_found_in_its_regular_forms(word: str, form: str) -> None:
    assert has_word(f"There was one: {form}, then.", word)


@pytest.mark.parametrize(
    ("word", "other"),
    [
        ("cat", "category"), ("cat", "concat"), ("he", "the"), ("he", "her"), ("a", "as"), ("be", "bed"),
        ("care", "cars"), ("corn", "corner"), ("moth", "mother"), ("see", "seed"), ("bee", "beer"),
    ],
)  # fmt: skip
def test_a_word_that_only_begins_alike_is_not_found(word: str, other: str) -> None:
    assert not has_word(f"There was {other}, then.", word)


@pytest.mark.parametrize(
    ("text", "avoid", "found"),
    [
        ("A Dog’s tail", "dog", True), ("dogs", "dog", False), ("a hot-dog", "dog", True), ("I can't", "can", False),
        ("I can't", "can’t", True), ("cafe\u0301", "café", True), ("the", "he", False), ("DOGS'", "dogs", True),
        ("ice-cream", "ice-cream", True), ("ice cream", "ice-cream", False), ("", "a", False),
    ],
)  # fmt: skip
def test_an_avoided_word_is_found_whole_in_any_case(text: str, avoid: str, found: bool) -> None:
    assert avoided_in(text, [avoid, "zebra"]) == (avoid if found else None)


def test_one_word_is_letters_and_digits_with_marks_inside_only() -> None:
    assert all(map(is_one_word, ["Tom", "don't", "ice-cream", "3", "中文", "é", "e\u0301"]))
    assert not any(map(is_one_word, ["", " Tom", "Tom.", "a b", "-", "'tis", "🐉", "<eos>"]))


@pytest.mark.parametrize(
    ("text", "ends"), [("It.", True), ('It!"', True), ("It…”\n", True), ("It", False), ("It,", False), ("", False)]
)
def test_where_a_sentence_ends(text: str, ends: bool) -> None:
    assert ends_sentence(text) == ends


def test_words_are_counted_between_white_space() -> None:
    assert count_words("One — two\n\nthree-four. ") == 4
