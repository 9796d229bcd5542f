"""A rate that a judge found, corrected for the errors that the judge is known to make."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from tinystories.evaluation.intervals import Z


@dataclass(frozen=True)
class Errors:
    """How a judge did on hand labels: true and false positives, false and true negatives."""

    tp: int
    fp: int
    fn: int
    tn: int

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> Self:
        """From a mapping that has the four counts among other things."""
        return cls(counts["tp"], counts["fp"], counts["fn"], counts["tn"])

    @property
    def sensitivity(self) -> float:
        """Share of the stories with the tag in which the judge finds it (its recall); nan without any."""
        positives = self.tp + self.fn
        return self.tp / positives if positives else math.nan

    @property
    def specificity(self) -> float:
        """Share of the stories without the tag in which the judge doesn't find it; nan without any."""
        negatives = self.tn + self.fp
        return self.tn / negatives if negatives else math.nan


def corrected(found: int, n: int, errors: Errors) -> tuple[float, float, float]:
    """The true rate behind `found` of `n`, and its 95 % interval: (rate, low, high), all within 0 and 1.

    The estimate is Rogan and Gladen's (1978), (r + Sp - 1) / (Se + Sp - 1). The interval is Lang
    and Reiczigel's (2014, "Confidence limits for prevalence of disease adjusted for estimated
    sensitivity and specificity"): it counts the uncertainty of the rate and of both of the
    judge's own, which come from finitely many hand labels. What it can't know is whether the
    judge errs on generated stories as on the labelled ones. nan where nothing can be said: no
    stories, no labels of a kind, or a judge that is right no more often than by chance; the interval
    alone where all of it lies outside 0 and 1, which shows that the judge errs otherwise here.
    """
    sensitivity, specificity = errors.sensitivity, errors.specificity
    if not n or not sensitivity + specificity > 1:  # nan is not above 1 either
        return math.nan, math.nan, math.nan
    rate = (found / n + specificity - 1) / (sensitivity + specificity - 1)
    low, high = _interval(found, n, errors)
    if high < 0 or low > 1:  # fewer found, or more, than even the judge's errors explain: it errs otherwise here
        return _within(rate), math.nan, math.nan
    return _within(rate), _within(low), _within(high)


def _interval(found: int, n: int, errors: Errors) -> tuple[float, float]:
    """Lang and Reiczigel's: every share moved towards one half, as Agresti and Coull do, then the delta method."""
    size, positives, negatives = n + Z**2, errors.tp + errors.fn + 2, errors.tn + errors.fp + 2
    rate = (found + Z**2 / 2) / size
    sensitivity, specificity = (errors.tp + 1) / positives, (errors.tn + 1) / negatives
    youden = sensitivity + specificity - 1
    if youden <= 0:
        return 0.0, 1.0
    true = (rate + specificity - 1) / youden
    of_sensitivity = sensitivity * (1 - sensitivity) / positives
    of_specificity = specificity * (1 - specificity) / negatives
    shift = 2 * Z**2 * (true * of_sensitivity - (1 - true) * of_specificity)
    spread = rate * (1 - rate) / size + true**2 * of_sensitivity + (1 - true) ** 2 * of_specificity
    half = Z * math.sqrt(spread) / youden
    return true + shift - half, true + shift + half


def _within(share: float) -> float:
    return min(1.0, max(0.0, share))
