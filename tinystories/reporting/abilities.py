"""What the model can do, task by task: the right one of a few must be the likelier one."""

from typing import Final

from tinystories.reporting import plots
from tinystories.reporting.document import Cell, Plot, Section, Table
from tinystories.reporting.figures import Inputs, Metrics, percent_whole, whole

TASKS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "choosing": (
        ("middle_of_five", "the right middle of five"),
        ("ending_of_four", "the right ending of four"),
        ("names_swapped", "the ending without names swapped"),
    ),
    "abilities": (
        ("agreement", "agreement: they was"),
        ("pronoun", "the named one’s pronoun: Tom … she"),
        ("speech_verbs", "speech verbs: “Yes,” told Tom"),
        ("negation", "negation: was not want"),
        ("who_has_it", "who has the object: gave and got"),
        ("number", "one and many: two apple"),
    ),
}
COUNTED: Final = {"choosing": "stories", "abilities": "pairs"}
SHORT: Final = {
    "middle_of_five": "middle of five", "ending_of_four": "ending of four", "names_swapped": "names",
    "agreement": "agreement", "pronoun": "pronoun", "speech_verbs": "speech verbs", "negation": "negation",
    "who_has_it": "who has it", "number": "one and many",
}  # fmt: skip


def abilities(inputs: Inputs) -> Section | None:
    if not any(inputs.evaluate.group(group) for group in TASKS):
        return None
    rows: list[list[Cell]] = []
    drawn = []
    for group, tasks in TASKS.items():
        for key, name in tasks:
            own = inputs.evaluate.under(group, key)
            if own.values:
                shares = [own.figure(share, percent_whole) for share in ("share", "ngram", "chance")]
                rows.append([name, own.figure(COUNTED[group], whole), *shares])
                drawn.append(plots.Row(SHORT[key], _dots(own)))
    source = inputs.evaluate.source(*TASKS)
    svg = plots.dots("Share right in each task", drawn, "share right", (0, 1), percent=True)
    legend = (("accent", "this model"), ("second", "5-gram"))
    plot = Plot(svg, "How often the right one is the likelier one, with 95 % intervals.", source, legend)
    texts = [
        "Nothing is generated here. From stories of the test partition a program makes tasks, and the model is right "
        "where it finds the true continuation likelier than the false ones: another story’s middle or ending, an "
        "ending in which two characters have changed names, a sentence with one fault in it. Middles and endings are "
        "compared by how much likelier they are here than in the other stories.",
        "The names of the last six tasks quote the kind of fault. The 5-gram sees four tokens back; what it can do "
        "needs no story. Where a dash stands, it doesn’t know the form.",
    ]
    table = Table(("task", "asked", "right", "5-gram", "by chance"), rows, source)
    return Section("abilities", "What it can do", texts, [plot], [table])


def _dots(own: Metrics) -> list[plots.Dot]:
    found = []
    for key, kind in (("share", "accent"), ("ngram", "second")):
        value, low, high = (own.number(f"{key}{end}") for end in ("", "_low", "_high"))
        if value is not None:
            found.append(plots.Dot(value, low, high, kind))
    return found
