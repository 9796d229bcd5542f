"""Where the model is at a loss: its nats per token by place in the story, length, tag and source of the story."""

from collections.abc import Callable
from typing import Final

from tinystories.reporting import plots
from tinystories.reporting.document import Cell, Plot, Section, Table
from tinystories.reporting.figures import Inputs, Metrics, decimals, whole

COLUMNS: Final[tuple[tuple[str, str, Callable[[float], str]], ...]] = (
    ("stories", "stories", whole),
    ("nats_per_story", "nats/story", decimals(1)),
    ("nats_per_token", "nats/token", decimals(3)),
    ("bits_per_byte", "bits/byte", decimals(3)),
)
PLACE: Final[tuple[tuple[str, str, Callable[[float], str]], ...]] = (
    ("tokens", "tokens", whole),
    ("nats_per_token", "nats/token", decimals(3)),
)


def breakdown(inputs: Inputs) -> Section | None:
    places, lengths, tags, sources = (
        inputs.evaluate.group(key) for key in ("by_position", "by_length", "by_tag", "by_source")
    )
    if not places and not lengths and not tags:
        return None
    tables = [
        _table(inputs, "by_length", sorted(lengths, key=_start), "words in the story", COLUMNS, "By length"),
        _table(inputs, "by_tag", sorted(tags, key=lambda tag: (tag == "none", tag)), "tag", COLUMNS, "By tag"),
    ]
    if sources:
        tables.append(_table(inputs, "by_source", list(sources), "source", COLUMNS, "By source"))
    text = (
        "The same test stories, taken apart. Stories of different length are compared by nats per token, since "
        "every token costs something; a model that follows its story pays less the more of it it has read."
    )
    plot = _places(inputs, sorted(places, key=_start))
    return Section("breakdown", "Where it is at a loss", [text], [plot] if plot else [], tables)


def _table(
    inputs: Inputs, group: str, names: list[str], first: str,
    columns: tuple[tuple[str, str, Callable[[float], str]], ...], caption: str = "",
) -> Table:  # fmt: skip
    rows: list[list[Cell]] = [
        [_label(name), *(inputs.evaluate.under(group, name).figure(key, write) for key, _, write in columns)]
        for name in names
    ]
    return Table((first, *(name for _, name, _ in columns)), rows, inputs.evaluate.source(group), caption)


def _places(inputs: Inputs, names: list[str]) -> Plot | None:
    drawn = []
    for name in names:
        own = inputs.evaluate.under("by_position", name)
        value, low, high = _interval(own, "nats_per_token")
        if value is not None:
            drawn.append(plots.Row(_label(name), [plots.Dot(value, low, high, "accent")]))
    if not drawn:
        return None
    least = min(dot.low or dot.value for row in drawn for dot in row.dots)
    most = max(dot.high or dot.value for row in drawn for dot in row.dots)
    around = 0.1 * (most - least or most or 1)
    svg = plots.dots(
        "Nats per token by place in the story", drawn, "nats per token", (max(0, least - around), most + around)
    )
    table = _table(inputs, "by_position", names, "tokens of the story", PLACE)
    caption = "What a token costs by its place in the story, with 95 % intervals."
    return Plot(svg, caption, inputs.evaluate.source("by_position"), table=table)


def _interval(own: Metrics, key: str) -> tuple[float | None, float | None, float | None]:
    return own.number(key), own.number(f"{key}_low"), own.number(f"{key}_high")


def _start(name: str) -> tuple[int, str]:
    """The number that a range ("64-127", "400-") begins with."""
    digits = name.split("-", maxsplit=1)[0]
    return (int(digits) if digits.isdecimal() else 0), name


def _label(name: str) -> str:
    start, dash, stop = name.partition("-")
    if dash and start.isdecimal() and not stop:
        return f"{start} and more"
    return f"{start} to {stop}" if dash and start.isdecimal() and stop.isdecimal() else name
