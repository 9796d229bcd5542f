"""Agreement with gold labels, against cases worked by hand and against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from tinystories.text.agreement import agreement, readers_f1


def test_counts_and_ratios_are_those_worked_by_hand() -> None:
    # three said, two of them true, one true not said, one neither: precision 2/3, recall 2/3, F1 2/3;
    # saying yes to all five: 2 * 3 / (5 + 3); precision at the true ones by probability: 1/1, 2/3, 3/4
    found = agreement([True, True, True, False, False], [0.9, 0.8, 0.7, 0.4, 0.1], [True, False, True, True, False])
    assert {key: found[key] for key in ("tp", "fp", "fn", "tn", "n", "positives")} == {
        "tp": 2, "fp": 1, "fn": 1, "tn": 1, "n": 5, "positives": 3,
    }  # fmt: skip
    assert [found[key] for key in ("precision", "recall", "f1", "always_yes")] == [0.6667, 0.6667, 0.6667, 0.75]
    assert found["average_precision"] == pytest.approx((1 + 2 / 3 + 3 / 4) / 3, abs=1e-4)
    assert found["mean_probability"] == 0.58


def test_a_ratio_with_nothing_below_it_is_none() -> None:
    found = agreement([True, False], [0.6, 0.1], [False, False])
    assert (found["precision"], found["recall"], found["f1"], found["f1_low"]) == (0.0, None, 0.0, None)
    assert agreement([], [], [])["f1"] is None


def test_average_precision_is_scikit_learns_ties_included() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        true, sure = rng.random(60) < 0.3, rng.integers(0, 8, 60) / 8
        if true.any():
            found = agreement((sure > 0.5).tolist(), sure.tolist(), true.tolist())
            assert found["average_precision"] == pytest.approx(average_precision_score(true, sure), abs=1e-4)


def test_the_interval_of_f1_holds_the_truth_as_often_as_it_says() -> None:
    # a tagger right about 80 % of 30 % positives, with 10 % false alarms: F1 = 2 * .24 / (.3 + .24 + .07) = .787
    rng, truth, held, rounds = np.random.default_rng(5), 2 * 0.24 / (0.3 + 0.31), 0, 200
    for _ in range(rounds):
        true = rng.random(300) < 0.3
        said = np.where(true, rng.random(300) < 0.8, rng.random(300) < 0.1)
        found = agreement(said.tolist(), said.astype(float).tolist(), true.tolist())
        held += found["f1_low"] <= truth <= found["f1_high"]
    assert held / rounds > 0.95 - 3 * (0.95 * 0.05 / rounds) ** 0.5  # three standard errors below 95 %


def test_what_says_yes_to_all_is_never_above_always_yes_and_what_is_right_always_is() -> None:
    true = [True] * 20 + [False] * 80
    assert agreement([True] * 100, [1.0] * 100, true)["above_always_yes"] == 0
    assert agreement(true, [float(t) for t in true], true)["above_always_yes"] == 1


def test_readers_are_measured_against_each_other() -> None:
    assert readers_f1([True, True, False, False], [True, False, True, False]) == 0.5
    assert readers_f1([False], [False]) is None
