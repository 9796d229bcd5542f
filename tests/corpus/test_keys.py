"""Which keys of an array occur, and which come first."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tinystories.corpus.keys import distinct, first_of_each

some_keys = st.lists(st.integers(0, 5)).map(lambda values: np.array(values, np.int64))


@given(some_keys)
def test_each_value_is_there_once_in_order(keys: np.ndarray) -> None:
    assert distinct(keys).tolist() == sorted(set(keys.tolist()))


@given(some_keys)
def test_the_first_of_each_value_is_found(keys: np.ndarray) -> None:
    assert first_of_each(keys).tolist() == [value not in keys[:at] for at, value in enumerate(keys)]
