"""Models beside each other: the same stories, the same requests, and which differences are real."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tinystories.evaluation.differences import (
    SEEDS,
    Difference,
    Estimate,
    seeds_difference,
    seeds_estimate,
)
from tinystories.evaluation.evidence import Contender, Evidence, Told, stories_fingerprint, worth_showing
from tinystories.evaluation.samples import Metric, metrics_of, samples_of


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
    """All contenders against the first. ids: of the test stories that all were scored on; metrics: in order."""

    metrics: Sequence[Metric]
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


def compare(contenders: Sequence[Contender], notes: Sequence[str] = ()) -> Comparison:
    """The first contender beside each other one, on the test stories and requests that they share.

    A metric that one of them was not measured on is missing for it. Every interval is 95 % for
    itself: of twenty verdicts between equals one is expected to be wrong.
    """
    ids = sorted(set.intersection(*(set(c.evidence.scores) for c in contenders)))
    asked = _common([c.evidence for c in contenders])
    middles = sorted(set.intersection(*(set(c.evidence.middles) for c in contenders)))
    questions = sorted(set.intersection(*(set(c.evidence.answers) for c in contenders)))
    samples = [samples_of(c.evidence, ids, middles, asked, questions) for c in contenders]
    metrics = metrics_of(samples)
    first = samples[0]
    estimates = [{key: sample.estimate() for key, sample in own.items()} for own in samples]
    differences: list[dict[str, Difference]] = [{}]
    for own in samples[1:]:
        differences.append(
            {
                metric.key: first[metric.key].difference(own[metric.key], metric.less_is_better)
                for metric in metrics
                if metric.key in own and metric.key in first
            }
        )
    return Comparison(metrics, contenders, ids, estimates, differences, _recipes(contenders, metrics, estimates), notes)


def side_by_side(comparison: Comparison) -> list[list[Told]]:
    """Stories for the same requests and seeds, a list of one for each contender: those of the first worth showing."""
    first = comparison.contenders[0].evidence.told
    told = [{one.key: one for one in (*c.evidence.told, *c.evidence.beside)} for c in comparison.contenders]
    return [[own[one.key] for own in told] for one in worth_showing(first) if all(one.key in own for own in told)]


def _common(evidence: Sequence[Evidence]) -> list[str]:
    """Wishes that all were asked, in the first one's order: a rate needs no equal seeds."""
    others = [{one.wish for one in own.told} for own in evidence[1:]]
    return [one.wish for one in evidence[0].told if all(one.wish in wishes for wishes in others)]


def _recipes(
    contenders: Sequence[Contender], metrics: Sequence[Metric], estimates: Sequence[Mapping[str, Estimate]]
) -> list[Recipe]:
    groups: dict[str, dict[int, int]] = {}
    for place, contender in enumerate(contenders):
        if contender.recipe is not None and contender.seed is not None:
            groups.setdefault(contender.recipe, {}).setdefault(contender.seed, place)
    recipes: list[Recipe] = []
    first: dict[str, list[float]] = {}
    for seeds in groups.values():
        values = {
            metric.key: [estimates[place][metric.key].value for place in seeds.values()]
            for metric in metrics
            if all(metric.key in estimates[place] for place in seeds.values())
        }
        first = first or values
        found = {
            metric.key: seeds_difference(first[metric.key], values[metric.key], metric.less_is_better)
            for metric in metrics
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
