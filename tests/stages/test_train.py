"""train: the same batch in parts, the same loss as evaluate, and killed in every way it goes on where it was."""

import json
import os
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.builders import TINY, sample, tiny_params, write_split
from tests.conftest import ROOT
from tinystories.errors import TrainingError
from tinystories.model.folder import load_model
from tinystories.paths import Paths
from tinystories.requests.mixed import plain
from tinystories.requests.stored import StoredStories
from tinystories.stages import tokenize, train
from tinystories.training import loop
from tinystories.training.checkpoints import complete_checkpoints
from tinystories.training.loss import Nats, sequence_nats
from tinystories.training.order import Place

STORIES = [row["story"] for row in sample(60)]

# trains from the command line's side of the house, slowly enough to be killed in the middle
SCRIPT = """
import sys, time
from pathlib import Path
sys.path.insert(0, {root!r})
from tinystories.params import load_params
from tinystories.paths import Paths
from tinystories.stages import train
params = load_params(Path({root!r}), sys.argv[2:])
def say(message): print(message, flush=True)
def on_step(step, steps):
    print("step", step, flush=True)
    time.sleep(0.05)
train.run(params, Paths(Path(sys.argv[1])), on_step=on_step, say=say)
"""


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    paths = Paths(tmp_path_factory.mktemp("tokens"))
    write_split(paths.split, {"train": STORIES[:40], "validation": STORIES[40:50], "test": STORIES[50:]})
    tokenize.run(tiny_params(), paths)
    return paths.tokens


@pytest.fixture
def paths(tmp_path: Path, tokens: Path) -> Paths:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/tokens").symlink_to(tokens)
    return Paths(tmp_path)


def weights(paths: Paths) -> dict[str, torch.Tensor]:
    return load_file(paths.model / "model.safetensors")


def files(paths: Paths) -> dict[str, bytes]:
    outputs = [*sorted(paths.model.iterdir()), paths.train_metrics, paths.curve]
    return {p.name: p.read_bytes() for p in outputs}


def start(paths: Paths, *overrides: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", SCRIPT.format(root=str(ROOT)), str(paths.root), *TINY, *overrides]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ})


def kill_at(process: "subprocess.Popen[str]", step: int, how: signal.Signals) -> tuple[int, str]:
    """Send `how` when `step` is reached; exit status and all that was said."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if line == f"step {step}\n":
            process.send_signal(how)
            break
    rest, errors = process.communicate(timeout=60)
    return process.returncode, said + rest + errors


def test_training_learns_and_writes_the_whole_folder(paths: Paths) -> None:
    metrics = train.run(tiny_params("train.steps=60"), paths)
    curve = paths.curve.read_text().splitlines()
    assert curve[0] == "step,train_loss,validation_loss,lr"
    first = float(curve[1].split(",")[2])
    assert metrics["validation_loss"] < first - 0.3
    assert json.loads(paths.train_metrics.read_text()) == metrics
    expected = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "generation_config.json",
                "README.md", "fingerprint.json"}  # fmt: skip
    assert {p.name for p in paths.model.iterdir()} == expected
    assert not list(paths.work.iterdir())


def test_the_validation_loss_is_what_evaluation_finds_on_the_same_stories(paths: Paths) -> None:
    metrics = train.run(tiny_params("train.precision=fp32"), paths)
    loaded = load_model(paths.model)
    stories = sorted(StoredStories(paths.tokens, "validation"), key=lambda s: s.story_id)[:4]
    scored = sequence_nats(loaded.model, [plain(loaded.tokenizer, s) for s in stories], loaded.config.context)
    per_token = sum(s.nats for s in scored) / sum(s.targets for s in scored)
    assert metrics["validation_loss"] == pytest.approx(per_token, abs=1e-5)


def test_one_batch_of_32_is_4_of_8(paths: Paths) -> None:
    # AdamW: Muon rounds its matrices to bfloat16, so that it shows a last bit that the sums' order changed;
    # its gradients are those of the test below
    after = []
    for accumulate in (1, 4):
        overrides = (f"train.accumulate={accumulate}", "train.precision=fp32", "train.steps=3",
                     "train.batch_tokens=8192", "train.optimizer=adamw")  # fmt: skip
        train.run(tiny_params(*overrides), paths)
        after.append(weights(paths))
    for name, value in after[0].items():
        assert torch.allclose(value, after[1][name], atol=1e-5), name


def test_the_gradient_is_the_mean_over_valid_tokens_not_over_micro_batches(paths: Paths) -> None:
    # rows of very unequal targets: a mean of means would weigh the short half double
    params = tiny_params("train.precision=fp32")
    trainer = train._trainer(params, paths, train._material(params, paths), paths.work, print)
    batch = trainer.order.batches(0, 0)[0]
    batch.mask_BT[: len(batch.mask_BT) // 2, 5:] = False
    gradients = []
    for accumulate in (1, 2):
        trainer.params = params.train.model_copy(update={"accumulate": accumulate, "clip": 1e9})
        captured: list[torch.Tensor] = []
        trainer.optimiser.step = lambda rate, c=captured: c.extend(p.grad.clone() for p in trainer.model.parameters())  # type: ignore[method-assign, misc]
        trainer.model.zero_grad()
        trainer.step(batch, 1.0)
        gradients.append(captured)
    for a, b in zip(*gradients, strict=True):
        assert torch.allclose(a, b, atol=1e-6)


def test_two_runs_of_one_seed_give_the_same_bytes_and_another_seed_others(paths: Paths) -> None:
    runs = []
    for seed in (1, 1, 2):
        train.run(tiny_params(f"seed={seed}"), paths)
        runs.append(files(paths))
    assert runs[0] == runs[1]
    assert runs[0]["model.safetensors"] != runs[2]["model.safetensors"]


@pytest.mark.parametrize(
    ("how", "step", "status", "resumed"),
    [(signal.SIGTERM, 7, 143, 7), (signal.SIGKILL, 8, -9, 5), (signal.SIGINT, 6, 130, 6)],
)
def test_killed_training_goes_on_where_it_was_to_the_same_bytes(
    how: signal.Signals, step: int, status: int, resumed: int, paths: Paths
) -> None:
    code, said = kill_at(start(paths), step, how)
    assert code == status, said
    assert not (paths.model / "config.json").exists()
    process = start(paths)
    said, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    # a signal may arrive one step late; the line must name the step that is really gone on from
    assert any(f"resumed from step {n}\nstep {n + 1}\n" in said for n in (resumed, resumed + 1))
    interrupted = files(paths)
    train.run(tiny_params(), paths)
    assert files(paths) == interrupted


def test_the_last_step_is_measured_once_and_curve_and_metrics_have_the_same_six_digits(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = []

    def counted(*arguments: Any) -> list[Nats]:
        measured.append(1)
        return sequence_nats(*arguments)

    monkeypatch.setattr(loop, "sequence_nats", counted)
    metrics = train.run(tiny_params("train.validate_every=6"), paths)
    columns, *_, row = (line.split(",") for line in paths.curve.read_text().splitlines())
    last = dict(zip(columns, row, strict=True))
    assert len(measured) == 2 and last["step"] == "12"
    for name in ("train_loss", "validation_loss"):
        assert metrics[name] == float(last[name]) == float(f"{metrics[name]:.6g}")
    assert metrics["validation_nats_per_story"] == float(f"{metrics['validation_nats_per_story']:.6g}")


def test_stopped_at_the_last_step_it_has_nothing_left_but_to_write(paths: Paths) -> None:
    train.run(tiny_params(), paths)
    undisturbed = files(paths)
    with pytest.raises(SystemExit, match="143"):  # the signal is noticed in step 12 of 12
        train.run(tiny_params(), paths, on_step=lambda n, _: os.kill(os.getpid(), signal.SIGTERM) if n == 11 else None)
    steps: list[int] = []
    train.run(tiny_params(), paths, on_step=lambda n, _: steps.append(n))
    assert steps == [] and files(paths) == undisturbed


def test_what_was_half_trained_on_other_parameters_is_not_gone_on_with(paths: Paths) -> None:
    kill_at(start(paths), 7, signal.SIGTERM)
    process = start(paths, "train.lr=0.001")
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and "resumed" not in said


def test_divergence_stops_with_step_stories_and_the_last_good_checkpoint(paths: Paths) -> None:
    params = tiny_params("train.validate_every=1000")
    trainer = train._trainer(params, paths, train._material(params, paths), paths.work, print)
    trainer.run(6)
    with torch.no_grad():
        trainer.model.model.norm.weight.fill_(float("nan"))
    ids = {story.story_id for story in trainer.order.stories}
    with pytest.raises(TrainingError, match=r"step 7 .*step-00000005") as caught:
        trainer.run(12)
    assert any(i in str(caught.value) for i in ids)
    assert complete_checkpoints(trainer.checkpoints)[-1].name == "step-00000005"


def test_budgets_in_steps_epochs_and_tokens_agree_with_the_data(paths: Paths) -> None:
    params = tiny_params()
    order = train._trainer(params, paths, train._material(params, paths), paths.work, print).order
    batches, tokens = order.per_epoch()
    for budget, steps in (
        ("epochs=2", round(2 * batches)),
        (f"tokens={round(tokens)}", round(batches)),
        ("steps=3", 3),
    ):
        metrics = train.run(tiny_params("train.steps=null", f"train.{budget}"), paths)
        assert metrics["steps"] == steps
    places = [place for _, place in islice(order.walk(Place()), round(2 * batches))]
    assert places[-1].epoch in (1, 2)


def test_a_budget_in_minutes_is_frozen_in_steps_kept_and_called_not_reproducible(paths: Paths) -> None:
    said: list[str] = []
    begun = time.monotonic()
    metrics = train.run(tiny_params("train.steps=null", "train.minutes=0.1"), paths, say=said.append)
    assert time.monotonic() - begun < 30
    assert metrics["reproducible"] is False and metrics["budget"] == {"minutes": 0.1}
    assert f"steps: {metrics['steps']}" in said[0] and metrics["budget_line"] == f"steps: {metrics['steps']}"


def test_the_dry_run_states_what_training_then_does(paths: Paths) -> None:
    plan = train.dry_run(tiny_params(), paths)
    metrics = train.run(tiny_params(), paths)
    assert plan["parameters"] == metrics["parameters"] and plan["steps"] == metrics["steps"] == 12
    assert plan["epochs"] == pytest.approx(metrics["epochs"], abs=0.01)
    assert plan["minutes"] > 0 and plan["memory_bytes"] > 4 * plan["parameters"]


def test_the_watched_stories_are_the_same_ones_whatever_else_is_added(paths: Paths, tmp_path: Path) -> None:
    params = tiny_params()
    before = [
        e.story_id for e in train._trainer(params, paths, train._material(params, paths), paths.work, print).validation
    ]
    more = Paths(tmp_path / "more")
    write_split(more.split, {"train": STORIES[:40], "validation": STORIES[50:] + STORIES[40:50], "test": STORIES[:1]})
    tokenize.run(tiny_params("train.validation_stories=20"), more)
    params = tiny_params("train.validation_stories=20")
    after = [
        e.story_id for e in train._trainer(params, more, train._material(params, more), paths.work, print).validation
    ]
    assert after == sorted(after) and set(before) <= set(after)
