"""The document as one self-contained HTML page, and as Markdown."""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tinystories.reporting.document import Cell, Document, Sample, Section, Table, Wish

# named in full: dvc.yaml's `deps` are found by these names
PAGE: Final = "templates/index.html"
PART: Final = "templates/notebook.html"
PIECES: Final = "templates/macros.html"
STYLE: Final = "templates/style.css"
TEXT: Final = "templates/report.md"
_LOADER: Final = FileSystemLoader(Path(__file__).parent)
_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>#|~&$])")
_LIST: Final = re.compile(r"^(\s*\d*)([-+=.)])(?=\s|$|[-+=])", re.MULTILINE)


def html(document: Document) -> str:
    """The page: no script, no address, nothing loaded; text from stories is escaped."""
    return _filled(PAGE, document=document)


def fragment(sections: Sequence[Section]) -> str:
    """Sections alone, as a page of their own for a frame."""
    return _filled(PART, sections=sections)


def _filled(template: str, **values: object) -> str:
    environment = _environment(escaped=True)
    css = (Path(__file__).parent / STYLE).read_text(encoding="utf-8")
    return environment.get_template(template).render(css=css, m=environment.get_template(PIECES).module, **values)


def markdown(document: Document) -> str:
    """The same content for a reader of Markdown; text from stories can't become markup."""
    return _environment(escaped=False).get_template(TEXT).render(document=document)


@cache
def _environment(escaped: bool) -> Environment:
    """For HTML everything is escaped unasked; Markdown has its own filters for that."""
    environment = Environment(loader=_LOADER, autoescape=escaped, undefined=StrictUndefined)
    environment.filters |= {"md": _escaped, "code": _code, "cell": _cell, "table": _table}
    environment.filters |= {"quote": _quote, "wishes": _wishes, "tale": _tale}
    return environment


def _escaped(text: str) -> str:
    return _LIST.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", text))


def _code(text: str) -> str:
    return _escaped(text) if "`" in text or "\n" in text else f"`{text}`"


def _cell(cell: Cell) -> str:
    if isinstance(cell, str):
        return _escaped(cell)
    return _escaped(f"{cell.text} ({cell.interval})" if cell.interval else cell.text)


def _table(table: Table) -> str:
    """Pipes and line ends can't be in a cell: the ones are escaped, the others spaces."""
    rule = ["---", *("---" if table.prose else "---:" for _ in table.columns[1:])]
    rows = [[_escaped(name) for name in table.columns], rule, *([_cell(cell) for cell in row] for row in table.rows)]
    lines = [f"| {' | '.join(' '.join(cell.split()) for cell in row)} |" for row in rows]
    return "\n".join([f"**{_escaped(table.caption)}**", "", *lines] if table.caption else lines)


def _quote(text: str, bold: bool = False) -> str:
    lines = [_escaped(line.strip()) for line in text.strip().splitlines()]
    return (
        "\n".join(f"> {'**' if bold and line else ''}{line}{'**' if bold and line else ''}".rstrip() for line in lines)
        or ">"
    )


def _tale(sample: Sample) -> str:
    return _quote(sample.given + sample.written)


def _wishes(wishes: list[Wish]) -> str:
    words = {True: "met", False: "not met", None: "not judged"}
    return ", ".join(f"{_escaped(wish.text)}: {words[wish.met]}" for wish in wishes) or "Nothing was asked."
