"""Fits tagger and judge to hand labels; the result is JSON. The only module here that needs scikit-learn."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from tinystories.errors import SourceError
from tinystories.text.features import SPOKEN, Family, Features, features
from tinystories.text.linear import PRECISION, LinearModel
from tinystories.text.tagger import Name, Tagger, reading
from tinystories.text.tags import TAGS, Tag

FAMILIES: Final[dict[Name, Family]] = {"tagger": "whole", "judge": "thirds"}
_VALUE_SCALE: Final[dict[Family, float]] = {"whole": 0.07, "thirds": 0.05}  # by cross-validation on the labels
_NGRAM_SCALE: Final = 0.1
_C: Final = 3.0  # inverse strength of the penalty
_STORIES: Final = 2  # in which an n-gram must be
_KEPT: Final = 1530  # n-grams chosen for each tag: what 300 kB of JSON hold
_FOLDS: Final = 5
_REPEATS: Final = 4


def half(story_id: str) -> Name:
    """Which of the two models a label belongs to, by hash; independent of the partition's hash."""
    return ("tagger", "judge")[hashlib.sha256(f"half:{story_id}".encode()).digest()[0] & 1]


def fit(
    name: Name,
    stories: Mapping[str, str],
    labels: Mapping[str, Sequence[Tag]],
    more: Mapping[str, Sequence[Tag]] | None = None,
) -> Tagger:
    """Fit one of the models to its half of `labels` and `more` (story_id -> tags); `stories` has the texts.

    Log-count ratios as features of a logistic regression (Wang and Manning, ACL 2012),
    beside the values of the family. Held-out folds of `labels` say how sure to be (Platt's sigmoid, folded
    into the weights) and from which probability on a story has the tag: readers differ in how readily they say yes,
    and who read `more` has no say in that.
    The same input gives the same bytes. Raises SourceError if a tag is too rare to be learned.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    everything = {**(more or {}), **labels}
    identities = sorted(identity for identity in everything if half(identity) == name)
    family = FAMILIES[name]
    if not identities:
        raise SourceError(f"no labels to fit the {name} to; give some hundreds of labelled stories")
    table = _Table.of([features(reading(name, stories[identity]), family) for identity in identities], family)
    labels_NT = np.array([[tag in everything[identity] for tag in TAGS] for identity in identities])
    sure_by_N = np.array([identity in labels for identity in identities])
    _check_enough(name, labels_NT[sure_by_N])
    with threadpool_limits(1):  # threads cost more than they save on vectors this short
        return _fitted(name, identities, table, labels_NT, sure_by_N)


def _fitted(
    name: Name, identities: list[str], table: "_Table", labels_NT: NDArray[np.bool_], sure_by_N: NDArray[np.bool_]
) -> Tagger:
    """sure_by_N: the stories whose labels say how sure to be."""
    everything = np.arange(len(identities))
    kept = table.best(everything, labels_NT)
    fits, thresholds = [], []
    for at, tag in enumerate(TAGS):
        labels_N = labels_NT[:, at]
        log_odds_N = _held_out(table, labels_N, tag)[sure_by_N]
        slope, shift = _calibration(log_odds_N, labels_N[sure_by_N])
        fits.append(table.fit(everything, labels_N, tag, kept).calibrated(slope, shift))
        thresholds.append(_threshold(_probability(slope * log_odds_N + shift)))
    model = LinearModel(
        family=FAMILIES[name],
        ngrams={table.ngrams[column]: row for row, column in enumerate(kept)},
        ngram_weights_VT=np.stack([fit.ngrams for fit in fits], axis=1).round(PRECISION),
        values={value: row for row, value in enumerate(table.values)},
        value_weights_UT=np.stack([fit.values for fit in fits], axis=1).round(PRECISION),
        bias_T=np.array([fit.bias for fit in fits]).round(PRECISION),
    )
    return Tagger(name, model, np.array(thresholds), frozenset(identities), {})


def _check_enough(name: str, labels_NT: NDArray[np.bool_]) -> None:
    for tag, true in zip(TAGS, labels_NT.sum(axis=0), strict=True):
        if min(true, len(labels_NT) - true) < _FOLDS:
            raise SourceError(
                f"{tag}: {true} of the {len(labels_NT)} labels for the {name} have it; "
                f"at least {_FOLDS} must have it and {_FOLDS} not: label more stories"
            )


class _Fit(NamedTuple):
    """Weights of one tag on features as they are: of the chosen n-grams, of the values, and the bias."""

    ngrams: NDArray[np.float64]
    values: NDArray[np.float64]
    bias: float

    def calibrated(self, slope: float, shift: float) -> "_Fit":
        """The fit whose log odds are slope * this one's + shift."""
        return _Fit(self.ngrams * slope, self.values * slope, self.bias * slope + shift)


@dataclass(frozen=True, eq=False)
class _Table:
    """Features of N stories: n-grams that more than one story has, present or not; values."""

    scale: float
    ngrams: list[str]
    ngrams_NV: Any  # scipy.sparse.csr_array of 0 and 1
    values: list[str]
    values_NU: NDArray[np.float64]

    @classmethod
    def of(cls, stories: list[Features], family: Family) -> Self:
        from scipy.sparse import csr_array  # type: ignore[import-untyped]

        count = Counter(ngram for story in stories for ngram in story.ngrams)
        ngrams = sorted(ngram for ngram, number in count.items() if number >= _STORIES)
        column = {ngram: at for at, ngram in enumerate(ngrams)}
        cells = [(row, column[ngram]) for row, story in enumerate(stories) for ngram in story.ngrams if ngram in column]
        rows, columns = np.array(sorted(cells)).T
        values = sorted(stories[0].values)
        return cls(
            _VALUE_SCALE[family],
            ngrams,
            csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(stories), len(ngrams))),
            values,
            np.array([[story.values[value] for value in values] for story in stories]),
        )

    def fit(self, rows: NDArray[np.intp], labels_N: NDArray[np.bool_], tag: Tag, columns: NDArray[np.intp]) -> _Fit:
        """Fit one tag to the stories `rows` with the n-grams `columns`; Dialogue looks at quotations alone."""
        from scipy.sparse import csr_array, hstack
        from sklearn.linear_model import LogisticRegression

        true_N = labels_N[rows]
        ngrams_NK = self.ngrams_NV[rows][:, columns]
        ratio_K = np.log(_share(ngrams_NK[true_N])) - np.log(_share(ngrams_NK[~true_N]))
        ngram_scale_K = ratio_K * _NGRAM_SCALE
        values_NU = self.values_NU[rows]
        mean_U, deviation_U = values_NU.mean(axis=0), values_NU.std(axis=0)
        value_scale_U = np.where(deviation_U > 0, self.scale / np.maximum(deviation_U, 1e-9), 0)
        if tag == "Dialogue":
            ngram_scale_K = np.zeros_like(ngram_scale_K)
            value_scale_U *= [value.startswith(SPOKEN) for value in self.values]
        inputs = hstack([ngrams_NK * ngram_scale_K, csr_array((values_NU - mean_U) * value_scale_U)]).tocsr()
        regression = LogisticRegression(C=_C, tol=1e-8, max_iter=10_000).fit(inputs, true_N)
        ngram_weights_K, value_weights_U = np.split(regression.coef_[0], [len(columns)])
        values = value_weights_U * value_scale_U
        return _Fit(ngram_weights_K * ngram_scale_K, values, float(regression.intercept_[0] - values @ mean_U))

    def common(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """The columns of n-grams that more than one of the stories `rows` has."""
        return np.flatnonzero(np.asarray(self.ngrams_NV[rows].sum(axis=0)) >= _STORIES)

    def best(self, rows: NDArray[np.intp], labels_NT: NDArray[np.bool_]) -> NDArray[np.intp]:
        """The columns that matter most to some tag: by weight and by how many stories have them."""
        everything = self.common(rows)
        seen = np.asarray(self.ngrams_NV[rows][:, everything].sum(axis=0))
        kept: set[int] = set()
        for at, tag in enumerate(TAGS):
            matters = np.abs(self.fit(rows, labels_NT[:, at], tag, everything).ngrams) * np.sqrt(seen)
            first = np.argsort(-matters, kind="stable")[:_KEPT]
            kept.update(everything[first[matters[first] > 0]].tolist())
        return np.array(sorted(kept), np.intp)

    def log_odds(self, rows: NDArray[np.intp], fit: _Fit, columns: NDArray[np.intp]) -> NDArray[np.float64]:
        of_ngrams = np.asarray(self.ngrams_NV[rows][:, columns] @ fit.ngrams, np.float64)
        return np.asarray(of_ngrams + self.values_NU[rows] @ fit.values + fit.bias)


def _share(ngrams_NK: Any) -> NDArray[np.float64]:
    """Share of stories with each n-gram, smoothed by one story with it and one without."""
    seen_K: NDArray[np.float64] = np.asarray(ngrams_NK.sum(axis=0), np.float64)
    return (seen_K + 1) / (float(ngrams_NK.shape[0]) + 2)


def _threshold(probabilities_N: NDArray[np.float64]) -> float:
    """Half of the highest F1 to be expected from calibrated probabilities (Lipton et al., arXiv:1402.1892).

    No other threshold gives a higher F1. Steadier than the threshold with the highest F1 on the labels
    themselves: over six random halves of the labels it was better on the other half, on nearly every tag.
    """
    sorted_N = np.sort(probabilities_N)[::-1]
    said_N = np.arange(1, len(sorted_N) + 1)
    return round(float((np.cumsum(sorted_N) / (said_N + sorted_N.sum())).max()), PRECISION)


def _calibration(log_odds_N: NDArray[np.float64], labels_N: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and shift of the sigmoid that makes held-out log odds probabilities (Platt, 1999)."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=1.0, tol=1e-8, max_iter=10_000).fit(log_odds_N[:, None], labels_N)
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])


def _probability(log_odds_N: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-log_odds_N)))


def _held_out(table: _Table, labels_N: NDArray[np.bool_], tag: Tag) -> NDArray[np.float64]:
    """(N,) mean log odds of a tag by fits that have not seen the story, one in each repeat."""
    from sklearn.model_selection import RepeatedStratifiedKFold

    folds = RepeatedStratifiedKFold(n_splits=_FOLDS, n_repeats=_REPEATS, random_state=0)
    log_odds_N = np.zeros(len(labels_N))
    for fitted, held_out in folds.split(labels_N, labels_N):
        columns = table.common(fitted)
        log_odds_N[held_out] += table.log_odds(held_out, table.fit(fitted, labels_N, tag, columns), columns) / _REPEATS
    return log_odds_N
