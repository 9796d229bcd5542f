"""What a comparison says, apart from how it looks; and as JSON. Terminal, Markdown and HTML show the same content."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from tinystories.evaluation.compare import Comparison, Recipe, side_by_side
from tinystories.evaluation.differences import SEEDS, Difference, Estimate, Verdict
from tinystories.evaluation.evidence import Told
from tinystories.evaluation.samples import Metric
from tinystories.params import flat
from tinystories.reporting.figures import DASH, decimals, percent

QUESTION_MODELS: Final = "Are these models different?"
QUESTION_RECIPES: Final = "Are these recipes different?"


@dataclass(frozen=True)
class Cell:
    """A value with its interval; for all but the first model the difference from that, its interval and verdict."""

    value: str
    interval: str = ""
    change: str = ""
    change_interval: str = ""
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Line:
    name: str
    part: bool  # of the line above
    cells: Sequence[Cell]


@dataclass(frozen=True)
class Side:
    """A model: its letter in the tables, the name it was given by, what that is."""

    letter: str
    name: str
    origin: str
    fingerprint: str
    recipe: str


@dataclass(frozen=True)
class Tale:
    letter: str
    text: str
    footer: str


@dataclass(frozen=True)
class Content:
    lead: str
    sides: Sequence[Side]
    made: Sequence[tuple[str, Sequence[str]]]  # what they were made from, where that differs
    lines: Sequence[Line]
    recipes: Sequence[str]  # sentences
    recipe_names: Sequence[str]
    recipe_lines: Sequence[Line]
    notes: Sequence[str]
    pairs: Sequence[tuple[str, Sequence[Tale]]]  # what was asked; a story each


def content(comparison: Comparison) -> Content:
    """All that there is to say, in words and figures."""
    letters = [_letter(place) for place in range(len(comparison.contenders))]
    known = [recipe for recipe in comparison.recipes if recipe.known]
    names = [f"recipe {1 + comparison.recipes.index(recipe)}" for recipe in known]
    return Content(
        lead=_lead(comparison, letters),
        sides=[
            Side(letter, one.name, one.origin, one.fingerprint or DASH, _recipe_of(place, comparison))
            for place, (letter, one) in enumerate(zip(letters, comparison.contenders, strict=True))
        ],
        made=_made(comparison),
        lines=_lines(comparison.metrics, comparison.estimates, comparison.differences),
        recipes=_sentences(comparison, letters),
        recipe_names=names,
        recipe_lines=_lines(comparison.metrics, [r.estimates for r in known], [r.differences for r in known])
        if known
        else [],
        notes=list(comparison.notes),
        pairs=[
            (_asked(told[0]), [_tale(letter, one) for letter, one in zip(letters, told, strict=True)])
            for told in side_by_side(comparison)
        ],
    )


def to_json(comparison: Comparison) -> dict[str, Any]:
    """Figures as they are; null where there is none."""
    return {
        "stories": {"count": len(comparison.ids), "fingerprint": comparison.stories},
        "models": [
            {
                "name": one.name, "origin": one.origin, "fingerprint": one.fingerprint, "seed": one.seed,
                "recipe": one.recipe, "metrics": _figures(comparison.metrics, estimates, differences),
            }
            for one, estimates, differences in zip(
                comparison.contenders, comparison.estimates, comparison.differences, strict=True
            )
        ],
        "recipes": [
            {
                "models": [comparison.contenders[place].name for place in recipe.members], "seeds": list(recipe.seeds),
                "known": recipe.known,
                "metrics": _figures(comparison.metrics, recipe.estimates, recipe.differences) if recipe.known else {},
            }
            for recipe in comparison.recipes
        ],
        "side_by_side": [
            {"request": dict(told[0].request), "stories": [one.text for one in told]}
            for told in side_by_side(comparison)
        ],
        "notes": list(comparison.notes),
    }  # fmt: skip


def _figures(
    metrics: Sequence[Metric], estimates: Mapping[str, Estimate], differences: Mapping[str, Difference]
) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for metric in metrics:
        if metric.key in estimates:
            own = {**asdict(estimates[metric.key]), "less_is_better": metric.less_is_better}
            if metric.key in differences:
                own["difference"] = asdict(differences[metric.key])
            figures[metric.key] = own
    return _without_nan(figures)


def _without_nan(value: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _without_nan(inner)
        if isinstance(inner, dict)
        else None
        if isinstance(inner, float) and not math.isfinite(inner)
        else inner
        for key, inner in value.items()
    }


def _letter(place: int) -> str:
    return chr(ord("A") + place) if place < 26 else f"M{place + 1}"


def _lead(comparison: Comparison, letters: Sequence[str]) -> str:
    """The answer to the first question in a sentence."""
    stories = f"on the same {len(comparison.ids):,} test stories (fingerprint {comparison.stories})"
    parts = []
    for letter, differences in zip(letters[1:], comparison.differences[1:], strict=True):
        found = differences.get("nats_per_story")
        if found is None:
            continue
        verdict = {"better": "is better than", "worse": "is worse than", "can't tell": "can’t be told from"}
        parts.append(f"{letter} {verdict[found.verdict]} A ({_signed('nats', found.value)} nats per story)")
    return f"{'; '.join(parts)} {stories}." if parts else f"Nothing could be compared {stories}."


def _lines(
    metrics: Sequence[Metric],
    estimates: Sequence[Mapping[str, Estimate]],
    differences: Sequence[Mapping[str, Difference]],
) -> list[Line]:
    """A line for each metric that any of them was measured on."""
    return [
        Line(
            metric.name,
            metric.part,
            [
                _cell(metric, own.get(metric.key), diff.get(metric.key))
                for own, diff in zip(estimates, differences, strict=True)
            ],
        )
        for metric in metrics
        if any(metric.key in own for own in estimates)
    ]


def _cell(metric: Metric, estimate: Estimate | None, found: Difference | None) -> Cell:
    if estimate is None:
        return Cell(DASH)
    write = _writer(metric.unit)
    low, high = estimate.low, estimate.high
    if metric.unit == "share":  # Student's interval over seeds may leave what a share can be
        low, high = max(low, 0.0), min(high, 1.0)
    interval = "" if math.isnan(estimate.low) else f"{write(low)} to {write(high)}"
    if found is None:
        return Cell(write(estimate.value), interval)
    change = _signed(metric.unit, found.value) + (" points" if metric.unit == "share" else "")
    ends = "" if math.isnan(found.low) else " to ".join(_signed(metric.unit, end) for end in (found.low, found.high))
    return Cell(write(estimate.value), interval, change, ends, found.verdict)


def _writer(unit: str) -> Callable[[float], str]:
    return {"nats": decimals(2), "bits": decimals(4), "share": percent}[unit]


def _signed(unit: str, value: float) -> str:
    """A difference with its sign; of shares in percentage points."""
    number = f"{100 * value:+.1f}" if unit == "share" else f"{value:+.{2 if unit == 'nats' else 4}f}"
    return number.replace("-", "\N{MINUS SIGN}")


def _made(comparison: Comparison) -> list[tuple[str, list[str]]]:
    """Parameters and data that are not the same for all."""
    values = [dict(flat(one.made_from)) for one in comparison.contenders]
    keys = dict.fromkeys(key for own in values for key in own)
    table = {key: [json.dumps(own[key]) if key in own else DASH for own in values] for key in keys}
    return [(key, row) for key, row in table.items() if len(set(row)) > 1]


def _recipe_of(place: int, comparison: Comparison) -> str:
    """Its number and the model's seed; a dash where nobody knows."""
    seed, own = comparison.contenders[place].seed, comparison.contenders[place].recipe
    for number, recipe in enumerate(comparison.recipes, start=1):
        if own is not None and comparison.contenders[recipe.members[0]].recipe == own:
            return f"recipe {number}, seed {seed}"
    return DASH


def _sentences(comparison: Comparison, letters: Sequence[str]) -> list[str]:
    """What can be said about recipes, and what can't."""
    if not comparison.recipes:
        return ["Nothing is known of how these models were made, so nothing can be said about recipes."]
    sentences = [
        _sentence(number, recipe, [letters[place] for place in recipe.members])
        for number, recipe in enumerate(comparison.recipes, start=1)
    ]
    if len(comparison.recipes) == 1:
        sentences.append("All of them follow one recipe: what differs between them is the seed.")
    return sentences


def _sentence(number: int, recipe: Recipe, letters: Sequence[str]) -> str:
    who = f"Recipe {number} ({', '.join(letters)})"
    if recipe.known:
        return f"{who} has {len(recipe.seeds)} seeds; its intervals are over seeds."
    seeds = f"{len(recipe.seeds)} seed{'' if len(recipe.seeds) == 1 else 's'}"
    return f"{who} has {seeds}: nothing can be said about the recipe; train it with {SEEDS} seeds or more."


def _asked(told: Told) -> str:
    if "prompt" in told.request:
        what = f"begins with “{told.request['prompt']}”"
    else:
        what = told.tag or "nothing"
    return f"Asked for: {what} (seed {told.request.get('seed', 0)}, index {told.request.get('index', 0)})"


def _tale(letter: str, told: Told) -> Tale:
    said = [f"{len(told.text.split())} words", "ended by itself" if told.ended else "did not end by itself"]
    if told.tag is not None:
        said.append(f"the judge finds {'' if told.tag in told.found else 'no '}{told.tag}")
    return Tale(letter, told.text, ", ".join(said))
