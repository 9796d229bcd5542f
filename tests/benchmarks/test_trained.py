"""The tables of training: budgets on one path, nothing trained twice, what the pages say."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.training import quality, scaling
from benchmarks.training.trained import WARMUP, Recipe, Trained
from tests.builders import TINY, sample, tiny_params, write_split
from tests.conftest import ROOT
from tinystories.files import fingerprint, read_json
from tinystories.params import load_params
from tinystories.paths import Paths
from tinystories.stages import tokenize, train
from tinystories.training.loop import Trainer
from tinystories.training.optimiser import rate_at

STORIES = [row["story"] for row in sample(60)]
SMALL = Recipe("small", (*(x for x in TINY if not x.startswith(("train.steps", "train.val", "train.ch"))),
                         "train.compile=false", "train.device=cpu"))  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    paths = Paths(tmp_path_factory.mktemp("trained"))
    write_split(paths.split, {"train": STORIES[:40], "validation": STORIES[40:50], "test": STORIES[50:]})
    tokenize.run(tiny_params(), paths)
    return paths


@pytest.fixture
def trained(project: Paths, tmp_path: Path) -> Trained:
    return slow(Trained(project, tmp_path / "kept.jsonl", tmp_path / "work"))


def slow(trained: Trained, recipe: Recipe = SMALL) -> Trained:
    """As if a step had been measured to take a second: a minute is 60 of them."""
    about = {"kind": "speed", "data": trained.data, "key": trained.key(recipe)}
    line = about | {"seconds_per_step": 1.0, "machine": "a slow one"}
    trained.kept.write_text(json.dumps(line) + "\n")
    return trained


def test_budgets_go_on_from_each_other_to_what_one_training_in_one_go_gives(
    trained: Trained, project: Paths, tmp_path: Path
) -> None:
    walked: list[int] = []
    for minutes in (1.0, 2.0):
        line = trained.train(SMALL, minutes)
        walked.append(line["steps"])
        assert line["seconds"] > 0 and line["key"] == trained.key(SMALL)
        assert line["timed_on"] == "a slow one" != line["machine"]
    assert walked == [60, 120]
    # the rate of 60 steps falls from step 40 on, that of 120 from step 70
    assert sorted(p.name for p in (trained.work / trained.key(SMALL) / "constant").iterdir()) == [
        "step-00000040", "step-00000070",
    ]  # fmt: skip

    whole = Paths(tmp_path / "whole")
    (whole.root / "data").mkdir(parents=True)
    (whole.root / "data/tokens").symlink_to(project.tokens)
    metrics = train.run(load_params(ROOT, [*line["set"], "train.validation_stories=100"]), whole)
    assert metrics["validation_loss"] == line["validation_loss"] and metrics["tokens"] == line["tokens"]


def test_what_is_kept_is_not_trained_again(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    first = trained.train(SMALL, 1.0)
    kept = fingerprint(trained.kept)
    monkeypatch.setattr(Trainer, "run", None)
    assert trained.train(SMALL, 1.0) == first
    assert trained.train(Recipe("another name", SMALL.overrides), 1.0) == first
    assert fingerprint(trained.kept) == kept


def test_a_training_that_is_stopped_goes_on_and_its_seconds_with_it(
    trained: Trained, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    undisturbed = slow(Trained(trained.project, tmp_path / "other.jsonl", tmp_path / "other")).train(SMALL, 1.0)
    step = Trainer.step

    def stopped(self: Trainer, batch: Any, rate: float) -> float:
        if self.progress.step == 50:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(self, batch, rate)

    monkeypatch.setattr(Trainer, "step", stopped)
    with pytest.raises(SystemExit, match="143"):
        trained.train(SMALL, 1.0)
    monkeypatch.setattr(Trainer, "step", step)
    (clock,) = (trained.work / trained.key(SMALL) / "60/checkpoints/step-00000051").glob("seconds.json")
    spent = read_json(clock)["seconds"]
    line = trained.train(SMALL, 1.0)
    assert line["seconds"] > spent > 0
    same = ("steps", "tokens", "validation_loss", "bits_per_byte", "bits_per_byte_given_controls")
    assert {name: line[name] for name in same} == {name: undisturbed[name] for name in same}


def test_seconds_a_step_are_measured_once_and_kept_with_machine_and_commit(project: Paths, tmp_path: Path) -> None:
    trained = Trained(project, tmp_path / "kept.jsonl", tmp_path / "work")
    line = trained.speed(SMALL)
    assert trained.lines() == [line] == [trained.speed(SMALL)]
    assert 0 < line["seconds_per_step"] == min(line["each"]) and len(line["each"]) == 3
    assert torch.__version__ in line["machine"] and line["commit"] and line["date"]


@pytest.mark.parametrize(("short", "long"), [(60, 120), (61, 75), (200, 6000)])
def test_the_beginnings_of_two_budgets_are_one(short: int, long: int) -> None:
    falls = WARMUP + (short - WARMUP) // 2
    rates = [[rate_at(s, n, WARMUP / n, "linear") for s in range(falls)] for n in (short, long)]
    assert rates[0] == rates[1] and rates[0][WARMUP:] == [1.0] * (falls - WARMUP)


def line_of(trained: Trained, recipe: Recipe, minutes: float, bits: float) -> str:
    values = {
        "kind": "training", "data": trained.data, "key": trained.key(recipe), "recipe": recipe.name,
        "minutes": minutes, "steps": 100, "seconds": 66 * minutes, "seconds_per_step": 0.25, "parameters": 3_443_136,
        "tokens": 10 * minutes, "batch_tokens": 4096, "train_tokens": 1000, "bits_per_byte": bits, "stories": 1000,
        "bits_per_byte_given_controls": bits - 0.01, "timed_on": "m", "date": "2026-11-21", "commit": "c",
    }  # fmt: skip
    return json.dumps(values) + "\n"


def test_the_table_of_quality_has_all_that_is_kept_and_a_dash_for_the_rest(trained: Trained) -> None:
    lines = [
        line_of(trained, quality.recipe("best", 4096), 10, 0.712),
        line_of(trained, quality.recipe("mixed", 4096), 5, 0.801),
        line_of(trained, quality.recipe("plain", 4096, 0.002), 5, 0.95),
    ]
    trained.kept.write_text("".join(lines))
    text = quality.table(trained)
    assert "3,443,136 parameters; 1,000 test stories; minutes of m; trained 2026-11-21 from c." in text
    assert text.splitlines()[2:] == [
        "| recipe | tokens a step | s a step | 5 min | 10 min |",
        "| --- | --- | --- | --- | --- |",
        "| ours, stories alone | 4,096 | 0.250 | – | 0.712 |",
        "| ours, mixed requests | 4,096 | 0.250 | 0.801 | – |",
        "| ours, mixed requests; all controls given | 4,096 | 0.250 | 0.791 | – |",
        "| fp32, AdamW, eager, stories alone, learning rate 0.002 | 4,096 | 0.250 | 0.950 | – |",
    ]


def test_the_plain_recipe_gets_the_best_of_three_rates_before_anything_else(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, float]] = []

    def noted(self: Trained, recipe: Recipe, minutes: float) -> dict[str, float]:
        asked.append((recipe.overrides[-1], minutes))
        return {"bits_per_byte": {"train.lr=0.001": 1.0, "train.lr=0.002": 0.8}.get(recipe.overrides[-1], 0.9)}

    monkeypatch.setattr(Trained, "train", noted)
    quality.measure(trained, "plain", 4096, [1.0, 4.0, 30.0])
    assert asked[:3] == [(f"train.lr={rate}", 4.0) for rate in quality.RATES]
    assert asked[3:] == [("train.lr=0.002", minutes) for minutes in (1.0, 4.0, 30.0)]


def test_scaling_names_the_best_size_of_each_budget_and_the_smallest_that_will_do(trained: Trained) -> None:
    found = {("1.3M", 5): 0.9, ("3.4M", 5): 0.895, ("7.2M", 5): 1.1, ("3.4M", 30): 0.7, ("3.4M-deep", 5): 0.89}
    trained.kept.write_text(
        "".join(line_of(trained, scaling.recipe(name, 4096), m, bits) for (name, m), bits in found.items())
    )
    text = scaling.page(trained, 4096)
    assert "- 5 minutes: 3.4M (0.895); 1.3M is within 1 %" in text and "- 30 minutes" not in text
    assert "| 3.4M | 192 x 6 | 3,443,136 | 0.250 | **0.895** | **0.700** |" in text
    assert "| 3.4M-deep | 128 x 14 | 3,443,136 | 0.250 | **0.890** | – |" in text
    table = scaling.for_planning(trained, 4096)
    assert len(table["rows"]) == 4 and table["settings"]["train.batch_tokens"] == 4096


def test_sizes_are_what_their_names_say_and_the_presets_are_among_them() -> None:
    for name, (width, layers, heads, ffn) in (scaling.SHAPES | scaling.OTHER).items():
        params = scaling.recipe(name, 4096).params()
        m = params.model
        assert (m.width, m.layers, m.heads, m.ffn) == (width, layers, heads, ffn)
        millions = train.model_config(params, 4096).parameters / 1e6
        assert millions == pytest.approx(float(name.split("M")[0]), rel=0.08)
    mixed, same = quality.recipe("mixed", 4096).params(), scaling.recipe("3.4M", 4096).params()
    assert mixed == same  # trained once for both tables
