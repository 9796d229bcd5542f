"""How the model learned, and how well it expects stories that it never saw, beside the baselines."""

import math
import statistics
from typing import Final

from tinystories.reporting import plots
from tinystories.reporting.document import Cell, Plot, Section, Table
from tinystories.reporting.figures import DASH, Figure, Inputs, Metrics, decimals, whole

SYSTEMS: Final = (("likelihood", "this model"), ("baselines.kneser_ney_5", "5-gram"), ("baselines.unigram", "unigram"))
COSTS: Final = (  # key, name, decimals
    ("nats_per_story", "nats/story", 1),
    ("nats_per_token", "nats/token", 3),
    ("bits_per_byte", "bits/byte", 3),
)
POINTS: Final = 160  # of a curve at most
MEASURED: Final = 10  # rows of the validation table at most

Points = list[tuple[float, float]]


def system(inputs: Inputs, key: str) -> Metrics:
    return inputs.evaluate.under(*key.split("."))


def training(inputs: Inputs) -> Section:
    train = inputs.train
    numbers = (
        ("parameters", "parameters", whole),
        ("steps", "steps", whole),
        ("tokens", "tokens read", whole),
        ("epochs", "passes over the stories", decimals(1)),
        ("train_loss", "last training loss, nats/token", decimals(3)),
        ("validation_loss", "last validation loss, nats/token", decimals(3)),
        ("validation_nats_per_story", "validation, nats/story", decimals(1)),
    )
    words = (
        ("optimizer", "optimiser"),
        ("precision", "precision"),
        ("device", "device"),
        ("reproducible", "the same again, byte for byte"),
    )
    rows: list[list[Cell]] = [[name, train.figure(key, write)] for key, name, write in numbers]
    rows += [[name, Figure(_word(train.text(key)), train.source(key))] for key, name in words]
    table = Table(("training", ""), rows, train.source(*(key for key, *_ in (*numbers, *words))))
    plot = _curves(inputs)
    return Section("training", "How it learned", plots=[] if plot is None else [plot], tables=[table])


def likelihood(inputs: Inputs) -> Section:
    systems = [(system(inputs, key), name) for key, name in SYSTEMS]
    rows: list[list[Cell]] = [
        [name, *(own.figure(key, decimals(digits)) for own, _ in systems)] for key, name, digits in COSTS
    ]
    rows.append(["perplexity", *(_perplexity(own) for own, _ in systems)])
    source = inputs.evaluate.source("likelihood", "baselines")
    table = Table(("", *(name for _, name in systems)), rows, source)
    bars = []
    for own, name in systems:
        if (mean := own.number("nats_per_story")) is not None:
            ends = own.number("nats_per_story_low"), own.number("nats_per_story_high")
            bars.append(plots.Row(name, [plots.Dot(mean, *ends, "accent" if own is systems[0][0] else "plain")]))
    found = []
    if bars:
        svg = plots.bars("Nats per story of the model and the baselines", bars, "nats per story")
        found.append(
            Plot(svg, "What an unseen story costs: shorter is better. The line on the bar is the interval.", source)
        )
    if inputs.scores:
        found.append(_distribution(inputs))
    text = (
        f"Over {inputs.evaluate.figure('likelihood.stories', whole).text} stories of the test partition, each token "
        "once, with the end of the story. Both baselines count on the same tokens: the unigram knows how often each "
        "occurs, the 5-gram (interpolated Kneser-Ney) which follow which four."
    )
    return Section("likelihood", "How well it expects unseen stories", [text], found, [table])


def thinned(points: Points, most: int) -> Points:
    """At most `most` points: means of neighbours, the last one placed at the end."""
    if len(points) <= most:
        return points
    groups = [points[len(points) * i // most : len(points) * (i + 1) // most] for i in range(most)]
    means = [(statistics.fmean(x for x, _ in group), statistics.fmean(y for _, y in group)) for group in groups]
    return [*means[:-1], (points[-1][0], means[-1][1])]


def _curves(inputs: Inputs) -> Plot | None:
    trained, validated = _curve(inputs, "train_loss"), _curve(inputs, "validation_loss")
    if not trained and not validated:
        return None
    series = [
        plots.Line("training", thinned(trained, POINTS), "accent"),
        plots.Line("validation", thinned(validated, POINTS), "second", dots=len(validated) <= 40),
    ]
    chosen = validated
    if len(validated) > MEASURED:
        chosen = [validated[round(i * (len(validated) - 1) / (MEASURED - 1))] for i in range(MEASURED)]
    source = f"{inputs.curve_name}: step, train_loss, validation_loss"
    table = Table(("step", "validation loss"), [(whole(step), decimals(3)(loss)) for step, loss in chosen], source)
    caption = "Loss over the steps, on a logarithmic scale."
    if len(trained) > POINTS:
        caption += f" Training is drawn as means of up to {math.ceil(len(trained) / POINTS)} measurements."
    svg = plots.lines("Training and validation loss over the steps", series, "step", "nats per token")
    return Plot(svg, caption, source, table=table)


def _curve(inputs: Inputs, key: str) -> Points:
    """Where `key` was measured; a loss of 0 has no place on a logarithmic scale."""
    pairs = ((row.get("step"), row.get(key)) for row in inputs.curve)
    return [(step, loss) for step, loss in pairs if step is not None and loss is not None and loss > 0]


def _perplexity(own: Metrics) -> Figure:
    nats = own.number("nats_per_token")
    return Figure(DASH if nats is None else decimals(1)(math.exp(nats)), f"exp of {own.source('nats_per_token')}")


def _distribution(inputs: Inputs) -> Plot:
    nats = [float(row["nats"]) for row in inputs.scores]
    mean = statistics.fmean(nats)
    mark = plots.Mark(mean, f"mean {mean:,.0f}", "ink")
    svg = plots.histogram("Distribution of nats per story", nats, [mark], "nats per story", "stories")
    source = f"{inputs.scores_name}: nats"
    cuts = statistics.quantiles(nats, n=20, method="inclusive") if len(nats) > 1 else nats * 19
    median = statistics.median(nats)
    named = zip(
        ("least", "5 %", "median", "mean", "95 %", "most"),
        (min(nats), cuts[0], median, mean, cuts[-1], max(nats)),
        strict=True,
    )
    table = Table(("of the stories", "nats"), [(name, decimals(1)(value)) for name, value in named], source)
    return Plot(svg, "How the stories spread: long ones cost more.", source, table=table)


def _word(text: str | None) -> str:
    return DASH if text is None else {"True": "yes", "False": "no"}.get(text, text)
