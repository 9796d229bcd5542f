"""Whether the model does what it is asked: tags, and middles towards a given end."""

from typing import Final

from tinystories.reporting import plots
from tinystories.reporting.checks import helps
from tinystories.reporting.document import Cell, Plot, Section, Table
from tinystories.reporting.figures import DASH, Figure, Inputs, decimals, percent, percent_whole, whole

RATES: Final = (("requested", "accent"), ("unconditional", "second"), ("shuffled", "plain"))  # key, colour
CORRECTION: Final = (
    "A judge that errs moves all rates towards each other. What it finds is corrected for the errors that it makes on "
    "hand-labelled real stories (Rogan and Gladen), and the interval knows how few those are: a wide one says that the "
    "judge is too weak on this tag. That it errs on generated stories as it does on real ones is taken for granted."
)
STANDING: Final = {"good": "yes", "unclear": "can’t tell", "bad": "no", None: DASH}
COUNTS: Final = ("tp", "fp", "fn")
MIDDLE: Final = (
    ("nats_with_last", "the true middle, seeing first and last"),
    ("nats_without_last", "the true middle, seeing the first only"),
    ("gain", "gained by seeing the last"),
    ("last_after_true", "the last sentence, after the true middle"),
    ("last_after_generated", "the last sentence, after the model’s middle"),
    ("last_after_other", "the last sentence, after another story’s middle"),
    ("last_advantage", "gained by the model’s middle over another’s"),
)


def tags(inputs: Inputs) -> Section | None:
    names = sorted(inputs.evaluate.group("adherence"))
    if not names:
        return None
    rows: list[list[Cell]] = []
    drawn = []
    for name in names:
        tag = inputs.evaluate.under("adherence", name)
        verdict = Figure(STANDING[helps(tag)], tag.source("requested", "unconditional"))
        rows.append([name, *(tag.figure(key, percent_whole) for key, _ in RATES), verdict])
        known = [(tag.number(key), tag.number(f"{key}_low"), tag.number(f"{key}_high"), kind) for key, kind in RATES]
        drawn.append(
            plots.Row(name, [plots.Dot(rate, low, high, kind) for rate, low, high, kind in known if rate is not None])
        )
    source = inputs.evaluate.source("adherence")
    svg = plots.dots("Rate of each tag, asked for and not", drawn, "share of generated stories", (0, 1), percent=True)
    legend = (("accent", "asked for"), ("second", "asked for nothing"), ("plain", "asked for other tags"))
    plot = Plot(svg, "How often the judge finds each tag, with 95 % intervals.", source, legend)
    table = Table(("tag", "asked for", "nothing", "others", "asking helps"), rows, source, "As the judge finds them")
    tables = [table, _corrected(inputs, names), _judge(inputs)]
    counts = sorted({inputs.evaluate.under("adherence", name).figure("stories", whole).text for name in names})
    text = (
        f"{' or '.join(counts)} stories were generated for each tag. A judge, which learned from other hand labels "
        "than the tagger of the training stories, looked for the tag in them and in stories that were asked for "
        "nothing, and in those that were asked for other tags: what counts is the difference."
    )
    return Section("tags", "Whether it does what it is asked", [text, CORRECTION], [plot], tables)


def infilling(inputs: Inputs) -> Section | None:
    own = inputs.evaluate.under("infilling")
    if not own.values:
        return None
    rows: list[list[Cell]] = [
        [name, own.figure(key, decimals(1))] for key, name in MIDDLE if own.number(key) is not None
    ]
    rows.append(["the model’s middles that end by themselves", own.figure("completion", percent)])
    texts = [
        f"On {own.figure('stories', whole).text} unseen stories, how much less the true middle costs when the model "
        "also sees the last sentence. Without it, the middle is scored as the plain story goes on, a form that the "
        "model knows as well."
    ]
    if own.number("last_advantage") is not None:
        texts.append(
            "The other way round, a middle that leads to its end makes the last sentence likelier than another "
            "story’s middle does."
        )
    table = Table(("infilling", "nats"), rows, inputs.evaluate.source("infilling"))
    return Section("infilling", "Whether it writes towards the end it is given", texts, tables=[table])


def _corrected(inputs: Inputs, names: list[str]) -> Table:
    rows: list[list[Cell]] = []
    for name in names:
        tag = inputs.evaluate.under("adherence", name)
        rows.append([name, *(tag.figure(f"{key}_corrected", percent_whole) for key, _ in RATES)])
    columns = ("tag", "asked for", "nothing", "others")
    return Table(columns, rows, inputs.evaluate.source("adherence"), "Corrected for the judge’s errors")


def _judge(inputs: Inputs) -> Table:
    rows: list[list[Cell]] = []
    for name in sorted(inputs.evaluate.group("judge")):
        judge = inputs.evaluate.under("judge", name)
        ratios = [judge.figure(key, decimals(2)) for key in ("precision", "recall", "f1")]
        rows.append([name, *ratios, *(judge.figure(key, whole) for key in COUNTS)])
    columns = ("tag", "precision", "recall", "F1", "right", "wrong", "missed")
    source = inputs.evaluate.source("judge")
    return Table(columns, rows, source, "How far the judge can be trusted, on hand labels")
