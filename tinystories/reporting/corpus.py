"""What the stories are like: lengths, tags together, words, and the most typical and most unusual ones."""

from collections.abc import Sequence
from typing import Any, Final

from tinystories.reporting import plots
from tinystories.reporting.document import Cell, Plot, Sample, SampleGroup, Section, Table
from tinystories.reporting.figures import DASH, Figure, Inputs, Metrics, Row, decimals, percent, percent_whole, whole

COMBINATIONS: Final = 10  # shown, the most frequent
WORDS: Final = 10  # rows of the most frequent words, two words in each
DRAWN: Final = 0.995  # of the stories, the shortest ones; a few very long ones would leave no room for the others
COLUMNS: Final = 40  # of the histogram, at most
LENGTHS: Final = (("p5", "5 % have at most"), ("p50", "half have at most"), ("mean", "mean"),
                  ("p95", "95 % have at most"), ("most", "the longest"))  # fmt: skip


def corpus(inputs: Inputs) -> Section | None:
    own = inputs.profile
    if not own.number("stories"):
        return None
    counted = own.figure("vocabulary.stories", whole).text
    texts = [
        "All stories that were kept, of all partitions. A word here is a run of letters; which words are common was "
        f"counted on {counted} stories" + _sampled(own) + ".",
        "Typical is a story of common words, unusual one of rare ones: a word weighs ln(stories / stories that have "
        "it), its inverse document frequency, and a story what its words weigh on average (stories of 50 words or "
        "more).",
    ]
    lengths = _lengths(own)
    tables = [_together(own), _combinations(own), _vocabulary(own), _frequent(own)]
    groups = [
        SampleGroup(title, found[:1], found[1:])
        for title, key in (("Most typical", "typical"), ("Most unusual", "unusual"))
        if (found := [_story(row, f"{own.name}: {key}[{at}]") for at, row in enumerate(own.records(key))])
    ]
    plotted = [lengths] if lengths else []
    return Section("corpus", "What the stories are like", texts, plotted, tables, groups)


def _sampled(own: Metrics) -> str:
    every = own.number("vocabulary.one_of")
    return f", one of {whole(every)}, chosen by their ids" if every is not None and every > 1 else ""


def _lengths(own: Metrics) -> Plot | None:
    measure = own.under("measures", "words")
    counts, step = measure.values.get("counts"), measure.number("step")
    if not isinstance(counts, Sequence) or not counts or not step:
        return None
    drawn, reached, total = 0, 0, sum(counts)
    while reached < DRAWN * total:
        reached += counts[drawn]
        drawn += 1
    wide = -(-drawn // COLUMNS)
    joined = [sum(counts[at : at + wide]) for at in range(0, drawn, wide)]
    edges = [at * wide * step for at in range(len(joined) + 1)]
    median = own.number("words.p50")
    marks = [plots.Mark(median, f"half: {whole(median)}", "ink")] if median is not None else []
    svg = plots.columns("Distribution of words per story", edges, joined, marks, "words per story", "stories")
    left = total - sum(joined)
    caption = "How long the stories are." + (f" {whole(left)} longer ones are not drawn." if left else "")
    rows = [(name, own.figure(f"words.{key}", decimals(1) if key == "mean" else whole)) for key, name in LENGTHS]
    table = Table(("of the stories", "words"), rows, own.source("words"))
    return Plot(svg, caption, measure.source("counts"), table=table)


def _together(own: Metrics) -> Table:
    """Of the stories with one tag, the share that has each other one."""
    tags = sorted(own.group("together"))
    rows: list[list[Cell]] = []
    for one in tags:
        counts = own.under("measures", one).values.get("counts")
        having = counts[1] if isinstance(counts, Sequence) and len(counts) == 2 else 0
        row: list[Cell] = [one, Figure(whole(having), own.source(f"measures.{one}.counts"))]
        for other in tags:
            both = own.under("together", one).number(other)
            share = DASH if both is None or not having else percent_whole(both / having)
            row.append(Figure(share, own.source(f"together.{one}.{other}", f"measures.{one}.counts")))
        rows.append(row)
    caption = "Of the stories with one tag, how many have another"
    return Table(("tag", "stories", *tags), rows, own.source("together", "measures"), caption, wide=True)


def _combinations(own: Metrics) -> Table:
    total = own.number("stories") or 1
    rows: list[list[Cell]] = []
    for at, entry in enumerate(own.records("combinations")[:COMBINATIONS]):
        tags, source = entry.get("tags"), own.source(f"combinations[{at}].stories")
        count = entry.get("stories")
        if isinstance(tags, list) and isinstance(count, int):
            shown = Figure(percent(count / total), f"{source}, stories")
            rows.append([", ".join(map(str, tags)) or "no tag", Figure(whole(count), source), shown])
    every = len(own.records("combinations"))
    caption = f"The most frequent of {every} combinations of tags"
    return Table(("exactly these tags", "stories", "share"), rows, own.source("combinations"), caption)


def _vocabulary(own: Metrics) -> Table:
    words = own.under("vocabulary")
    rows: list[list[Cell]] = [
        ["words, each as often as it occurs", words.figure("words", whole)],
        ["different words", words.figure("distinct", whole)],
        ["of them met only once", words.figure("once", whole)],
    ]
    covering = own.under("vocabulary", "covering")
    for most in sorted(covering.values, key=lambda key: (len(key), key)):
        name = f"{whole(int(most))}" if most.isdecimal() else most
        rows.append([f"of all words the {name} commonest are", covering.figure(most, percent)])
    rows.append(["words of test stories that no training story has", words.figure("unknown_in_test", percent)])
    return Table(("vocabulary", ""), rows, own.source("vocabulary"), "Words")


def _frequent(own: Metrics) -> Table:
    found = own.under("vocabulary").records("most_frequent")
    source = own.source("vocabulary.most_frequent")
    cells: list[list[Cell]] = [
        [str(entry.get("word", DASH)), Figure(whole(_count(entry)), f"{source}[{at}].count")]
        for at, entry in enumerate(found[: 2 * WORDS])
    ]
    half = -(-len(cells) // 2)
    rest: list[list[Cell]] = [*cells[half:], ["", ""]]
    rows = [left + right for left, right in zip(cells[:half], rest, strict=False)]
    return Table(("word", "times", "word", "times"), rows, source, "The commonest words")


def _count(entry: Row) -> float:
    value: Any = entry.get("count")
    return value if isinstance(value, int | float) else 0


def _story(row: Row, source: str) -> Sample:
    footer = f"story {row.get('story_id', DASH)}"
    if row.get("source"):
        footer += f" of {row['source']}"
    weight, rarest = row.get("mean_weight"), row.get("rarest")
    if isinstance(weight, int | float):
        footer += f"; mean weight {decimals(2)(weight)}"
    if isinstance(rarest, list) and rarest:
        footer += "; its rarest words and the stories that have them: "
        footer += ", ".join(f"{word} {count}" for word, count in rarest)
    return Sample(None, "", str(row.get("text", "")), footer, source)
