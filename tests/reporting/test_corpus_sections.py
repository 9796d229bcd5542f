"""The corpus on the page: lengths, tags, words, what was left out beside what it resembles, drift, taggers."""

import json
from typing import Any

import pytest

from tests.reporting.conftest import EXAMPLES, TALE, left_out, profile
from tests.reporting.test_hostile import HOSTILE, is_shown_as_text
from tests.reporting.test_page import Page, both
from tinystories.corpus.drift import WARNING
from tinystories.errors import TinyStoriesError
from tinystories.files import read_json, write_json
from tinystories.paths import Paths
from tinystories.reporting.checks import checks
from tinystories.reporting.document import Figure, Section, Table
from tinystories.reporting.figures import RECALL, read_inputs
from tinystories.reporting.sections import document
from tinystories.text.tagger import Tagger
from tinystories.text.tags import TAGS


def section(paths: Paths, key: str) -> Section:
    [found] = [one for one in document(read_inputs(paths)).sections if one.key == key]
    return found


def cells(table: Table) -> list[list[str]]:
    return [[cell.text if isinstance(cell, Figure) else cell for cell in row] for row in table.rows]


def test_lengths_tags_and_words_are_those_of_the_profile(project: Paths) -> None:
    shown, known = section(project, "corpus"), profile()
    plot = shown.plots[0]
    assert plot.table is not None and ["half have at most", str(known["words"]["p50"])] in cells(plot.table)
    together, combinations, words, frequent = map(cells, shown.tables)
    twist = known["measures"]["Twist"]["counts"][1]
    row = next(row for row in together if row[0] == "Twist")
    assert row[1] == str(twist)
    assert (
        row[2 + sorted(TAGS).index("Dialogue")]
        == f"{100 * known['together']['Twist']['Dialogue'] / twist:.0f}\N{NO-BREAK SPACE}%"
    )
    first = known["combinations"][0]
    assert combinations[0][:2] == [", ".join(first["tags"]), str(first["stories"])]
    assert words[1] == ["different words", f"{known['vocabulary']['distinct']:,}"]
    assert frequent[0][0] == known["vocabulary"]["most_frequent"][0]["word"]
    assert [group.title for group in shown.samples] == ["Most typical", "Most unusual"]
    assert shown.samples[1].shown[0].written == known["unusual"][0]["text"]


def test_every_figure_of_the_corpus_names_its_file_and_key(project: Paths) -> None:
    titles = [value for _, name, value in Page(both(project)[0]).attributes if name == "title"]
    for source in (
        "data/split/profile.json: together.Twist.Dialogue, measures.Twist.counts", "data/split/profile.json: words.p50",
        "data/split/profile.json: vocabulary.covering.100", "data/split/profile.json: unusual[0]",
        "data/validate/examples.json: near[0]", "data/validate/examples.json: by_reason.nul[0]",
        "pipeline/accepted-corpus.json: measures.words; data/split/profile.json: measures.words",
        "reports/metrics/validate.json: near_duplicates",
        "tinystories/text/tagger.json: gold.Twist.f1, gold.Twist.f1_low, gold.Twist.f1_high",
    ):  # fmt: skip
        assert source in titles, source


def test_repairs_and_what_test_stories_share_with_training_are_told(project: Paths) -> None:
    first, _, unsure, last = section(project, "data").text
    assert "1,260 stories were read, 7 repaired (line ends 5, mojibake 4) and 1,256 kept." in first
    assert unsure == "The model was not told of 317 tags that the tagger found but was not sure of."
    assert last == "Of the runs of 13 words in test stories 6.3\N{NO-BREAK SPACE}% stand in a training story too."


def test_what_was_left_out_stands_beside_what_it_resembles(project: Paths) -> None:
    metrics = json.loads(project.validate_metrics.read_text())
    write_json(project.validate_metrics, metrics | {"near_duplicates": 5, "near_held_out": 2})
    shown = section(project, "left-out")
    near, copy = shown.infillings
    assert (near.written, near.true, near.titles) == (TALE + " Ha!", TALE, ("Left out", "Kept"))
    assert "81\N{NO-BREAK SPACE}% of the two" in near.footer and near.footer.endswith("test")
    assert copy.true == TALE and copy.footer.startswith("The same text")
    pages = both(project)
    assert "<h3>Copies, beside what was kept</h3>" in pages[0] and "### Copies, beside what was kept" in pages[1]
    assert [group.title for group in shown.samples] == ["Nul: 2", "Too short: 1"]
    table = next(table for table in section(project, "data").tables if table.caption == "Left out")
    assert ["nearly the same text again", "5"] in cells(table)
    assert ["nearly a validation or test story", "2"] in cells(table)


def test_nothing_left_out_is_no_section(project: Paths) -> None:
    write_json(project.examples, {"by_reason": {}, "near": [], "copies": []})
    assert "left-out" not in {one.key for one in document(read_inputs(project)).sections}


def drifted(project: Paths, counts: list[int]) -> list[str]:
    """How the check on drift stands when the accepted stories had Twist as `counts` (no, yes)."""
    accepted = json.loads(project.accepted.read_text())
    accepted["measures"]["Twist"]["counts"] = counts
    project.accepted.write_text(json.dumps(accepted))
    return [check.standing for check in checks(read_inputs(project)) if "stability index" in check.sentence]


def test_a_corpus_that_moved_is_warned_of_unless_it_may_be_chance(project: Paths) -> None:
    no, yes = profile()["measures"]["Twist"]["counts"]
    assert drifted(project, [no, yes]) == ["good"]
    assert drifted(project, [yes * 3, no]) == ["bad"]
    assert drifted(project, [2, 3]) == ["unclear"]  # five accepted stories say nothing
    row = next(row for row in cells(section(project, "drift").tables[0]) if row[0] == "Twist")
    assert float(row[3]) > WARNING and float(row[3]) < float(row[4])


@pytest.mark.parametrize("measures", [{"words": 3}, {"words": {"counts": "many"}}, {"words": {}}])
def test_accepted_measures_that_are_none_are_named_in_one_line(project: Paths, measures: Any) -> None:
    project.accepted.write_text(json.dumps({"measures": measures}))
    with pytest.raises(TinyStoriesError, match=r"accepted-corpus\.json.*take the accepted ones from git") as error:
        document(read_inputs(project))
    assert "\n" not in str(error.value)


def test_both_taggers_stand_there_with_intervals_and_the_readers(project: Paths) -> None:
    shown, asked = section(project, "taggers"), read_json(RECALL)
    assert len(shown.tables) == 2
    for name, table in zip(("tagger", "judge"), shown.tables, strict=True):
        gold = Tagger.load(name).gold
        assert [row[0] for row in table.rows] == sorted(TAGS)
        for row in table.rows:
            own = gold[row[0]]
            f1 = row[3]
            assert isinstance(f1, Figure) and f1.text == f"{own['f1']:.2f}"
            assert f1.interval == f"{own['f1_low']:.2f} to {own['f1_high']:.2f}"
            assert row[6].text == f"{own['readers_f1']:.2f}"
            assert row[7].text == f"{asked[name][row[0]]['recall']:.2f}" and row[7].interval


@pytest.mark.parametrize("place", ["text", "source", "rarest", "tags", "word", "left out", "kept", "reason"])
def test_hostile_text_in_the_corpus_is_shown_as_text(project: Paths, place: str) -> None:
    known, examples = json.loads(json.dumps(profile())), json.loads(json.dumps(EXAMPLES))
    match place:
        case "text" | "source":
            known["typical"][0][place] = HOSTILE
        case "rarest":
            known["unusual"][0]["rarest"][0][0] = HOSTILE
        case "tags":
            known["combinations"][0]["tags"] = [HOSTILE]
        case "word":
            known["vocabulary"]["most_frequent"][0]["word"] = HOSTILE
        case "left out":
            examples["near"][0]["left_out"] = left_out(HOSTILE, source=HOSTILE, partition=HOSTILE)
        case "kept":
            examples["copies"][0]["kept"] = left_out(HOSTILE)
        case "reason":
            examples["by_reason"] = {HOSTILE: [left_out(HOSTILE)]}
    write_json(project.profile, known)
    write_json(project.examples, examples)
    is_shown_as_text(project)
