"""GX's own page: it is about the measures, has no word of a story, and loads nothing."""

import re
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.reporting.test_page import Page
from tinystories.corpus.record import EXTRACTED, partition_of, story_id
from tinystories.corpus.rows import frame, measure
from tinystories.corpus.suite import Suite
from tinystories.files import read_json
from tinystories.params import load_params
from tinystories.paths import Paths
from tinystories.stages import validate
from tinystories.text.tags import TAGS

SECRET = "xylophonic"  # in every story
ROW = dict.fromkeys(EXTRACTED.names) | {"story_id": "0" * 16, "text": SECRET, "source": SECRET, "partition": "train"}
LIMITS = (
    "min_words", "max_words", "most_refusals", "most_prompts", "most_cut_off", "most_other_languages",
)  # fmt: skip


@pytest.fixture(scope="module")
def docs(root: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    project = tmp_path_factory.mktemp("project")
    shutil.copytree(root / "pipeline", project / "pipeline")
    shutil.copy(root / "params.yaml", project)
    texts = [f"A {SECRET} cat ran {number} miles. It was happy." for number in range(120)]
    texts += [texts[0], f"A {SECRET} \0 cat.", texts[1].replace("cat", "\ufffd")]
    rows = [
        dict.fromkeys(EXTRACTED.names)
        | {"story_id": story_id(text), "text": text, "source": SECRET, "features": []}
        | {"partition": partition_of(story_id(text), 0.05, 0.1)}
        for text in texts
    ]
    paths = Paths(project)
    paths.extracted.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=EXTRACTED), paths.extracted)
    validate.run(load_params(project), paths)
    return paths.data_docs.read_text(encoding="utf-8")


def test_it_is_readable_without_a_network(docs: str) -> None:
    assert re.findall(r"https?:|//[\w.-]+\.\w+/|url\(|@import|src=|srcset=", docs) == []
    parsed = Page(re.sub(r"<(input|br|hr)\b[^>]*>", "", docs))
    assert not parsed.tags & {"script", "img", "iframe", "object", "svg"}
    assert [value for tag, name, value in parsed.attributes if tag == "link" and name == "href"] == ["data:,"]
    assert not [name for _, name, _ in parsed.attributes if name.startswith("on") and name != "one"]
    assert "default-src 'none'" in docs


def test_it_says_what_was_expected_and_how_often_it_was_not_so(docs: str) -> None:
    text = " ".join(" ".join(Page(re.sub(r"<(input|br|hr)\b[^>]*>", "", docs)).text).split())
    for part in ("words", "near_held_out", "kept_partition", "Evaluated Expectations", "earlier_copies"):
        assert part in text, part
    assert "1 unexpected values found" in text
    assert "can't be rendered" not in text and "None of the" not in text


def test_it_has_no_word_of_a_story(docs: str) -> None:
    assert SECRET not in docs


def test_gx_is_shown_measures_alone(root: Path) -> None:
    suite = root / "pipeline/expectations/stories.json"
    named = {expectation["kwargs"]["column"] for expectation in read_json(suite)["expectations"]}
    table = frame([measure(pa.Table.from_pylist([ROW], schema=EXTRACTED), known_tags=TAGS, english=False)])
    letters = {name for name in named & set(table.columns) if table[name].dtype.kind not in "iub"}
    assert letters == {"partition"}
    # even of a table that has the text: GX gets the columns that the suite names
    run = Suite(suite)
    run.run(["row"], table.assign(text=SECRET), dict.fromkeys(LIMITS, 1))
    assert SECRET not in str(run.results)
