"""What arrays of bytes say of texts is what `re` says of each one."""

import itertools
import re

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tinystories.corpus.scan import MARKS, Texts, scan, word_counts
from tinystories.corpus.wordlists import lower_words, word_lists

PLAIN = re.compile(rf"[\n\t\x20-\x7e{MARKS}]*")

letters = st.sampled_from(
    [*" \n\t'’‘“—…s d m t l r v e a A 1 _ . , é \r \x1c 🎉".replace(" ", ""), " ", "  ", "ll", "'s", "'ve"]
)
some_texts = st.lists(st.lists(letters, max_size=12).map("".join), max_size=8)


def column(texts: list[str]) -> Texts:
    return Texts.of(pa.array(texts, pa.string()))


@given(some_texts)
def test_a_text_with_another_character_is_odd(texts: list[str]) -> None:
    assert scan(column(texts)).odd.tolist() == [i for i, text in enumerate(texts) if not PLAIN.fullmatch(text)]


@given(some_texts)
def test_words_are_those_of_re_in_any_text(texts: list[str]) -> None:
    words = word_lists(scan(column(texts)), "'’", lower_words)
    ends = words.offsets.tolist()
    found = [[words.names[word] for word in words.ids_W[a:b]] for a, b in itertools.pairwise(ends)]
    assert found == [lower_words(text) for text in texts]


@given(some_texts)
def test_a_texts_length_is_that_of_split(texts: list[str]) -> None:
    assert word_counts(scan(column(texts))).tolist() == [len(text.split()) for text in texts]


def test_texts_of_a_slice_and_of_a_column_in_pieces_are_the_same() -> None:
    array = pa.array(["one", "two “2”", "", "three"])
    for held in (
        array.slice(1),
        pa.chunked_array([array.slice(1, 1), array.slice(2)]),
        array[1:].cast(pa.large_string()),
    ):
        texts = Texts.of(held)
        assert [texts.text(number) for number in range(len(texts))] == ["two “2”", "", "three"]


@given(some_texts)
def test_texts_put_together_have_the_words_of_the_whole(texts: list[str]) -> None:
    thirds = texts[: len(texts) // 3 * 3]
    whole = ["".join(thirds[at : at + 3]) for at in range(0, len(thirds), 3)]
    together = scan(column(thirds)).every(3)
    words = word_lists(together, "'’", lower_words)
    found = [[words.names[word] for word in words.ids_W[a:b]] for a, b in itertools.pairwise(words.offsets.tolist())]
    assert found == [lower_words(text) for text in whole]
    assert together.odd.tolist() == scan(column(whole)).odd.tolist()
