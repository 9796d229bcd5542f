"""The tags of a story: the tagger, which labels training data, and the judge, which measures what was generated.

Both are small linear models kept as JSON beside this module, fitted on disjoint halves of the hand labels.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tinystories.text.features import Reading, read
from tinystories.text.fitted import HERE, fitted_ids
from tinystories.text.fragments import without_fragments
from tinystories.text.linear import LinearModel
from tinystories.text.tags import TAGS, Tag

__all__ = ["Name", "Tagger", "fitted_ids"]

Name = Literal["tagger", "judge"]


def reading(name: Name, text: str) -> Reading:
    """What one of the two sees of a text: the judge doesn't see fragments, since whom it judges might throw them in."""
    return read(without_fragments(text) if name == "judge" else text)


@dataclass(frozen=True, eq=False)
class Tagger:
    """One of the two models with a threshold for each tag.

    fitted_on: the story_ids it was fitted on.
    gold: for each tag, what `labels.measure` gives on the gold labels; empty if not measured.
    """

    name: Name
    model: LinearModel
    thresholds_T: NDArray[np.float64]
    fitted_on: frozenset[str]
    gold: dict[Tag, dict[str, Any]]

    @staticmethod
    @cache
    def load(name: Name) -> "Tagger":
        """The tagger or the judge that the package carries; read once."""
        return Tagger.from_json(json.loads((HERE / f"{name}.json").read_text(encoding="utf-8")))

    def tags(self, text: str) -> list[Tag]:
        """The tags of a story, in canonical order."""
        found_T = self.said(self.model.probabilities(reading(self.name, text)))
        return [tag for tag, found in zip(TAGS, found_T, strict=True) if found]

    def tags_many(self, texts: Sequence[str]) -> list[list[Tag]]:
        """`tags` of each text."""
        return [self.tags(text) for text in texts]

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """(N, T) probability of each tag in each text, tags in canonical order; 0 in a text without a word."""
        return np.array([self.model.probabilities(reading(self.name, text)) for text in texts]).reshape(-1, len(TAGS))

    def said(self, probabilities_NT: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of the probabilities, of one story or of many, are reason enough to say yes."""
        return np.asarray(probabilities_NT >= self.thresholds_T)

    def sureness(self, probabilities_NT: NDArray[np.float64]) -> NDArray[np.float64]:
        """By how much the log odds of each probability are above those of its tag's threshold; 0 or more is a yes."""
        return np.asarray(_log_odds(probabilities_NT) - _log_odds(self.thresholds_T))

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "thresholds": dict(zip(TAGS, self.thresholds_T.tolist(), strict=True)),
            "fitted_on": sorted(self.fitted_on),
            "gold": self.gold,
            **self.model.to_json(),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Tagger":
        return cls(
            value["name"],
            LinearModel.from_json(value),
            np.array([value["thresholds"][tag] for tag in TAGS], np.float64),
            frozenset(value["fitted_on"]),
            value["gold"],
        )


def _log_odds(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of no more than a billion to one, so that they are finite."""
    held = np.clip(probabilities, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(held / (1 - held)))
