"""How far the corpus has moved from the one that was accepted last."""

from typing import Final

from tinystories.corpus.drift import WARNING, Shift, shifts
from tinystories.corpus.profile import NUMBERS
from tinystories.errors import TinyStoriesError
from tinystories.reporting.document import Cell, Section, Table
from tinystories.reporting.figures import DASH, Figure, Inputs, decimals, percent, whole

LABELS: Final = {
    "letters_per_word": "characters per word",
    "other_letters": "has characters beyond ASCII",
    "sentences": "sentences",
    "tags": "tags of a story",
    "tags_from": "who says the tags",
}


def drift(inputs: Inputs) -> Section | None:
    found = moves(inputs)
    if not found:
        return None
    rows: list[list[Cell]] = []
    for one in found:
        source = drift_source(inputs, one.measure)
        cells = (_value(one, one.then), _value(one, one.now), f"{one.psi:.3f}", f"{one.by_chance:.3f}")
        rows.append([LABELS.get(one.measure, one.measure), *(Figure(cell, source) for cell in cells)])
    then, now = (own.figure("stories", whole).text for own in (inputs.accepted, inputs.profile))
    texts = [
        f"{now} stories beside the {then} that were accepted last (pipeline/accepted-corpus.json; tinystories drift "
        "--accept takes the present ones). The population stability index compares how the stories lie in ten bins "
        "or fewer: below 0.1 little has changed, above 0.25 much (Siddiqi, Credit Risk Scorecards, 2006); above "
        f"{WARNING} this page warns. Two samples of the same corpus stay below the last column 19 times in 20.",
    ]
    columns = ("measure", "accepted", "now", "index", "by chance")
    return Section(
        "drift", "How far it is from the accepted corpus", texts, tables=[Table(columns, rows, drift_source(inputs))]
    )


def moves(inputs: Inputs) -> list[Shift]:
    """The shift of each measure, in the order of their names; none where one of the files has no measures.

    Raises TinyStoriesError where the measures are no counts.
    """
    if not inputs.profile.group("measures") or not inputs.accepted.group("measures"):
        return []
    try:
        return shifts(inputs.accepted.values, inputs.profile.values)
    except (KeyError, TypeError, AttributeError) as error:
        raise TinyStoriesError(
            f"{drift_source(inputs)}: no counts of stories ({type(error).__name__}: {error}): run `tinystories split` "
            "again, or take the accepted ones from git"
        ) from None


def drift_source(inputs: Inputs, *measures: str) -> str:
    keys = [f"measures.{measure}" for measure in measures] or ["measures"]
    return f"{inputs.accepted.source(*keys)}; {inputs.profile.source(*keys)}"


def _value(shift: Shift, value: float | None) -> str:
    if value is None:
        return DASH
    return decimals(1)(value) if shift.measure in NUMBERS else percent(value)
