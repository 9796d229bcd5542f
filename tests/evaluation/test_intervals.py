"""Intervals hold what they promise on simulated data of known truth."""

import math
import tracemalloc

import numpy as np
import pytest

from tinystories.evaluation.intervals import mean_interval, paired_interval, ratio_interval, share_interval

TRIALS = 1000


def coverage(hits: list[bool]) -> float:
    return sum(hits) / len(hits)


@pytest.mark.parametrize(("shape", "size"), [("normal", 10), ("normal", 120), ("skewed", 30), ("skewed", 120)])
def test_the_bootstrap_interval_covers_the_true_mean_19_times_of_20(shape: str, size: int) -> None:
    random = np.random.default_rng(3)
    hits = []
    for trial in range(TRIALS):
        if shape == "normal":
            sample, truth = random.normal(250, 60, size), 250.0
        else:  # nats of a story are skewed to the right
            sample, truth = random.gamma(3.0, 80.0, size), 240.0
        low, high = mean_interval(sample, resamples=400, seed=trial)
        hits.append(low <= truth <= high)
    assert coverage(hits) == pytest.approx(0.95, abs=0.03)


@pytest.mark.parametrize(("share", "n"), [(0.5, 20), (0.9, 60), (0.3, 200)])
def test_wilsons_interval_covers_the_true_share_19_times_of_20(share: float, n: int) -> None:
    random = np.random.default_rng(5)
    hits = []
    for successes in random.binomial(n, share, 20 * TRIALS):
        low, high = share_interval(int(successes), n)
        hits.append(low <= share <= high)
    assert coverage(hits) == pytest.approx(0.95, abs=0.03)


def test_the_paired_interval_covers_a_difference_far_smaller_than_the_spread_of_stories() -> None:
    random = np.random.default_rng(7)
    hits, widths = [], []
    for trial in range(TRIALS):
        stories = random.normal(300, 100, 100)
        first, second = stories + random.normal(0, 5, 100), stories + 2 + random.normal(0, 5, 100)
        low, high = paired_interval(first, second, resamples=400, seed=trial)
        hits.append(low <= 2 <= high)
        widths.append(high - low)
    assert coverage(hits) == pytest.approx(0.95, abs=0.03)
    assert np.mean(widths) < 4  # unpaired it would be near 55


def test_wilsons_interval_of_8_in_10_is_that_of_the_textbook() -> None:
    # centre (0.8 + 3.8415/20) / 1.38415, half 1.96/1.38415 * sqrt(0.016 + 3.8415/400)
    assert share_interval(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_a_share_of_none_or_all_still_has_a_width() -> None:
    assert share_interval(0, 20)[0] == 0 and 0.1 < share_interval(0, 20)[1] < 0.2
    assert 0.8 < share_interval(20, 20)[0] < 0.9 and share_interval(20, 20)[1] == 1


def test_without_enough_values_there_is_no_interval() -> None:
    for interval in (mean_interval([]), mean_interval([3.0]), share_interval(0, 0), paired_interval([], [])):
        assert all(math.isnan(end) for end in interval)


def test_values_that_do_not_pair_are_refused() -> None:
    with pytest.raises(ValueError, match="3 and 2"):
        paired_interval([1, 2, 3], [1, 2])


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    values = np.random.default_rng(1).normal(size=50)
    assert mean_interval(values, seed=4) == mean_interval(values, seed=4)
    assert mean_interval(values, seed=4) != mean_interval(values, seed=5)


def test_memory_does_not_grow_with_the_number_of_resamples() -> None:
    values = np.random.default_rng(1).normal(size=20_000)  # all at once: 160 MB a thousand resamples
    tracemalloc.start()
    low, high = mean_interval(values, resamples=1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert low < high and peak < 50e6


def test_the_interval_of_a_ratio_covers_the_true_one_19_times_of_20() -> None:
    """Nats per token of stories: long ones count more, and are cheaper a token."""
    random = np.random.default_rng(9)
    hits = []
    for trial in range(TRIALS):
        tokens = random.gamma(6.0, 35.0, 60) + 20
        nats = 2.5 * tokens + 60 + random.normal(0, 0.35, 60) * tokens
        low, high = ratio_interval(nats, tokens, resamples=400, seed=trial)
        hits.append(low <= (2.5 * 230 + 60) / 230 <= high)
    assert coverage(hits) == pytest.approx(0.95, abs=0.03)


def test_a_ratio_that_is_the_same_in_every_story_has_no_width() -> None:
    assert ratio_interval([2, 4, 6], [1, 2, 3]) == pytest.approx((2, 2))
    assert all(math.isnan(end) for end in ratio_interval([1], [2]))
