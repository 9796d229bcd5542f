"""Windows over a long example: every target once, with enough to go by."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinystories.requests.example import Example, windows


def example(length: int, given: int) -> Example:
    mask = np.zeros(length, dtype=np.bool_)
    mask[given:] = True
    return Example(np.arange(length, dtype=np.int32), mask, "0" * 16)


@given(length=st.integers(2, 400), context=st.integers(4, 64), data=st.data())
def test_each_target_is_scored_once_with_half_a_context_of_history(
    length: int, context: int, data: st.DataObject
) -> None:
    whole = example(length, data.draw(st.integers(1, length - 1)))
    seen: list[int] = []
    for piece in windows(whole, context):
        assert len(piece) <= context
        for at in np.flatnonzero(piece.loss_mask):
            position = int(piece.ids[at])  # ids are positions here
            seen.append(position)
            assert at >= min(position, context // 2)
    assert seen == np.flatnonzero(whole.loss_mask).tolist()


def test_an_example_that_fits_is_left_alone() -> None:
    whole = example(10, 3)
    assert windows(whole, 10) == [whole]


def test_the_first_token_can_not_be_a_target() -> None:
    with pytest.raises(AssertionError, match="first token"):
        Example(np.zeros(3, dtype=np.int32), np.ones(3, dtype=np.bool_), "0" * 16)
