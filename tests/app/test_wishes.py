"""A form's values and a request say the same, whatever was wished."""

from dataclasses import fields

from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import tag_sets
from tinystories.app import wishes
from tinystories.generation.requests import Request


@given(
    tags=tag_sets(), words=st.sampled_from([(), ("kite", "river")]), avoid=st.sampled_from([(), ("cat", "dog")]),
    prompt=st.sampled_from([None, "Once upon", " a  b"]), length=st.none() | st.integers(20, 500),
    seed=st.integers(0, 2**53 - 1), temperature=st.none() | st.integers(1, 3) | st.floats(0.1, 5),
    top_p=st.none() | st.floats(0.1, 1), best_of=st.none() | st.integers(1, 8), index=st.integers(0, 2),
)  # fmt: skip
def test_a_request_comes_back_from_the_form_that_it_filled(**options: object) -> None:
    asked = Request(**options)  # type: ignore[arg-type]
    assert wishes.request(wishes.values(asked)) == asked


def test_every_wish_of_a_request_has_its_place_in_a_form() -> None:
    assert wishes.values(Request()).keys() == {field.name for field in fields(Request)}


def test_an_untouched_form_asks_for_nothing_and_words_stand_between_commas_or_spaces() -> None:
    assert wishes.request({}) == wishes.request(wishes.values(Request())) == Request()
    assert wishes.request({"words": " kite,river; dog\n", "prompt": " ", "seed": None}) == Request(
        words=("kite", "river", "dog")
    )
