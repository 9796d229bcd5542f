"""Generated stories beside what is known for certain: the simulated world's own reader and checker."""

from typing import Final

from tinystories.reporting.document import Cell, Section, Table
from tinystories.reporting.figures import Inputs, percent, percent_whole, whole

SHARES: Final = (
    ("consistent", "stories that hold together from beginning to end"),
    ("in_the_language", "stories whose every sentence the world’s language has"),
    ("sentences", "sentences that it has"),
)


def world(inputs: Inputs) -> Section | None:
    own = inputs.evaluate.under("world")
    if not own.values:
        return None
    shares: list[list[Cell]] = [[name, own.figure(key, percent)] for key, name in SHARES]
    rates: list[list[Cell]] = []
    for tag in sorted(own.group("adherence")):
        true = own.under("adherence", tag)
        rates.append([tag, *(true.figure(key, percent_whole) for key in ("requested", "unconditional"))])
    text = (
        f"Stories of the simulated world were among those it learned from. A program that knows that world replayed "
        f"{own.figure('stories', whole).text} generated stories and says where one contradicts itself, and which tags "
        "it has by what happens in it: no judge that errs. Stories in the manner of the other source are not in the "
        "world’s language, and count as broken here."
    )
    source = inputs.evaluate.source("world")
    return Section(
        "world",
        "Against known truth",
        [text],
        [],
        [
            Table(("generated", "share"), shares, source, "Replayed in the world"),
            Table(("tag", "asked for", "nothing"), rates, source, "Tags by what happens in the story"),
        ],
    )
