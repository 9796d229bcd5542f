"""Tables are put between their marks, and nothing else of a page changes."""

from pathlib import Path

import pytest

from benchmarks.corpus import measure, near
from benchmarks.pages import put
from benchmarks.presets import compare
from benchmarks.tags import asked
from benchmarks.training import quality, scaling
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


@pytest.mark.parametrize(
    ("page", "name"),
    [
        (measure.PAGE, "measured"), (near.PAGE, "near"), (compare.PAGE, "measured"), (asked.PAGE, "asked"),
        (quality.PAGE, "quality"), (scaling.PAGE, "scaling"),
    ],
)  # fmt: skip
def test_what_takes_hours_to_measure_has_a_place_in_its_page(page: Path, name: str) -> None:
    assert put(page.read_text(encoding="utf-8"), name, "| new |")
