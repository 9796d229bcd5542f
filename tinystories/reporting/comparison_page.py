"""A comparison as one self-contained HTML page, and as Markdown."""

import re
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tinystories.evaluation.compare import Comparison
from tinystories.reporting.comparison import QUESTION_MODELS, QUESTION_RECIPES, Cell, content

PAGE: Final = "templates/comparison.html"
STYLES: Final = ("templates/style.css", "templates/comparison.css")
TEXT: Final = "templates/comparison.md"
_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>#|~&$])")


def html(comparison: Comparison) -> str:
    """The page: no script, no address, nothing loaded; text from stories is escaped."""
    css = "".join((Path(__file__).parent / name).read_text(encoding="utf-8") for name in STYLES)
    return _environment(escaped=True).get_template(PAGE).render(content=content(comparison), css=css, **_WORDS)


def markdown(comparison: Comparison) -> str:
    """The same for a reader of Markdown; text from stories can't become markup."""
    return _environment(escaped=False).get_template(TEXT).render(content=content(comparison), **_WORDS)


_WORDS: Final = {"question_models": QUESTION_MODELS, "question_recipes": QUESTION_RECIPES}


@cache
def _environment(escaped: bool) -> Environment:
    """For HTML everything is escaped unasked; Markdown has its own filters for that."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=escaped, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"md": _escaped, "cell": _cell, "quote": _quote, "verdict": _class}
    return environment


def _escaped(text: str) -> str:
    return " ".join(_SPECIAL.sub(r"\\\1", text).split())


def _cell(cell: Cell) -> str:
    text = f"{cell.value} ({cell.interval})" if cell.interval else cell.value
    if cell.verdict is None:
        return _escaped(text)
    word = cell.verdict if cell.verdict == "can't tell" else f"**{cell.verdict}**"
    interval = f" ({_escaped(cell.change_interval)})" if cell.change_interval else ""
    return f"{_escaped(text)}; {_escaped(cell.change)}{interval} {word}"


def _quote(text: str) -> str:
    lines = [_SPECIAL.sub(r"\\\1", line.strip()) for line in text.strip().splitlines()]
    return "\n".join(f"> {line}".rstrip() for line in lines) or ">"


def _class(cell: Cell) -> str:
    return {"better": "good", "worse": "bad"}.get(cell.verdict or "", "open")
