"""Tables are put between their marks, and nothing else of a page changes."""

import pytest

from benchmarks.pages import put
from tinystories.errors import TinyStoriesError


@pytest.mark.parametrize("before", ["", "| old |\n", "| old |\n| table |\n"])
def test_a_table_is_put_between_its_marks_and_the_rest_stays(before: str) -> None:
    page = "One.\n<!-- a -->\n{}<!-- end of a -->\nTwo.\n<!-- b -->\nx\n<!-- end of b -->\nThree.\n"
    assert put(page.format(before), "a", "| new |") == page.format("| new |\n")


@pytest.mark.parametrize(
    "page", ["", "<!-- a -->\n", "<!-- end of a -->\n<!-- a -->\n", "<!-- a -->\n<!-- end of b -->"]
)
def test_a_page_without_both_marks_is_left_alone(page: str) -> None:
    with pytest.raises(TinyStoriesError, match="put these lines where the table goes"):
        put(page, "a", "| new |")
