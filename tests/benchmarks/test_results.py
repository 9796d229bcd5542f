"""The tables of docs/results.md say what the projects measured."""

import json
import shutil
from pathlib import Path

import pytest

from benchmarks.results import tables

MARKS = "".join(f"<!-- {name} -->\n\n<!-- end of {name} -->\n" for name in ("models", "places", "tags", "tasks"))


@pytest.fixture
def project(root: Path, tmp_path: Path) -> Path:
    """The committed figures of the sample's run, twice as many nats a story and no Twist asked for in vain."""
    other = tmp_path / "other"
    shutil.copytree(root / "reports/metrics", other / "reports/metrics")
    path = other / "reports/metrics/evaluate.json"
    metrics = json.loads(path.read_text())
    metrics["likelihood"]["nats_per_story"] *= 2
    metrics["adherence"]["Twist"].update(requested=0.75, unconditional=0.5)
    metrics["adherence"]["Conflict"].update(requested_corrected_low=None, requested_corrected_high=None)
    metrics["abilities"]["number"]["share"] = 0.125
    metrics["by_position"]["17-32"]["nats_per_token"] = 9.0
    path.write_text(json.dumps(metrics))
    return other


def test_each_model_has_its_own_figures_in_its_column(root: Path, project: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{MARKS}after\n")
    tables.main([f"sample={root}", f"other={project}", "--page", str(page)])
    text = page.read_text()
    assert text.startswith("before\n<!-- models -->\n| model | sample | other |\n") and text.endswith("-->\nafter\n")
    rows = {line.split(" | ")[0].removeprefix("| "): line.split(" | ")[1:] for line in text.splitlines()}
    own = json.loads((root / "reports/metrics/evaluate.json").read_text())
    nats = own["likelihood"]["nats_per_story"]
    mine, others = rows[f"nats per story, {own['likelihood']['stories']:,} test stories"]
    assert mine.startswith(f"{nats:.1f} (") and others.startswith(f"{2 * nats:.1f} (")
    assert rows["Twist"][-1] == "+25.0 |"
    tables.main([f"other={project}", "--page", str(page)])
    corrected = json.loads((project / "reports/metrics/evaluate.json").read_text())["adherence"]["Conflict"]
    assert f"| {100 * corrected['requested_corrected']:.1f} % |" in page.read_text()  # without an interval
    assert rows["number"][1].startswith("12.5 % (")
    assert rows["17–32"][1].startswith("9.00 (")
