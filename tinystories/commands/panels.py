"""Stories for a terminal: each in a panel, with what was met."""

import io

from rich.columns import Columns
from rich.console import Console, Group
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text

from tinystories.generation.story import Story


def panel(story: Story, number: int, count: int, width: int | None = None) -> str:
    """The panel of story `number` of `count`, in the terminal's colours and at its width."""
    met = [f"{'✓' if kept else '✗'} {control}" for control, kept in story.met.items()]
    words = len(story.text.split())
    told = [*met, f"{words} words", f"stopped by {story.stopped}"]
    below = Columns([Text(part) for part in told], padding=(0, 2))
    frame = "green" if all(story.met.values()) else "yellow"
    console = Console(file=io.StringIO(), force_terminal=True, width=width or Console().width)
    with console.capture() as captured:
        title = Text(f"{number} of {count}, seed {story.seed}, index {story.request.index}")
        console.print(Panel(Group(Text(story.text), Rule(style=frame), below), title=title, border_style=frame))
    return captured.get()
