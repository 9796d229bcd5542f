"""A judge's rate corrected for its errors: worked by hand, and held to its promise on simulated judges."""

import math

import numpy as np
import pytest

from tinystories.evaluation.correction import Errors, corrected
from tinystories.text.tagger import Tagger

TRIALS = 2000


def test_the_rate_behind_a_judges_is_as_worked_by_hand() -> None:
    # Se = 40/50 = 0.8, Sp = 90/100 = 0.9; 45 of 100 found: (0.45 + 0.9 - 1) / (0.8 + 0.9 - 1) = 0.35 / 0.7
    errors = Errors(tp=40, fp=10, fn=10, tn=90)
    assert (errors.sensitivity, errors.specificity) == (0.8, 0.9)
    rate, low, high = corrected(45, 100, errors)
    assert rate == pytest.approx(0.5) and low < 0.5 < high


def test_the_interval_is_that_of_the_published_formula() -> None:
    # z = 1.96: n' = 103.8415, r' = (45 + 1.92073) / 103.8415 = 0.451849, Se' = 41/52 = 0.788462,
    # Sp' = 91/102 = 0.892157, J' = 0.680618, p' = 0.344006 / 0.680618 = 0.505432
    # vSe = 0.788462 * 0.211538 / 52 = 0.00320752, vSp = 0.892157 * 0.107843 / 102 = 0.000943263
    # dp = 7.68292 * (0.505432 * 0.00320752 - 0.494568 * 0.000943263) = 0.00887136
    # s = sqrt(0.00238523 + 0.255462 * 0.00320752 + 0.244597 * 0.000943263) / J' = 0.0586114 / 0.680618 = 0.0861150
    _, low, high = corrected(45, 100, Errors(tp=40, fp=10, fn=10, tn=90))
    assert (low, high) == pytest.approx((0.514303 - 1.959964 * 0.0861150, 0.514303 + 1.959964 * 0.0861150), abs=2e-4)


def test_a_judge_without_errors_changes_nothing_but_its_own_doubt() -> None:
    rate, low, high = corrected(30, 100, Errors(tp=2000, fp=0, fn=0, tn=2000))
    assert rate == pytest.approx(0.3) and (low, high) == pytest.approx((0.218, 0.396), abs=0.01)  # Wilson's


def test_fewer_hand_labels_make_a_wider_interval() -> None:
    few, many = (corrected(450, 1000, Errors(8 * k, 2 * k, 2 * k, 18 * k)) for k in (1, 20))
    assert few[0] == many[0] and few[2] - few[1] > 2 * (many[2] - many[1])


def test_a_rate_below_what_errors_alone_would_find_is_nought_and_not_negative() -> None:
    rate, low, high = corrected(8, 100, Errors(tp=40, fp=10, fn=10, tn=90))
    assert rate == low == 0 and 0 < high < 0.2


def test_where_the_labels_cannot_explain_what_is_found_there_is_no_interval() -> None:
    rate, low, high = corrected(
        1, 1000, Errors(tp=400, fp=100, fn=100, tn=900)
    )  # a tenth should be found by error alone
    assert rate == 0 and math.isnan(low) and math.isnan(high)


@pytest.mark.parametrize(
    ("found", "n", "errors"),
    [
        (0, 0, Errors(40, 10, 10, 90)),
        (5, 10, Errors(0, 10, 0, 90)),  # no label with the tag
        (5, 10, Errors(40, 0, 10, 0)),  # none without it
        (5, 10, Errors(20, 60, 30, 40)),  # right less often than by chance
    ],
)
def test_where_nothing_can_be_said_nothing_is(found: int, n: int, errors: Errors) -> None:
    assert all(math.isnan(value) for value in corrected(found, n, errors))


@pytest.mark.parametrize("true", [0.2, 0.5, 0.8])
@pytest.mark.parametrize(
    ("sensitivity", "positives", "specificity", "negatives"),
    # the judge's own figures on tag-gold: MoralValue, Conflict, BadEnding, Twist, Foreshadowing
    [(0.81, 97, 0.9, 195), (0.69, 131, 0.92, 155), (0.95, 38, 0.94, 260), (0.54, 41, 0.91, 255), (0.65, 23, 0.86, 268)],
)
def test_the_interval_covers_the_true_rate_19_times_of_20(
    true: float, sensitivity: float, positives: int, specificity: float, negatives: int
) -> None:
    random = np.random.default_rng(11)
    n, hits = 60, []
    for _ in range(TRIALS):
        tp, tn = random.binomial(positives, sensitivity), random.binomial(negatives, specificity)
        found = random.binomial(n, true * sensitivity + (1 - true) * (1 - specificity))
        errors = Errors(int(tp), int(negatives - tn), int(positives - tp), int(tn))
        _, low, high = corrected(int(found), n, errors)
        hits.append(low <= true <= high)
    # 2,000 trials at 95 % have a standard error of 0.5 %
    assert sum(hits) / TRIALS == pytest.approx(0.95, abs=0.03)


def test_the_judge_of_the_package_says_how_often_it_was_right_and_wrong() -> None:
    for gold in Tagger.load("judge").gold.values():
        errors = Errors.of(gold)
        assert errors.tp + errors.fp + errors.fn + errors.tn == gold["n"]
        assert errors.tp + errors.fn == gold["positives"]
        assert errors.sensitivity == pytest.approx(gold["recall"], abs=1e-4)
        assert errors.tp / (errors.tp + errors.fp) == pytest.approx(gold["precision"], abs=1e-4)
