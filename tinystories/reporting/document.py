"""What the report says, apart from how it looks: the page and the Markdown show the same document."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from tinystories.reporting.figures import Figure

Cell = Figure | str
Standing = Literal["good", "unclear", "bad"]


@dataclass(frozen=True)
class Check:
    """One thing that could be wrong with a model, and how it stands."""

    standing: Standing
    sentence: str
    source: str


@dataclass(frozen=True)
class Headline:
    """A figure worth a large type: its value, what it is, and a line below."""

    figure: Figure
    name: str
    below: Cell


@dataclass(frozen=True)
class Table:
    """The first column names the rows; the others are numbers unless `prose` says text; `wide` ones have the page's
    whole width."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    source: str
    caption: str = ""
    prose: bool = False
    wide: bool = False


@dataclass(frozen=True)
class Plot:
    """An SVG with its legend (kind, name), and the same numbers as a table."""

    svg: str
    caption: str
    source: str
    legend: Sequence[tuple[str, str]] = ()
    table: Table | None = None


@dataclass(frozen=True)
class Wish:
    """One thing asked of a story; `met` None where nobody can say."""

    text: str
    met: bool | None


@dataclass(frozen=True)
class Sample:
    """A story: what was given word for word, what the model wrote, what was asked; of a real one no wishes at all."""

    wishes: Sequence[Wish] | None
    given: str
    written: str
    footer: str
    source: str


@dataclass(frozen=True)
class SampleGroup:
    """Stories of one kind: the first ones are shown, the others wait to be opened."""

    title: str
    shown: Sequence[Sample]
    more: Sequence[Sample] = ()


@dataclass(frozen=True)
class Infilled:
    """What the model wrote beside what is true; first and last sentence as given, empty where none is."""

    first: str
    written: str
    true: str
    last: str
    footer: str
    source: str
    titles: tuple[str, str] = ("The model’s middle", "The true middle")


@dataclass(frozen=True)
class Section:
    """`beside` is the heading over `infillings`, where they are not all that the section has."""

    key: str
    title: str
    text: Sequence[str] = ()
    plots: Sequence[Plot] = ()
    tables: Sequence[Table] = ()
    samples: Sequence[SampleGroup] = ()
    infillings: Sequence[Infilled] = ()
    beside: str = ""


@dataclass(frozen=True)
class Document:
    title: str
    model: Figure
    lead: str
    headlines: Sequence[Headline]
    checks: Sequence[Check]
    sections: Sequence[Section] = field(default=())

    @property
    def troubles(self) -> list[Check]:
        return [check for check in self.checks if check.standing == "bad"]

    @property
    def unclear(self) -> list[Check]:
        return [check for check in self.checks if check.standing == "unclear"]

    @property
    def passed(self) -> list[Check]:
        return [check for check in self.checks if check.standing == "good"]
