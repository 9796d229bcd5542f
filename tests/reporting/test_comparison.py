"""A comparison on the terminal, as Markdown and as a page: the same content, and stories are only text."""

import json
import re

import pytest

from tinystories.evaluation.compare import Comparison, compare
from tinystories.evaluation.evidence import Contender, Evidence, Told
from tinystories.evaluation.likelihood import Score
from tinystories.reporting import comparison as shown
from tinystories.reporting import comparison_page as written
from tinystories.reporting.terminal import terminal


def contender(name: str, nats: float, seed: int, text: str = "Once.") -> Contender:
    scores = {str(i): Score(str(i), nats + i % 2, 50, 200) for i in range(40)}
    told = [Told({"tags": ["Twist"], "seed": 1, "index": 0}, "Twist", text, True, frozenset({"Twist"}))]
    made_from = {"seed": seed, "model": {"width": int(nats)}}
    return Contender(name, f"project {name}", f"f{name}", made_from, Evidence(scores, told=told))


@pytest.fixture
def two() -> Comparison:
    return compare([contender("small", 230.0, 1), contender("large", 210.0, 1)], ["a note"])


def test_the_answer_comes_first_and_recipes_are_kept_apart(two: Comparison) -> None:
    content = shown.content(two)
    assert content.lead.startswith("B is better than A (−20.00 nats per story) on the same 40 test stories")
    assert content.recipes == [
        "Recipe 1 (A) has 1 seed: nothing can be said about the recipe; train it with 3 seeds or more.",
        "Recipe 2 (B) has 1 seed: nothing can be said about the recipe; train it with 3 seeds or more.",
    ]
    assert content.recipe_lines == []
    assert content.made == [("model.width", ["230", "210"])]


def test_three_seeds_of_two_recipes_have_a_table_of_their_own() -> None:
    six = [contender(f"{nats}-{seed}", nats, seed) for nats in (230.0, 210.0) for seed in (1, 2, 3)]
    content = shown.content(compare(six))
    assert content.recipe_names == ["recipe 1", "recipe 2"]
    assert content.recipe_lines[0].cells[1].verdict == "better"
    assert "Recipe 1 (A, B, C) has 3 seeds; its intervals are over seeds." in content.recipes


def test_all_three_forms_show_the_same_figures(two: Comparison) -> None:
    content = shown.content(two)
    page, text, screen = written.html(two), written.markdown(two), terminal(content)
    for figure in ("230.50", "210.50", "−20.00", "better", "can't tell", "a note", "flarge"):
        assert figure in _plain(page), figure
        assert figure in _plain(text), figure
        assert figure in screen, figure


def _plain(text: str) -> str:
    return text.replace("\\", "").replace("&#39;", "'").replace("&amp;", "&")


def test_json_has_every_figure_and_no_nan(two: Comparison) -> None:
    found = json.loads(json.dumps(shown.to_json(two), allow_nan=False))
    assert found["stories"]["count"] == 40
    assert found["models"][1]["metrics"]["nats_per_story"]["difference"]["verdict"] == "better"
    assert found["models"][0]["metrics"]["adherence/Twist"]["value"] == 1
    assert [recipe["known"] for recipe in found["recipes"]] == [False, False]


def test_a_story_can_not_become_markup() -> None:
    nasty = '<script>alert("x")</script> **bold** | [link](http://x) `code`\n# heading'
    found = compare([contender("a", 230.0, 1, nasty), contender("b", 210.0, 1, nasty)])
    assert "<script" not in written.html(found)
    text = written.markdown(found)
    assert "\\<script\\>" in text and "\\*\\*bold\\*\\*" in text and "\n# heading" not in text
    red = compare([contender("a", 230.0, 1, "[red]x"), contender("b", 9.0, 1, "[red]x")])
    assert "[red]" in terminal(shown.content(red))


def test_the_page_loads_nothing_and_is_the_same_twice(two: Comparison) -> None:
    page = written.html(two)
    assert page == written.html(two)
    assert not re.search(r"(src|href)=(?![\"']data:)", page)
    assert "<script" not in page and "@import" not in page and "://" not in page


def test_markdown_tables_have_as_many_cells_in_every_row(two: Comparison) -> None:
    for block in re.findall(r"(?:^\|.*\n)+", written.markdown(two), re.MULTILINE):
        cells = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(cells) == 1, block
