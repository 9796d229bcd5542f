"""How well the tagger, which labels training stories, and the judge, which measures, agree with readers."""

from typing import Final

from tinystories.reporting.document import Cell, Section, Table
from tinystories.reporting.figures import Inputs, decimals, whole

RATIOS: Final = (
    ("precision", "precision"),
    ("recall", "recall"),
    ("f1", "F1"),
    ("average_precision", "average precision"),
    ("always_yes", "always yes"),
    ("readers_f1", "readers"),
)
CAPTIONS: Final = {"tagger": "The tagger: labels stories that bring no tags", "judge": "The judge: measures stories"}


def taggers(inputs: Inputs) -> Section | None:
    tables = []
    for name, model in inputs.taggers.items():
        rows: list[list[Cell]] = []
        for tag in sorted(model.group("gold")):
            own = model.under("gold", tag)
            ratios = (own.figure(key, decimals(2)) for key, _ in RATIOS)
            asked = inputs.recall.under(name, tag).figure("recall", decimals(2))
            rows.append([tag, *ratios, asked, own.figure("positives", whole), own.figure("n", whole)])
        columns = ("tag", *(title for _, title in RATIOS), "of asked for", "with it", "of")
        if rows:
            source = f"{model.source('gold')}; {inputs.recall.source(name)}"
            tables.append(Table(columns, rows, source, CAPTIONS.get(name, name), wide=True))
    if not tables:
        return None
    text = (
        "Both on the same hand-labelled real stories, which trained neither. “Always yes” is the F1 of calling every "
        "story so; “readers” that of one reader against the other: how consistent the labels are, no ceiling; “of "
        "asked for” the share found of what the project’s own stories were asked to have, which are longer than these. "
        "How they were made and what was aimed at is in docs/tags.md."
    )
    return Section("taggers", "How well tags are found in real stories", [text], tables=tables)
