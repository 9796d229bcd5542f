"""Differences with 95 % intervals, and whether they are real: between two models, and between two recipes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from tinystories.evaluation.intervals import LEVEL, Floats, mean_interval, share_interval

Verdict = Literal["better", "worse", "can't tell"]

SEEDS: Final = 3  # of a recipe, below which its spread is not known
RESAMPLES: Final = 1000
SPLIT: Final = 6  # questions that only one of two got right, below which no sign test reaches 5 %: 2 / 2^5
FEW: Final = 10  # stories, below which Newcombe's interval of shares near 0 and 1 is too narrow to be believed


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval (nan where there is none), measured on `n` stories."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Difference:
    """Candidate less reference, with its 95 % interval; the verdict is the candidate's."""

    value: float
    low: float
    high: float
    verdict: Verdict


def difference(value: float, low: float, high: float, less_is_better: bool) -> Difference:
    """Better or worse where the interval leaves zero out, and only there."""
    verdict: Verdict = "can't tell"
    if high < 0 or low > 0:
        verdict = "better" if (high < 0) == less_is_better else "worse"
    return Difference(value, low, high, verdict)


def mean_estimate(values: Floats, seed: int = 0) -> Estimate:
    """Mean of `values` (n,), one a story, with its bootstrap interval; nan without any."""
    sample = np.asarray(values, dtype=np.float64)
    value = float(sample.mean()) if len(sample) else math.nan
    return Estimate(value, *mean_interval(sample, RESAMPLES, seed), len(sample))


def share_estimate(hits: int, n: int) -> Estimate:
    """A share with Wilson's interval; nan of none."""
    return Estimate(hits / n if n else math.nan, *share_interval(hits, n), n)


def paired_difference(first: Floats, second: Floats, less_is_better: bool, seed: int = 0) -> Difference:
    """mean(second - first) by the paired bootstrap (Efron 1979; Koehn 2004): stories are resampled, not values.

    `first` and `second` (n,) hold two measurements of the same stories in the same order.
    """
    gained = np.asarray(second, dtype=np.float64) - np.asarray(first, dtype=np.float64)
    estimate = mean_estimate(gained, seed)
    return difference(estimate.value, estimate.low, estimate.high, less_is_better)


def answers_difference(
    first: Sequence[bool], second: Sequence[bool], less_is_better: bool, seed: int = 0
) -> Difference:
    """Of the shares right of the same questions (n,), by the paired bootstrap; few split answers: can't tell."""
    found = paired_difference(np.array(first, float), np.array(second, float), less_is_better, seed)
    if sum(one != two for one, two in zip(first, second, strict=True)) < SPLIT:
        return Difference(found.value, found.low, found.high, "can't tell")
    return found


def share_difference(first: tuple[int, int], second: tuple[int, int], less_is_better: bool) -> Difference:
    """Of two shares, each (hits, n), in independent samples: Newcombe's hybrid score interval (1998, method 10).

    It holds for shares of 0 and 1, where resampling would see no spread. Below FEW stories: can't tell.
    """
    one, two = share_estimate(*first), share_estimate(*second)
    value = two.value - one.value
    low = value - math.hypot(two.value - two.low, one.high - one.value)
    high = value + math.hypot(two.high - two.value, one.value - one.low)
    if min(one.n, two.n) < FEW:
        return Difference(value, low, high, "can't tell")
    return difference(value, low, high, less_is_better)


def ratio_parts(top: Floats, bottom: Floats) -> NDArray[np.float64]:
    """(n,) values whose mean is sum(top) / sum(bottom) and whose spread is that ratio's (linearised; Cochran 1977).

    So a ratio of two sums over stories, such as bits per byte, has the intervals of a mean.
    Empty where `bottom` sums to nothing.
    """
    above, below = np.asarray(top, dtype=np.float64), np.asarray(bottom, dtype=np.float64)
    if not below.sum():
        return np.zeros(0)
    ratio = above.sum() / below.sum()
    return np.asarray(ratio + (above - ratio * below) / below.mean())


def seeds_estimate(values: Floats) -> Estimate:
    """Mean over a recipe's seeds with Student's interval; no interval below `SEEDS` seeds."""
    sample = np.asarray(values, dtype=np.float64)
    mean = float(sample.mean()) if len(sample) else math.nan
    if len(sample) < SEEDS:
        return Estimate(mean, math.nan, math.nan, len(sample))
    half = _quantile(len(sample) - 1) * math.sqrt(sample.var(ddof=1) / len(sample))
    return Estimate(mean, mean - half, mean + half, len(sample))


def seeds_difference(first: Floats, second: Floats, less_is_better: bool) -> Difference | None:
    """Of two recipes, one value a seed: Welch's interval (1947). None below `SEEDS` seeds in either."""
    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if min(len(one), len(two)) < SEEDS:
        return None
    value = float(two.mean() - one.mean())
    spreads = [float(sample.var(ddof=1)) / len(sample) for sample in (one, two)]
    if not any(spreads):
        return difference(value, value, value, less_is_better)
    free = sum(spreads) ** 2 / sum(s**2 / (len(x) - 1) for s, x in zip(spreads, (one, two), strict=True))
    half = _quantile(free) * math.sqrt(sum(spreads))
    return difference(value, value - half, value + half, less_is_better)


def _quantile(free: float) -> float:
    """Student's, for an interval of LEVEL with `free` degrees of freedom."""
    from scipy.special import stdtrit  # type: ignore[import-untyped]

    return float(stdtrit(free, (1 + LEVEL) / 2))
