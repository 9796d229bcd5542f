"""Logistic regression on a story's features, one per tag: its weights, and what they say."""

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from tinystories.text.features import Family, Reading, features
from tinystories.text.tags import TAGS

PRECISION: Final = 3  # decimals of a weight: 300 kB of JSON hold that many


@dataclass(frozen=True, eq=False)
class LinearModel:
    """One logistic regression for each of the T tags, on the features of one family.

    family: which features.
    ngrams: n-gram -> row of ngram_weights_VT; one that is in the story counts once.
    values: value's name -> row of value_weights_UT.
    bias_T: log odds of a story without features.
    """

    family: Family
    ngrams: dict[str, int]
    ngram_weights_VT: NDArray[np.float64]
    values: dict[str, int]
    value_weights_UT: NDArray[np.float64]
    bias_T: NDArray[np.float64]

    def probabilities(self, reading: Reading) -> NDArray[np.float64]:
        """(T,) probability of each tag; 0 for a story without a word."""
        if not reading.words:
            return np.zeros(len(TAGS))
        seen = features(reading, self.family)
        values_U = np.fromiter((seen.values[name] for name in self.values), np.float64, len(self.values))
        rows = sorted([row for ngram in seen.ngrams if (row := self.ngrams.get(ngram)) is not None])
        return np.asarray(self.of(values_U[None], np.array(rows, np.int64), np.zeros(len(rows), np.int64))[0])

    def of(
        self, values_NU: NDArray[np.float64], rows_K: NDArray[np.int64], stories_K: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(N, T) probabilities for N stories with these values, story stories_K[k] having the n-gram of row rows_K[k].

        Sums run in one order, whatever stands beside a story, if each story's rows ascend.
        """
        stories = len(values_NU)
        # no `@`: BLAS sums in another order for one story than for many
        log_odds_NT = self.bias_T + np.einsum("nu,tu->nt", values_NU, self.value_weights_UT.T.copy())
        for tag, weights_V in enumerate(self.ngram_weights_VT.T.copy()):
            log_odds_NT[:, tag] += np.bincount(stories_K, weights_V.take(rows_K), stories)
        return np.asarray(1 / (1 + np.exp(-log_odds_NT)))

    def to_json(self) -> dict[str, Any]:
        scale = 10**PRECISION
        return {
            "family": self.family,
            "bias": [round(float(weight), PRECISION) for weight in self.bias_T],
            "values": {
                name: [round(float(weight), PRECISION) for weight in self.value_weights_UT[row]]
                for name, row in self.values.items()
            },
            "ngrams": {
                ngram: [round(float(weight) * scale) for weight in self.ngram_weights_VT[row]]
                for ngram, row in self.ngrams.items()
            },
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        tags = len(TAGS)
        return cls(
            family=value["family"],
            ngrams={ngram: row for row, ngram in enumerate(value["ngrams"])},
            ngram_weights_VT=np.array(list(value["ngrams"].values()), np.float64).reshape(-1, tags) / 10**PRECISION,
            values={name: row for row, name in enumerate(value["values"])},
            value_weights_UT=np.array(list(value["values"].values()), np.float64).reshape(-1, tags),
            bias_T=np.array(value["bias"], np.float64),
        )
