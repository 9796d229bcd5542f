"""95 % intervals: bootstrap for means, ratios and paired differences, Wilson's score for shares."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = Sequence[float] | NDArray[np.floating]

LEVEL: Final = 0.95
Z: Final = 1.959963984540054  # standard normal quantile of (1 + LEVEL) / 2
_T_TERMS: Final = (
    {3: 1 / 4, 1: 1 / 4},
    {5: 5 / 96, 3: 16 / 96, 1: 3 / 96},
    {7: 3 / 384, 5: 19 / 384, 3: 17 / 384, 1: -15 / 384},
    {9: 79 / 92160, 7: 776 / 92160, 5: 1482 / 92160, 3: -1920 / 92160, 1: -945 / 92160},
)
_DRAWS_AT_ONCE: Final = 2_000_000  # indices held in memory, 16 MB


def mean_interval(values: Floats, resamples: int = 1000, seed: int = 0) -> tuple[float, float]:
    """95 % percentile bootstrap interval (Efron 1979) of the mean of `values` (n,).

    Percentiles are taken a little further out for small n (Hesterberg 2015, the expanded
    percentile interval), since a plain one covers 90 %, not 95 %, with ten values. Memory does
    not grow with `resamples`; the same seed gives the same interval. With fewer than two values
    there is nothing to resample: (nan, nan).
    """
    sample = np.asarray(values, dtype=np.float64)
    size = len(sample)
    if size < 2:
        return math.nan, math.nan
    random = np.random.default_rng(seed)
    rows = max(1, _DRAWS_AT_ONCE // size)
    means = np.concatenate(
        [
            sample[random.integers(0, size, (min(rows, resamples - done), size))].mean(axis=1)
            for done in range(0, resamples, rows)
        ]
    )
    tail = _expanded_tail(size)
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def paired_interval(first: Floats, second: Floats, resamples: int = 1000, seed: int = 0) -> tuple[float, float]:
    """95 % bootstrap interval of mean(second - first), resampling stories, not values.

    `first` and `second` (n,) hold two measurements of the same stories in the same order.
    Raises ValueError where they differ in length.
    """
    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.shape != two.shape:
        raise ValueError(f"paired values must pair: {len(one)} and {len(two)}")
    return mean_interval(two - one, resamples, seed)


def ratio_interval(above: Floats, below: Floats, resamples: int = 1000, seed: int = 0) -> tuple[float, float]:
    """95 % bootstrap interval of sum(above) / sum(below), such as nats per token, resampling stories.

    `above` and `below` (n,) are of the same stories in the same order; `below` is above 0 in each.
    As in mean_interval, percentiles are taken further out for small n. (nan, nan) with fewer than two.
    """
    one, two = np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)
    assert one.shape == two.shape and bool((two > 0).all())
    size = len(one)
    if size < 2:
        return math.nan, math.nan
    random = np.random.default_rng(seed)
    rows = max(1, _DRAWS_AT_ONCE // size)
    ratios = []
    for done in range(0, resamples, rows):
        drawn = random.integers(0, size, (min(rows, resamples - done), size))
        ratios.append(one[drawn].sum(axis=1) / two[drawn].sum(axis=1))
    tail = _expanded_tail(size)
    low, high = np.quantile(np.concatenate(ratios), [tail, 1 - tail])
    return float(low), float(high)


def share_interval(successes: int, n: int) -> tuple[float, float]:
    """95 % score interval (Wilson 1927) of a share of `successes` in `n`; (nan, nan) for n = 0."""
    if n == 0:
        return math.nan, math.nan
    share, shrink = successes / n, 1 + Z**2 / n
    centre = (share + Z**2 / (2 * n)) / shrink
    half = Z / shrink * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def _expanded_tail(size: int) -> float:
    """Phi(-sqrt(n / (n - 1)) t) with Student's 97.5 % quantile t of n - 1 degrees of freedom.

    The quantile is Cornish and Fisher's expansion about the normal one (Abramowitz and Stegun
    26.7.5): right to 0.5 % from 3 degrees on.
    """
    free = size - 1
    t = Z
    for power, terms in enumerate(_T_TERMS, start=1):
        t += sum(factor * Z**exponent for exponent, factor in terms.items()) / free**power
    return 0.5 * math.erfc(math.sqrt(size / free) * t / math.sqrt(2))
