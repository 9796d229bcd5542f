"""What the page and the report say of tagger and judge on the sample's stories is what they find there today."""

from pathlib import Path

import pytest

from benchmarks.pages import put
from benchmarks.tags import asked
from tinystories.files import read_json
from tinystories.reporting.figures import RECALL


def test_the_page_and_the_report_have_todays_figures(root: Path) -> None:
    found, kept = asked.measured(), read_json(RECALL)
    page = (root / "docs/tags.md").read_text(encoding="utf-8")
    assert put(page, "asked", asked.page(found)) == page, "python -m benchmarks.tags.asked"
    assert asked.RECALL == RECALL
    for name, tags in kept.items():
        for tag, own in tags.items():
            assert own == pytest.approx({key: found[name][tag][key] for key in own})
            assert own["recall_low"] <= own["recall"] <= own["recall_high"]
