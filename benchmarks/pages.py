"""Tables of measurements in pages of docs, between marks."""

from collections.abc import Mapping
from pathlib import Path

from tinystories.errors import TinyStoriesError
from tinystories.files import write_text


def fill(page: Path, tables: Mapping[str, str]) -> None:
    """Write each table into `page`, between the marks of its name."""
    text = page.read_text(encoding="utf-8")
    for name, table in tables.items():
        text = put(text, name, table)
    write_text(page, text)


def put(text: str, name: str, table: str) -> str:
    """`text` with `table` between the marks of its name."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    head, marked, rest = text.partition(begin)
    _, ended, tail = rest.partition(end)
    if not marked or not ended:
        raise TinyStoriesError(f"the page has no {begin.strip()} ... {end}: put these lines where the table goes")
    return f"{head}{begin}{table}\n{end}{tail}"
