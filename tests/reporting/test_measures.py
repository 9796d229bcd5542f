"""The sections of the further measures: what they say, in which order, and what a check makes of it."""

import json
from typing import Any

import pytest

from tests.reporting.test_checks import about, change
from tests.reporting.test_page import both, edit_lines, leaves
from tinystories.paths import Paths
from tinystories.reporting.abilities import abilities
from tinystories.reporting.breakdown import breakdown
from tinystories.reporting.document import Cell, Section
from tinystories.reporting.figures import Figure, read_inputs
from tinystories.reporting.samples import stories
from tinystories.reporting.written import copies, grades, variety

GRADES: dict[str, Any] = {
    "stories": 44, "unreadable": 3, "grammar": 6.51, "grammar_low": 6.12, "grammar_high": 6.94, "creativity": 5.4,
    "creativity_low": 5.1, "creativity_high": 5.7, "consistency": 4.2, "consistency_low": 3.9, "consistency_high": 4.6,
    "plot": 3.8, "plot_low": 3.3, "plot_high": 4.3, "age_group": {"A": 1, "B": 14, "C": 22, "D": 4, "E": 0, "F": 2},
}  # fmt: skip


def words(cell: Cell) -> str:
    return cell if isinstance(cell, str) else cell.text


def first_column(section: Section | None, table: int = 0) -> list[str]:
    assert section is not None
    return [words(row[0]) for row in section.tables[table].rows]


def test_lengths_and_places_stand_in_the_order_of_numbers_and_untagged_stories_last(project: Paths) -> None:
    section = breakdown(read_inputs(project))
    assert first_column(section, 0) == ["50 to 99", "100 to 149", "400 and more"]
    assert first_column(section, 1) == ["Twist", "none"]
    assert first_column(section, 2) == ["world", "original"]
    assert section is not None and section.plots[0].table is not None
    places = [words(row[0]) for row in section.plots[0].table.rows]
    assert places == ["1 to 16", "17 to 32", "33 to 64", "129 to 256"]


def test_the_table_of_abilities_has_every_task_with_its_chance_and_the_5_gram(project: Paths) -> None:
    section = abilities(read_inputs(project))
    assert section is not None and len(section.tables[0].rows) == 9
    change(project, choosing__middle_of_five__ngram=None, choosing__middle_of_five__chance=0.2)
    section = abilities(read_inputs(project))
    assert section is not None
    task, asked, right, ngram, chance = section.tables[0].rows[0]
    assert isinstance(right, Figure) and right.interval == "65 to 78\N{NO-BREAK SPACE}%"
    assert [words(cell) for cell in (task, asked, right, ngram, chance)] == [
        "the right middle of five", "57", "71\N{NO-BREAK SPACE}%", "–", "20\N{NO-BREAK SPACE}%",
    ]  # fmt: skip


def test_a_section_without_figures_is_left_out(project: Paths) -> None:
    project.evaluate_metrics.write_text("{}")
    inputs = read_inputs(project)
    assert [section(inputs) for section in (breakdown, abilities, variety, copies, grades)] == [None] * 5


def test_the_graders_figures_stand_on_the_page_where_there_are_any(project: Paths) -> None:
    content = json.loads(project.evaluate_metrics.read_text())
    assert "grader says" not in both(project)[0]
    project.evaluate_metrics.write_text(json.dumps(content | {"grades": GRADES}))
    before = both(project)
    assert "What a grader says" in before[0]
    for path in leaves(GRADES):
        edited = json.loads(json.dumps(GRADES))
        node = edited
        for part in path[:-1]:
            node = node[part]
        node[path[-1]] += 1
        project.evaluate_metrics.write_text(json.dumps(content | {"grades": edited}))
        assert all(old != new for old, new in zip(before, both(project), strict=True)), path


def test_every_beginning_that_was_completed_is_on_the_page(project: Paths) -> None:
    file = project.evaluation / "generated.jsonl"
    row = json.loads(file.read_text().splitlines()[0])
    rows = [
        row | {"request": {"prompt": f"Nell had {n}", "index": 0}, "text": f"Nell had {n} kites."} for n in range(44)
    ]
    file.write_text("".join(json.dumps(one) + "\n" for one in rows))
    section = stories(read_inputs(project))
    assert section is not None
    (group,) = section.samples
    assert len(group.shown) + len(group.more) == 44
    page = both(project)[0]
    assert all(f'<span class="given">Nell had {n}</span> kites.' in page for n in range(44))


def test_made_up_words_are_quoted_once(project: Paths) -> None:
    edit_lines(project.evaluation / "generated.jsonl", made_up=["blick", "zub", "blick"])
    section = variety(read_inputs(project))
    assert section is not None and section.text[-1] == "Words that it made up: blick, zub, florp1, florp2."


@pytest.mark.parametrize(
    ("low", "standing"),
    [(0.18, "good"), (0.1801, "bad")],  # the real stories' interval ends at 0.18
)
def test_a_fault_that_is_clearly_more_frequent_than_in_real_stories_is_named(
    project: Paths, low: float, standing: str
) -> None:
    change(project, flaws__generated__made_up_words=0.3, flaws__generated__made_up_words_low=low)
    (check,) = about(project, "flaws")
    assert check.standing == standing
    assert ("made-up words (30.0" in check.sentence) == (standing == "bad") and "loops (" not in check.sentence
