"""How well a tagger agrees with gold labels, tag by tag: F1 with its interval, beside what costs nothing."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_RESAMPLES: Final = 2000
_DIGITS: Final = 4


def agreement(said_N: Sequence[bool], sure_N: Sequence[float], true_N: Sequence[bool]) -> dict[str, Any]:
    """Counts and ratios of one tag over N labelled stories; a ratio with nothing below it is None.

    said_N: the tagger's answers; sure_N: its probabilities; true_N: the labels.
    tp, fp, fn, tn: true and false positives, false and true negatives. n: stories; positives: how many have the tag.
    f1_low, f1_high: 95 % by bootstrap over the stories. average_precision: mean precision at each story that has
    the tag, the surest first. always_yes: F1 of saying yes to all. above_always_yes: share of the resamples, the
    same for both, in which F1 is above it. mean_probability: of all stories, beside positives / n.
    """
    said, true = np.array(said_N, bool), np.array(true_N, bool)
    both, yes, positives, n = int((said & true).sum()), int(said.sum()), int(true.sum()), len(true)
    low, high, above = _resampled(said, true)
    return {
        "tp": both,
        "fp": yes - both,
        "fn": positives - both,
        "tn": n - yes - positives + both,
        "precision": _ratio(both, yes),
        "recall": _ratio(both, positives),
        "f1": _ratio(2 * both, yes + positives),
        "f1_low": low,
        "f1_high": high,
        "average_precision": _average_precision(np.array(sure_N, float), true),
        "always_yes": _ratio(2 * positives, n + positives),
        "above_always_yes": above,
        "mean_probability": round(float(np.mean(sure_N)), _DIGITS) if n else None,
        "n": n,
        "positives": positives,
    }


def readers_f1(one_N: Sequence[bool], other_N: Sequence[bool]) -> float | None:
    """F1 of one reader's labels against the other's; who is measured by whom makes no difference."""
    both = sum(one and other for one, other in zip(one_N, other_N, strict=True))
    return _ratio(2 * both, sum(one_N) + sum(other_N))


def _resampled(said: NDArray[np.bool_], true: NDArray[np.bool_]) -> tuple[float | None, float | None, float | None]:
    if not true.any():
        return None, None, None
    n = len(true)
    drawn_RN = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=_RESAMPLES)
    both, yes, positives = (drawn_RN @ kind.astype(float) for kind in (said & true, said, true))
    f1 = 2 * both / np.maximum(1, yes + positives)
    low, high = np.quantile(f1, [0.025, 0.975])
    above = (f1 > 2 * positives / (n + positives)).mean()
    return round(float(low), _DIGITS), round(float(high), _DIGITS), round(float(above), _DIGITS)


def _average_precision(sure: NDArray[np.float64], true: NDArray[np.bool_]) -> float | None:
    """Stories of one probability count together, so that their order makes no difference."""
    if not true.any():
        return None
    values, group = np.unique(-sure, return_inverse=True)
    said = np.cumsum(np.bincount(group, minlength=len(values)))
    found = np.bincount(group, weights=true, minlength=len(values))
    return round(float((found * np.cumsum(found) / said).sum() / true.sum()), _DIGITS)


def _ratio(above: int, below: int) -> float | None:
    return round(above / below, _DIGITS) if below else None
