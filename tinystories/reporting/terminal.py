"""A comparison on the terminal: tables by rich, in colours where there are any."""

import shutil
import sys
from collections.abc import Sequence
from io import StringIO
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tinystories.reporting.comparison import QUESTION_MODELS, QUESTION_RECIPES, Cell, Content, Line

STYLES: Final = {"better": "bold green", "worse": "bold red", "can't tell": "dim"}
PAIRS: Final = 2  # of stories shown here; all are in the Markdown and the HTML


def terminal(content: Content) -> str:
    """As wide as the terminal; without colours where stdout is none."""
    out = StringIO()
    colours = sys.stdout.isatty()
    width = shutil.get_terminal_size((120, 40)).columns
    console = Console(file=out, width=width, force_terminal=colours, no_color=not colours, highlight=False, emoji=False)
    sides = Table("", "model", "what it is", "fingerprint", "recipe", box=None, pad_edge=False)
    for side in content.sides:
        sides.add_row(*map(Text, (side.letter, side.name, side.origin, side.fingerprint, side.recipe)))
    console.print(sides)
    console.print(Text(f"\n{content.lead}"))
    for note in content.notes:
        console.print(Text(f"note: {note}", style="yellow"))
    console.print(Text(f"\n{QUESTION_MODELS}", style="bold"))
    console.print(_table([side.letter for side in content.sides], content.lines))
    console.print(Text(f"\n{QUESTION_RECIPES}", style="bold"))
    for sentence in content.recipes:
        console.print(Text(sentence))
    if content.recipe_lines:
        console.print(_table(content.recipe_names, content.recipe_lines))
    for asked, tales in content.pairs[:PAIRS]:
        console.print(Text(f"\n{asked}", style="bold"))
        beside = Table(*(f"{tale.letter}: {tale.footer}" for tale in tales), box=None, pad_edge=False, expand=True)
        beside.add_row(*(Text(tale.text) for tale in tales))
        console.print(beside)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _table(names: Sequence[str], lines: Sequence[Line]) -> Table:
    table = Table("", *names, box=None, pad_edge=False)
    for line in lines:
        table.add_row(Text(f"  {line.name}" if line.part else line.name), *map(_cell, line.cells))
    return table


def _cell(cell: Cell) -> Text:
    text = Text(cell.value)
    if cell.interval:
        text.append(f" ({cell.interval})", style="dim")
    if cell.verdict is not None:
        text.append(f"\n{cell.change} ({cell.change_interval}) " if cell.change_interval else f"\n{cell.change} ")
        text.append(cell.verdict, style=STYLES[cell.verdict])
    return text
