"""Models beside each other: the same stories, the same requests, and which differences are real."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from tinystories.evaluation.differences import (
    SEEDS,
    Difference,
    Estimate,
    mean_estimate,
    paired_difference,
    ratio_parts,
    seeds_difference,
    seeds_estimate,
    share_difference,
    share_estimate,
)
from tinystories.files import fingerprint
from tinystories.text.tags import TAGS, Tag

if TYPE_CHECKING:
    from tinystories.evaluation.likelihood import Score

Unit = Literal["nats", "bits", "share"]


@dataclass(frozen=True)
class Told:
    """A story that a model was asked for.

    request: as Request.to_json has it, seed and index included. tag: what was asked for, if a tag alone.
    found: the judge's tags. copied, grams: 8-grams that stand in training, of how many; null = not counted.
    """

    request: Mapping[str, Any]
    tag: Tag | None
    text: str
    ended: bool
    found: frozenset[str]
    copied: int | None = None
    grams: int | None = None

    @property
    def key(self) -> str:
        """The same for the same request with the same seed."""
        return json.dumps(self.request, sort_keys=True, ensure_ascii=False)

    @property
    def free(self) -> bool:
        """Asked for nothing: no tag and no beginning."""
        return self.tag is None and "prompt" not in self.request


@dataclass(frozen=True)
class Evidence:
    """What was measured of a model, story by story.

    scores: by id of the test story. middles: nats of a test story's middle given both its ends, by id.
    told: the stories that it was asked for.
    """

    scores: Mapping[str, "Score"]
    middles: Mapping[str, float] = field(default_factory=dict)
    told: Sequence[Told] = ()


@dataclass(frozen=True)
class Contender:
    """A model to compare. name: as the user gave it; origin: what that is; made_from: of its fingerprint.json."""

    name: str
    origin: str
    fingerprint: str
    made_from: Mapping[str, Any]
    evidence: Evidence

    @property
    def seed(self) -> int | None:
        seed = self.made_from.get("seed")
        return seed if isinstance(seed, int) else None

    @property
    def recipe(self) -> str | None:
        """All that the model was made from but the seed; None where that is not known."""
        return recipe_of(self.made_from)


@dataclass(frozen=True)
class Metric:
    """One line of the table; an indented name is a part of the line above."""

    key: str
    name: str
    unit: Unit
    less_is_better: bool


METRICS: Final = (
    Metric("nats_per_story", "nats per story", "nats", True),
    Metric("bits_per_byte", "bits per byte", "bits", True),
    Metric("middle", "nats of the middle, both ends known", "nats", True),
    Metric("completion", "stories that end by themselves", "share", False),
    Metric("adherence", "tags asked for that the judge finds", "share", False),
    *(Metric(f"adherence/{tag}", f"    {tag}", "share", False) for tag in TAGS),
    Metric("memorisation", "8-grams that stand in training", "share", True),
)


@dataclass(frozen=True)
class Recipe:
    """Models made alike but for the seed, each seed once; `members` are places in Comparison.contenders."""

    members: tuple[int, ...]
    seeds: tuple[int, ...]
    estimates: Mapping[str, Estimate]
    differences: Mapping[str, Difference]  # from the first recipe; empty where nothing can be said

    @property
    def known(self) -> bool:
        return len(self.seeds) >= SEEDS


@dataclass(frozen=True)
class Comparison:
    """All contenders against the first. ids: of the test stories that all were scored on."""

    contenders: Sequence[Contender]
    ids: Sequence[str]
    estimates: Sequence[Mapping[str, Estimate]]
    differences: Sequence[Mapping[str, Difference]]  # [0] is empty
    recipes: Sequence[Recipe]
    notes: Sequence[str]

    @property
    def stories(self) -> str:
        """Fingerprint of the test stories."""
        return stories_fingerprint(self.ids)


def stories_fingerprint(ids: Sequence[str]) -> str:
    return fingerprint(*sorted(ids))


def recipe_of(made_from: Mapping[str, Any]) -> str | None:
    """A short name for all that a model was made from but the seed; None where nothing is known."""
    if not made_from:
        return None
    rest = {key: value for key, value in made_from.items() if key != "seed"}
    return fingerprint(json.dumps(rest, sort_keys=True))[:8]


def compare(contenders: Sequence[Contender], notes: Sequence[str] = ()) -> Comparison:
    """The first contender beside each other one, on the test stories and requests that they share.

    A metric that one of them was not measured on is missing for it. Every interval is 95 % for
    itself: of twenty verdicts between equals one is expected to be wrong.
    """
    ids = sorted(set.intersection(*(set(c.evidence.scores) for c in contenders)))
    asked = _common([c.evidence for c in contenders])
    middles = sorted(set.intersection(*(set(c.evidence.middles) for c in contenders)))
    samples = [_samples(c.evidence, ids, middles, asked) for c in contenders]
    first = samples[0]
    estimates = [{key: sample.estimate() for key, sample in own.items()} for own in samples]
    differences: list[dict[str, Difference]] = [{}]
    for own in samples[1:]:
        differences.append(
            {
                metric.key: first[metric.key].difference(own[metric.key], metric.less_is_better)
                for metric in METRICS
                if metric.key in own and metric.key in first
            }
        )
    return Comparison(contenders, ids, estimates, differences, _recipes(contenders, estimates), notes)


def side_by_side(comparison: Comparison, per_kind: int = 1) -> list[list[Told]]:
    """Stories for the same requests and seeds, a list of one for each contender.

    All that were asked for with a beginning, then `per_kind` of those asked for nothing and for each tag.
    """
    told = [{one.key: one for one in c.evidence.told} for c in comparison.contenders]
    shown: list[list[Told]] = []
    seen: dict[Tag | None, int] = {}
    for one in comparison.contenders[0].evidence.told:
        if not all(one.key in own for own in told):
            continue
        if one.tag is not None or one.free:
            seen[one.tag] = seen.get(one.tag, 0) + 1
            if seen[one.tag] > per_kind:
                continue
        shown.append([own[one.key] for own in told])
    return shown


# ---- what a metric is measured on


@dataclass(frozen=True)
class _Values:
    """One value a story, whose mean is the metric; the same stories in the same order for all."""

    values: Sequence[float]

    def estimate(self) -> Estimate:
        return mean_estimate(self.values)

    def difference(self, other: "_Sample", less_is_better: bool) -> Difference:
        assert isinstance(other, _Values)
        return paired_difference(self.values, other.values, less_is_better)


@dataclass(frozen=True)
class _Share:
    hits: int
    n: int

    def estimate(self) -> Estimate:
        return share_estimate(self.hits, self.n)

    def difference(self, other: "_Sample", less_is_better: bool) -> Difference:
        assert isinstance(other, _Share)
        return share_difference((self.hits, self.n), (other.hits, other.n), less_is_better)


_Sample = _Values | _Share


def _samples(
    evidence: Evidence, ids: Sequence[str], middles: Sequence[str], asked: Sequence[str]
) -> dict[str, _Sample]:
    """Per metric that was measured, what it is the mean of."""
    scores = [evidence.scores[i] for i in ids]
    nats = np.array([score.nats for score in scores])
    size = np.array([score.bytes for score in scores], dtype=np.float64)
    samples: dict[str, _Sample] = {}
    if ids:
        samples["nats_per_story"] = _Values(nats.tolist())
        samples["bits_per_byte"] = _Values((ratio_parts(nats, size) / math.log(2)).tolist())
    if middles:
        samples["middle"] = _Values([evidence.middles[i] for i in middles])
    own = {one.key: one for one in evidence.told}
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
            samples["memorisation"] = _Values(parts.tolist())
    return samples


def _add_share(
    samples: dict[str, _Sample],
    key: str,
    told: Sequence[Told],
    belongs: Callable[[Told], bool],
    hit: Callable[[Told], bool],
) -> None:
    hits = [hit(one) for one in told if belongs(one)]
    if hits:
        samples[key] = _Share(sum(hits), len(hits))


def _common(evidence: Sequence[Evidence]) -> list[str]:
    """Requests that all were asked, in the first one's order."""
    others = [{one.key for one in own.told} for own in evidence[1:]]
    return [one.key for one in evidence[0].told if all(one.key in keys for keys in others)]


# ---- recipes


def _recipes(contenders: Sequence[Contender], estimates: Sequence[Mapping[str, Estimate]]) -> list[Recipe]:
    groups: dict[str, dict[int, int]] = {}
    for place, contender in enumerate(contenders):
        if contender.recipe is not None and contender.seed is not None:
            groups.setdefault(contender.recipe, {}).setdefault(contender.seed, place)
    recipes: list[Recipe] = []
    first: dict[str, list[float]] = {}
    for seeds in groups.values():
        values = {
            metric.key: [estimates[place][metric.key].value for place in seeds.values()]
            for metric in METRICS
            if all(metric.key in estimates[place] for place in seeds.values())
        }
        first = first or values
        found = {
            metric.key: seeds_difference(first[metric.key], values[metric.key], metric.less_is_better)
            for metric in METRICS
            if recipes and metric.key in values and metric.key in first
        }
        recipes.append(
            Recipe(
                members=tuple(seeds.values()),
                seeds=tuple(seeds),
                estimates={key: seeds_estimate(own) for key, own in values.items()},
                differences={key: one for key, one in found.items() if one is not None},
            )
        )
    return recipes
