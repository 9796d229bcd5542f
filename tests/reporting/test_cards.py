"""The cards in the hub's templates: the run's own figures, and nothing that the template left open."""

import re
from pathlib import Path

import pytest
import yaml
from huggingface_hub import DatasetCard, ModelCard

from tests.reporting.test_checks import change
from tinystories.params import load_params
from tinystories.paths import Paths
from tinystories.reporting.cards import data_card, model_card
from tinystories.reporting.figures import read_inputs
from tinystories.stages.report import run


def test_the_stage_writes_both_beside_the_report(project: Paths, root: Path) -> None:
    run(load_params(root), project)
    assert project.model_card.read_text(encoding="utf-8") == model_card(read_inputs(project))
    assert project.data_card.read_text(encoding="utf-8") == data_card(read_inputs(project))


def test_figures_are_those_of_the_files_in_the_text_and_in_the_front_matter(project: Paths) -> None:
    change(project, likelihood__bits_per_byte=1.234)
    card = ModelCard(model_card(read_inputs(project)))
    assert "| bits per byte | 1.234 |" in card.text
    found = {result.metric_type: result.metric_value for result in card.data.eval_results or []}
    assert found == {"bits_per_byte": 1.234, "nats_per_story": 672.4}
    data = DatasetCard(data_card(read_inputs(project)))
    assert "1,256 short stories from sample" in data.text and "- too short: 1" in data.text


@pytest.mark.parametrize("card", [model_card, data_card])
def test_nothing_is_left_open_and_no_heading_stands_over_nothing(project: Paths, card: object) -> None:
    assert callable(card)
    text = card(read_inputs(project))
    assert not re.search(r"More Information Needed|<!--|\\(blank\\)|\\[optional\\]|None", text)
    body = text.split("---\n", 2)[2]
    for heading, after in re.findall(r"(?m)^(#+) [^\n]+\n\s*(?=(\S+))", body):
        assert not after.startswith("#") or len(after) > len(heading), f"{heading} over {after}"
    assert yaml.safe_load(text.split("---\n", 2)[1])["language"] == "en"


def test_what_is_not_known_is_a_dash(project: Paths) -> None:
    for name in ("extract", "validate", "split", "tokenize", "train", "evaluate"):
        (project.root / f"reports/metrics/{name}.json").write_text("{}")
    inputs = read_inputs(project)
    assert "model-index" not in model_card(inputs) and "–" in model_card(inputs)
    assert "None" not in model_card(inputs) + data_card(inputs)
