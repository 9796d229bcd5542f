"""Text from stories and names from files can't become anything but text, on the page and in Markdown."""

import json
from typing import Any

import pytest

from tests.reporting.test_page import Page, both, edit_lines
from tinystories.paths import Paths

HOSTILE = (
    '</article></div><script>alert("x")</script><img src=http://evil.test/a.png onerror=x> **bold** | `a` '
    "[link](http://evil.test) {{ 7*7 }} &amp; <style>*{}</style>\n# heading\n1. list\n- list\n```\ncode"
)


@pytest.mark.parametrize("field", ["text", "request", "asked", "met"])
def test_hostile_text_in_storiesis_shown_as_text(project: Paths, field: str) -> None:
    values: dict[str, Any] = {
        "text": HOSTILE, "request": {"prompt": HOSTILE}, "asked": HOSTILE, "met": {f"word:{HOSTILE}": True},
    }  # fmt: skip
    edit_lines(project.evaluation / "generated.jsonl", **({"text": HOSTILE} | {field: values[field]}))
    is_shown_as_text(project)


@pytest.mark.parametrize("field", ["text", "nearest", "longest_run", "line"])
def test_hostile_text_in_copiesis_shown_as_text(project: Paths, field: str) -> None:
    edit_lines(project.evaluation / "copied.jsonl", **{field: HOSTILE})
    is_shown_as_text(project)


@pytest.mark.parametrize("field", ["first", "middle", "last", "generated"])
def test_hostile_text_in_middlesis_shown_as_text(project: Paths, field: str) -> None:
    edit_lines(project.evaluation / "infillings.jsonl", **{field: HOSTILE})
    is_shown_as_text(project)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("extract", {"files": [{"file": HOSTILE, "stories": 1}], "kind": HOSTILE}),
        ("validate", {"reasons": {HOSTILE: 1}}),
        ("split", {"tags": {"train": {HOSTILE: 1}}, "tags_from": {HOSTILE: 2}}),
        (
            "evaluate",
            {"adherence": {HOSTILE: {"requested": 0.5, "unconditional": 0.4}}, "model": {"fingerprint": HOSTILE}},
        ),
        ("train", {"optimizer": HOSTILE}),
    ],
)
def test_hostile_names_in_metrics_are_shown_as_text(project: Paths, name: str, values: dict[str, Any]) -> None:
    file = project.root / f"reports/metrics/{name}.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))
    is_shown_as_text(project)


def is_shown_as_text(project: Paths) -> None:
    from markdown_it import MarkdownIt

    page, text = both(project)
    parsed = Page(page)
    assert parsed.open == [] and not parsed.tags & {"script", "img", "a"}
    assert '<script>alert("x")</script>' in "".join(parsed.text)
    assert page.count("<style>") == 1
    rendered = MarkdownIt("commonmark").enable("table").render(text)
    assert "<script" not in rendered and "<img" not in rendered and "evil.test&quot;" not in rendered
    assert "<a href" not in rendered and "<strong>bold</strong>" not in rendered
    assert "<ol>" not in rendered and "<pre>" not in rendered and "<h1>heading" not in rendered
