"""Parts of the report in a notebook: the same figures, looking as they do on the page."""

from dataclasses import dataclass
from html import escape
from pathlib import Path

from tinystories.errors import TinyStoriesError
from tinystories.paths import Paths
from tinystories.reporting.figures import read_inputs
from tinystories.reporting.page import fragment
from tinystories.reporting.sections import document


@dataclass(frozen=True)
class Shown:
    """HTML that a notebook shows in a frame of its own, so that neither's style reaches the other; height in pixels."""

    html: str
    height: int

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{escape(self.html)}" sandbox="" title="a part of the report" '
            f'style="width: 100%; height: {self.height}px; border: 0"></iframe>'
        )


def report(root: Path, *keys: str, height: int = 640) -> Shown:
    """Sections of the report of the project in `root`, by their keys ("data", "training", "likelihood", ...).

    One that has nothing to say with these files is left out. Raises TinyStoriesError where the pipeline
    has not run, or none of the sections is there.
    """
    sections = {section.key: section for section in document(read_inputs(Paths(root))).sections}
    found = [sections[key] for key in keys if key in sections]
    if not found:
        raise TinyStoriesError(f"the report has no {', '.join(keys)}; it has {', '.join(sections)}")
    return Shown(fragment(found), height)
