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
    begin, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
    if begin not in text or end not in text:
        raise TinyStoriesError(
            f"the page has no {begin.strip()} ... {end.strip()}: put these lines where the table goes"
        )
    head, _, rest = text.partition(begin)
    return head + begin + table + end + rest.partition(end)[2]
