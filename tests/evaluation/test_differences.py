"""Differences are called real 19 times of 20 where they are, by methods whose textbook cases come out."""

import math

import numpy as np
import pytest
from scipy.stats import ttest_ind

from tinystories.evaluation.differences import (
    answers_difference,
    difference,
    mean_estimate,
    paired_difference,
    ratio_parts,
    seeds_difference,
    seeds_estimate,
    share_difference,
)


def test_the_verdict_is_the_candidates_and_zero_inside_says_nothing() -> None:
    assert difference(-2, -3, -1, less_is_better=True).verdict == "better"
    assert difference(-2, -3, -1, less_is_better=False).verdict == "worse"
    assert difference(2, 1, 3, less_is_better=True).verdict == "worse"
    assert difference(1, -1, 3, less_is_better=True).verdict == "can't tell"
    assert difference(0, 0, 0, less_is_better=True).verdict == "can't tell"  # the same model twice
    assert difference(1, math.nan, math.nan, less_is_better=True).verdict == "can't tell"


def test_newcombes_interval_is_that_of_his_paper() -> None:
    # Newcombe 1998, table II, method 10: 48/80 beside 56/70
    found = share_difference((48, 80), (56, 70), less_is_better=False)
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)
    assert found.verdict == "better"


def test_two_of_two_beside_none_of_two_is_too_little_to_tell() -> None:
    assert share_difference((0, 2), (2, 2), less_is_better=False).verdict == "can't tell"
    assert share_difference((0, 20), (20, 20), less_is_better=False).verdict == "better"


@pytest.mark.parametrize(("one", "two", "n"), [(0.5, 0.5, 20), (0.9, 0.95, 40), (0.2, 0.6, 30)])
def test_newcombes_interval_covers_the_true_difference_19_times_of_20(one: float, two: float, n: int) -> None:
    random = np.random.default_rng(2)
    hits = [
        (found := share_difference((int(a), n), (int(b), n), False)).low <= two - one <= found.high
        for a, b in zip(random.binomial(n, one, 4000), random.binomial(n, two, 4000), strict=True)
    ]
    assert np.mean(hits) == pytest.approx(0.95, abs=0.03)


def test_pairing_sees_what_the_spread_of_stories_hides() -> None:
    random = np.random.default_rng(4)
    stories = random.normal(230, 60, 100)
    harder = stories + 3 + random.normal(0, 5, 100)
    assert paired_difference(stories, harder, less_is_better=True).verdict == "worse"
    shuffled = random.permutation(harder)
    assert paired_difference(stories, shuffled, less_is_better=True).verdict == "can't tell"


@pytest.mark.parametrize(("n", "split"), [(20, 0.3), (60, 0.2), (200, 0.1)])
def test_equal_models_are_told_apart_by_their_answers_at_most_7_times_of_100(n: int, split: float) -> None:
    random = np.random.default_rng(10)
    alarms = 0
    for trial in range(1000):
        one, toss = random.random(n) < 0.7, random.random(n) < split
        two, swap = one ^ toss, random.random(n) < 0.5
        first, second = np.where(swap, two, one).tolist(), np.where(swap, one, two).tolist()
        alarms += answers_difference(first, second, less_is_better=False, seed=trial).verdict != "can't tell"
    assert alarms <= 70


def test_five_answers_that_only_one_got_right_are_too_few_to_tell() -> None:
    base = [False] * 100
    assert answers_difference(base, [True] * 5 + [False] * 95, less_is_better=False).verdict == "can't tell"
    assert answers_difference(base, [True] * 8 + [False] * 92, less_is_better=False).verdict == "better"


def test_a_ratio_of_sums_is_the_mean_of_its_parts_and_its_interval_covers() -> None:
    parts = ratio_parts([2.0, 9.0], [1.0, 2.0])
    assert parts.mean() == pytest.approx(11 / 3)
    assert len(ratio_parts([0.0], [0.0])) == 0

    random = np.random.default_rng(6)
    hits = []
    for trial in range(1000):
        size = random.gamma(4, 200, 60)
        nats = 0.7 * size + random.normal(0, 40, 60)
        found = mean_estimate(ratio_parts(nats, size), seed=trial)
        hits.append(found.low <= 0.7 <= found.high)
    assert np.mean(hits) == pytest.approx(0.95, abs=0.03)


def test_welchs_interval_is_scipys() -> None:
    one, two = [231.2, 229.8, 232.0], [225.1, 226.9, 224.0, 226.2]
    found = seeds_difference(one, two, less_is_better=True)
    theirs = ttest_ind(two, one, equal_var=False).confidence_interval()
    assert found is not None
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))
    assert found.verdict == "better"


def test_the_interval_over_three_seeds_covers_the_recipes_difference_19_times_of_20() -> None:
    random = np.random.default_rng(8)
    hits = []
    for _ in range(4000):
        found = seeds_difference(random.normal(230, 2, 3), random.normal(228, 2, 3), less_is_better=True)
        assert found is not None
        hits.append(found.low <= -2 <= found.high)
    assert np.mean(hits) == pytest.approx(0.95, abs=0.03)  # Welch's is a little wide with three


@pytest.mark.parametrize("seeds", [1, 2])
def test_below_three_seeds_nothing_is_said_of_a_recipe(seeds: int) -> None:
    many = [1.0, 2.0, 3.0]
    assert seeds_difference(many[:seeds], many, less_is_better=True) is None
    assert seeds_difference(many, many[:seeds], less_is_better=True) is None
    assert math.isnan(seeds_estimate(many[:seeds]).low)


def test_seeds_that_all_agree_leave_no_doubt_and_divide_by_nothing() -> None:
    found = seeds_difference([1.0] * 3, [2.0] * 3, less_is_better=True)
    assert found is not None and found.verdict == "worse"
