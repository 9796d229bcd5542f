"""Characters found by their spelling."""

import pytest

from tinystories.evaluation.names import names_of


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("There was a girl named Lily. Lily ran. One day Lily met Tom.", {"Lily": 3, "Tom": 1}),
        ("Sue had a dog, Rex. The dog barked.", {"Rex": 1}),  # Sue only ever begins a sentence
        ("He called Mom on a Monday and said Yes to the King.", {}),
        ("She saw the Wolf, and her Uncle, and a Fairy.", {}),
        ("They had a rose named Rose. The rose grew.", {}),  # in lower case too: a thing
        ('Then said Ben, "Come!" Ben’s dog came to Ben.', {"Ben": 3}),
        ("One day they met Tom Baker in town.", {}),  # a longer name is not taken apart
        ("", {}),
        ("then Mary-Ann saw O'Neil with Ana.", {"Ana": 1}),
    ],
)
def test_names_are_single_capitalised_words_inside_sentences(text: str, names: dict[str, int]) -> None:
    assert names_of(text) == names


def test_names_come_in_the_order_of_first_sight() -> None:
    assert list(names_of("Tom saw Zoe. Then Zoe saw Ann, and Ann saw Tom.")) == ["Tom", "Zoe", "Ann"]
