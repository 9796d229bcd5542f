"""Stories for a terminal: each in a panel, with what was met."""

import io

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from tinystories.generation.story import Story


def panel(story: Story, number: int, count: int, width: int | None = None) -> str:
    """The panel of story `number` of `count`, in the terminal's colours and at its width."""
    met = [f"{'✓' if kept else '✗'} {control}" for control, kept in story.met.items()]
    words = len(story.text.split())
    below = Text("  ".join([*met, f"{words} words", f"stopped by {story.stopped}"]))
    frame = "green" if all(story.met.values()) else "yellow"
    console = Console(file=io.StringIO(), force_terminal=True, width=width or Console().width)
    with console.capture() as captured:
        title = Text(f"{number} of {count}, seed {story.seed}, index {story.request.index}")
        console.print(Panel(Text(story.text), title=title, subtitle=below, border_style=frame))
    return captured.get()
