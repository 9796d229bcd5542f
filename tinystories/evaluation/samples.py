"""What a metric is measured on: one value a story, hits among stories, or answers to the same questions."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from tinystories.evaluation.differences import (
    Difference,
    Estimate,
    answers_difference,
    mean_estimate,
    paired_difference,
    ratio_parts,
    share_difference,
    share_estimate,
)
from tinystories.evaluation.evidence import Evidence, Told
from tinystories.text.tags import TAGS

Unit = Literal["nats", "bits", "share"]


@dataclass(frozen=True)
class Metric:
    """One line of the table; its key is GROUP, or GROUP/PART of the group's line above."""

    key: str
    name: str
    unit: Unit
    less_is_better: bool

    @property
    def part(self) -> bool:
        return "/" in self.key


METRICS: Final = (  # those of abilities and choosing have parts, named by the evaluation
    Metric("nats_per_story", "nats per story", "nats", True),
    Metric("bits_per_byte", "bits per byte", "bits", True),
    Metric("middle", "nats of the middle, both ends known", "nats", True),
    Metric("abilities", "minimal pairs right", "share", False),
    Metric("choosing", "right one of a few chosen", "share", False),
    Metric("completion", "stories that end by themselves", "share", False),
    Metric("adherence", "tags asked for that the judge finds", "share", False),
    *(Metric(f"adherence/{tag}", tag, "share", False) for tag in TAGS),
    Metric("memorisation", "8-grams that stand in training", "share", True),
)


@dataclass(frozen=True)
class Values:
    """One value a story, whose mean is the metric; the same stories in the same order for all."""

    values: Sequence[float]

    def estimate(self) -> Estimate:
        return mean_estimate(self.values)

    def difference(self, other: "Sample", less_is_better: bool) -> Difference:
        assert isinstance(other, Values)
        return paired_difference(self.values, other.values, less_is_better)


@dataclass(frozen=True)
class Share:
    hits: int
    n: int

    def estimate(self) -> Estimate:
        return share_estimate(self.hits, self.n)

    def difference(self, other: "Sample", less_is_better: bool) -> Difference:
        assert isinstance(other, Share)
        return share_difference((self.hits, self.n), (other.hits, other.n), less_is_better)


@dataclass(frozen=True)
class Answers:
    """Whether each question was answered rightly; the same questions in the same order for all."""

    right: Sequence[bool]

    def estimate(self) -> Estimate:
        return share_estimate(sum(self.right), len(self.right))

    def difference(self, other: "Sample", less_is_better: bool) -> Difference:
        assert isinstance(other, Answers)
        return answers_difference(self.right, other.right, less_is_better)


Sample = Values | Share | Answers


def metrics_of(samples: Sequence[Mapping[str, Sample]]) -> list[Metric]:
    """METRICS that any was measured on, and the parts of tasks after their groups."""
    known = {metric.key for metric in METRICS}
    found = sorted(set().union(*samples) - known)
    metrics = []
    for metric in METRICS:
        if any(metric.key in own for own in samples):
            metrics.append(metric)
        parts = [key for key in found if key.startswith(f"{metric.key}/")]
        metrics += [replace(metric, key=key, name=key.split("/")[1].replace("_", " ")) for key in parts]
    return metrics


def samples_of(
    evidence: Evidence,
    ids: Sequence[str],
    middles: Sequence[str],
    asked: Sequence[str],
    questions: Sequence[tuple[str, str]],
) -> dict[str, Sample]:
    """Per metric that was measured, what it is the mean of."""
    scores = [evidence.scores[i] for i in ids]
    nats = np.array([score.nats for score in scores])
    size = np.array([score.bytes for score in scores], dtype=np.float64)
    samples: dict[str, Sample] = {}
    if ids:
        samples["nats_per_story"] = Values(nats.tolist())
        samples["bits_per_byte"] = Values((ratio_parts(nats, size) / math.log(2)).tolist())
    if middles:
        samples["middle"] = Values([evidence.middles[i] for i in middles])
    for group in ("abilities", "choosing"):
        own_group = [key for key in questions if key[0].startswith(f"{group}/")]
        for name in [group, *sorted({task for task, _ in own_group})] if own_group else []:
            samples[name] = Answers([evidence.answers[key] for key in own_group if name in (group, key[0])])
    own = {one.wish: one for one in evidence.told}
    told = [own[key] for key in asked]
    _add_share(samples, "completion", told, lambda one: one.free, lambda one: one.ended)
    _add_share(samples, "adherence", told, lambda one: one.tag is not None, lambda one: one.tag in one.found)
    for tag in TAGS:
        own_tag = [one for one in told if one.tag == tag]
        _add_share(samples, f"adherence/{tag}", own_tag, lambda one: True, lambda one: one.tag in one.found)
    counted = [(one.copied, one.grams) for one in told if one.copied is not None and one.grams is not None]
    if counted and len(counted) == len(told):
        parts = ratio_parts([copied for copied, _ in counted], [grams for _, grams in counted])
        if len(parts):
            samples["memorisation"] = Values(parts.tolist())
    return samples


def _add_share(
    samples: dict[str, Sample],
    key: str,
    told: Sequence[Told],
    belongs: Callable[[Told], bool],
    hit: Callable[[Told], bool],
) -> None:
    hits = [hit(one) for one in told if belongs(one)]
    if hits:
        samples[key] = Share(sum(hits), len(hits))
