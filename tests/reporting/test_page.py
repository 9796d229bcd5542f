"""The report as a whole: true to its files, alone in the world, and safe with any text."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tinystories.errors import TinyStoriesError
from tinystories.params import load_params
from tinystories.paths import Paths
from tinystories.reporting.figures import read_inputs
from tinystories.reporting.page import html, markdown
from tinystories.reporting.sections import document
from tinystories.stages.report import run

ROOT = Path(__file__).resolve().parents[2]
# written for other readers than the report's
NOT_SHOWN = {
    "evaluate": {
        "model.parameters", "likelihood.tokens", "likelihood.bytes", "likelihood.perplexity",
        "completion.requested_stories", "infilling.last_stories", "infilling.generated", "judge.*.n",
        "judge.*.positives", "judge.*.tn",
    },
    "extract": {"commit", "stories", "partitions.*", "files.*.layout", "without_stories"},
    "validate": {"stories", "bad", "bad_share", "partitions.*"},
    "split": {"stories", "stories_per_partition.validation", "stories_per_partition.test"},
    "tokenize": {"vocab_size_asked", "*.bytes"},
    "train": {"budget_line", "budget.*"},
}  # fmt: skip


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None or not value:
        yield path
    else:
        for key, child in items:
            yield from leaves(child, (*path, key))


def changed(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    return 2 * value + 1 if isinstance(value, int) else value + 0.5 if isinstance(value, float) else f"{value}?"


def both(paths: Paths) -> tuple[str, str]:
    report = document(read_inputs(paths))
    return html(report), markdown(report)


def edit_lines(path: Path, **values: Any) -> None:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[0] |= values
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


class Page(HTMLParser):
    """Tags that open and close as they should, every attribute, and the text."""

    VOID = frozenset({"meta", "link", "br"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes nothing of its kind"

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.parametrize("name", sorted(NOT_SHOWN))
def test_every_figure_of_every_file_stands_on_the_page(project: Paths, name: str) -> None:
    file = project.root / f"reports/metrics/{name}.json"
    content = json.loads(file.read_text())
    before = both(project)
    hidden = [re.compile(re.escape(key).replace(r"\*", "[^.]+") + r"$") for key in NOT_SHOWN[name]]
    unseen = []
    for path in leaves(content):
        key = ".".join(map(str, path))
        if any(pattern.match(key) for pattern in hidden):
            continue
        edited = json.loads(json.dumps(content))
        node = edited
        for part in path[:-1]:
            node = node[part]
        node[path[-1]] = changed(node[path[-1]])
        file.write_text(json.dumps(edited))
        unseen += [
            (key, kind) for kind, old, new in zip(("html", "md"), before, both(project), strict=True) if old == new
        ]
    assert unseen == []


def test_the_curve_and_the_scores_stand_on_the_page(project: Paths) -> None:
    before = both(project)
    project.curve.write_text(project.curve.read_text().replace("\n200,", "\n207,"))
    after = both(project)
    assert before[0] != after[0] and before[1] != after[1]
    first = project.curve.read_text().splitlines()[1]
    project.curve.write_text(project.curve.read_text().replace(first, "1,9.7,,0.003"))
    before, after = after, both(project)
    assert before[0] != after[0]  # the training loss is drawn, and is in no table
    scores = project.evaluation / "stories.parquet"
    rows = pq.read_table(scores).to_pylist()
    rows[0]["nats"] += 500.0
    pq.write_table(pa.Table.from_pylist(rows), scores)
    again = both(project)
    assert after[0] != again[0] and after[1] != again[1]


@pytest.mark.parametrize(
    ("file", "values"),
    [
        ("generated.jsonl", {"text": "Another story."}),
        ("generated.jsonl", {"stopped": "max_tokens"}),
        ("generated.jsonl", {"seed": 99_999}),
        ("generated.jsonl", {"request": {"index": 99_999}}),
        ("generated.jsonl", {"nats": 7.0}),
        ("generated.jsonl", {"met": {"word:kite": False}}),
        ("generated.jsonl", {"request": {"prompt": "Nell had a red"}, "met": {"prompt": True}}),
        ("generated.jsonl", {"made_up": ["blick"]}),
        ("copied.jsonl", {"text": "Another story."}),
        ("copied.jsonl", {"nearest": "Another training story."}),
        ("copied.jsonl", {"longest_run": "another run"}),
        ("copied.jsonl", {"line": 77}),
        ("copied.jsonl", {"share_8grams_in_train": 0.5}),
        ("copied.jsonl", {"nearest_share_4grams": 0.5}),
        ("infillings.jsonl", {"generated": "Another middle."}),
        ("infillings.jsonl", {"middle": "Another truth."}),
        ("infillings.jsonl", {"first": "Another first."}),
        ("infillings.jsonl", {"last": "Another last."}),
    ],
)
def test_stories_and_middles_stand_on_the_page(project: Paths, file: str, values: dict[str, Any]) -> None:
    before = both(project)
    edit_lines(project.evaluation / file, **values)
    after = both(project)
    assert before[0] != after[0] and before[1] != after[1]


def test_the_run_writes_both_files_and_the_same_bytes_anywhere(
    project: Paths, root: Path, tmp_path_factory: Any
) -> None:
    params = load_params(root)
    elsewhere = Paths(tmp_path_factory.mktemp("quite another place"))
    shutil.copytree(project.root, elsewhere.root, dirs_exist_ok=True)
    assert run(params, project) == run(params, elsewhere)
    for one, other in zip(
        (project.report_html, project.report_markdown), (elsewhere.report_html, elsewhere.report_markdown), strict=True
    ):
        assert one.read_bytes() == other.read_bytes()
        assert str(project.root) not in one.read_text() and b"\r" not in one.read_bytes()


def test_the_bytes_do_not_hang_on_the_order_of_sets(project: Paths) -> None:
    content = json.loads(project.evaluate_metrics.read_text())
    content["adherence"]["Twist"]["stories"] = 19
    project.evaluate_metrics.write_text(json.dumps(content))
    code = (
        "import hashlib, pathlib, sys; from tinystories.paths import Paths; from tinystories.reporting import page;"
        "from tinystories.reporting.figures import read_inputs; from tinystories.reporting.sections import document;"
        "d = document(read_inputs(Paths(pathlib.Path(sys.argv[1]))));"
        "print(hashlib.sha256((page.html(d) + page.markdown(d)).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code, str(project.root)],
            env={**os.environ, "PYTHONHASHSEED": seed}, cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2", "3", "4")
    }  # fmt: skip
    assert len(digests) == 1


def test_the_page_loads_nothing(project: Paths) -> None:
    page = Page(both(project)[0])
    assert not page.tags & {"script", "img", "iframe", "object", "embed", "video", "audio", "base", "form"}
    addresses = [
        (tag, value) for tag, name, value in page.attributes if name in {"src", "href", "action", "data", "xlink:href"}
    ]
    assert addresses == [("link", "data:,")]
    css = both(project)[0].split("<style>")[1].split("</style>")[0]
    assert "url(" not in css and "@import" not in css and "http" not in css
    assert ("meta", "content", "default-src 'none'; style-src 'unsafe-inline'; img-src data:") in page.attributes


def test_the_page_is_whole_html(project: Paths) -> None:
    page = Page(both(project)[0])
    assert page.open == []
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_the_markdown_has_the_page_s_headline_figures_and_tables(project: Paths) -> None:
    from markdown_it import MarkdownIt

    report = document(read_inputs(project))
    text = markdown(report)
    tables = MarkdownIt("commonmark").enable("table").render(text)
    page = "".join(Page(html(report)).text)
    assert [headline.figure.text for headline in report.headlines] == [
        "672.4",
        "1.087",
        "100.0\N{NO-BREAK SPACE}%",
        "9.4",
    ]
    for headline in report.headlines:
        assert headline.figure.text in text and headline.figure.text in page
    for value in ("655.1 to 690.2", "812.6", "1,238.9", "7.1 to 11.9", "1,394,304"):
        assert value in text and value in page
    count = sum(
        len(section.tables) + sum(plot.table is not None for plot in section.plots) for section in report.sections
    )
    assert tables.count("<table>") == count
    for section in report.sections:
        assert f"## {section.title}" in text and section.title in page
    for check in report.checks:
        assert check.sentence in page


def test_every_figure_says_where_it_comes_from(project: Paths) -> None:
    page = Page(both(project)[0])
    titles = [value for _, name, value in page.attributes if name == "title"]
    keys = ", ".join(f"likelihood.nats_per_story{end}" for end in ("", "_low", "_high"))
    assert f"reports/metrics/evaluate.json: {keys}" in titles
    assert "reports/evaluation/generated.jsonl: line 1" in titles
    named = {title.split(": ")[0] for title in titles} - {"95 % interval"}
    assert named >= {f"reports/metrics/{name}.json" for name in NOT_SHOWN}


def test_what_is_not_known_is_a_dash_and_nothing_fails(project: Paths) -> None:
    for name in NOT_SHOWN:
        (project.root / f"reports/metrics/{name}.json").write_text("{}")
    for path in (project.examples, project.profile, project.accepted):
        path.write_text("{}")
    for name in ("generated", "infillings"):
        (project.evaluation / f"{name}.jsonl").write_text("")
    project.curve.write_text("step,train_loss,validation_loss,lr\n")
    pq.write_table(
        pa.table({key: pa.array([], pa.float64()) for key in ("story_id", "nats", "tokens", "bytes")}),
        project.evaluation / "stories.parquet",
    )
    report = document(read_inputs(project))
    assert [headline.figure.text for headline in report.headlines] == ["–"] * 4
    assert report.checks == []
    assert Page(html(report)).open == []
    assert "None" not in html(report) and "None" not in markdown(report)


@pytest.mark.parametrize(
    ("file", "stage"),
    [
        *((f"reports/metrics/{name}.json", name) for name in NOT_SHOWN),
        ("data/validate/examples.json", "validate"),
        ("data/split/profile.json", "split"),
        ("pipeline/accepted-corpus.json", "drift --accept"),
        ("reports/plots/curve.csv", "train"),
        ("reports/evaluation/stories.parquet", "evaluate"),
        ("reports/evaluation/generated.jsonl", "evaluate"),
        ("reports/evaluation/infillings.jsonl", "evaluate"),
        ("reports/evaluation/copied.jsonl", "evaluate"),
    ],
)
def test_a_missing_or_broken_file_is_named_in_one_line(project: Paths, root: Path, file: str, stage: str) -> None:
    path = project.root / file
    path.write_bytes(b"\xff{ not this")
    with pytest.raises(TinyStoriesError, match=re.escape(file)) as broken:
        run(load_params(root), project)
    path.unlink()
    with pytest.raises(TinyStoriesError, match=re.escape(file)) as missing:
        run(load_params(root), project)
    for error in (broken, missing):
        assert f"`tinystories {stage}`" in str(error.value) and "\n" not in str(error.value)
    assert not project.report_html.exists()


@pytest.mark.parametrize("value", ["312", True, [1], {"a": 1}])
def test_a_figure_that_is_no_number_is_named(project: Paths, value: Any) -> None:
    content = json.loads(project.evaluate_metrics.read_text())
    content["completion"]["share"] = value
    project.evaluate_metrics.write_text(json.dumps(content))
    with pytest.raises(TinyStoriesError, match=r"evaluate\.json: completion\.share: expected a number"):
        document(read_inputs(project))
