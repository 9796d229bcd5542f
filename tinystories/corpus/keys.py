"""Arrays of keys: which occur, and which come first."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def distinct(keys: NDArray[Any]) -> NDArray[Any]:
    """Each once, ascending; by sorting, several times faster here than np.unique, which hashes."""
    ordered = np.sort(keys)
    new = np.ones(len(ordered), np.bool_)
    new[1:] = ordered[1:] != ordered[:-1]
    return ordered[new]


def first_of_each(keys: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether each key, none below 0, is the first of its value."""
    if not len(keys):
        return np.zeros(0, np.bool_)
    assert int(keys.max()) < (1 << 62) // len(keys), "a key and its place are one number here"
    first = np.zeros(len(keys), np.bool_)
    ordered = np.sort(keys * len(keys) + np.arange(len(keys)))
    key, place = np.divmod(ordered, len(keys))
    first[place[np.diff(key, prepend=-1) != 0]] = True
    return first
