"""Tables of measurements in pages of docs, between marks."""

from tinystories.errors import TinyStoriesError


def put(text: str, name: str, table: str) -> str:
    """`text` with `table` between the marks of its name."""
    begin, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
    if begin not in text or end not in text:
        raise TinyStoriesError(
            f"the page has no {begin.strip()} ... {end.strip()}: put these lines where the table goes"
        )
    head, _, rest = text.partition(begin)
    return head + begin + table + end + rest.partition(end)[2]
