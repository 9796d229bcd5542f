"""Several processes of one training: the same data and the same model as one."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.builders import TINY, sample, small_tokenizer, story_tokens, tiny_params, write_split
from tests.conftest import ROOT
from tinystories.files import read_json
from tinystories.paths import Paths
from tinystories.requests.mixed import plain
from tinystories.stages import tokenize, train
from tinystories.training.batches import Batch, collate
from tinystories.training.checkpoints import complete_checkpoints
from tinystories.training.distributed import Group

SCRIPT = f"""
import os, sys, time
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from tinystories.errors import TinyStoriesError
from tinystories.params import load_params
from tinystories.files import read_json
from tinystories.paths import Paths
from tinystories.stages import train
def say(message): print("said:", message, flush=True)
def on_step(step, steps):
    print("rank", os.environ.get("RANK"), "pid", os.getpid(), "step", step, flush=True)
    time.sleep(float(os.environ.get("PAUSE", "0")))
try:
    train.run(load_params(Path({str(ROOT)!r}), sys.argv[2:]), Paths(Path(sys.argv[1])), say=say, on_step=on_step)
except TinyStoriesError as error:
    print("error:", error, flush=True)
    sys.exit(2)
"""
EXACT = ("train.optimizer=adamw", "train.precision=fp32", "train.steps=50", "train.checkpoint_every=20")
STORIES = [row["story"] for row in sample(60)]


def batch(rows: int) -> Batch:
    examples = [plain(small_tokenizer(), s) for s in story_tokens(small_tokenizer(), rows)]
    return collate(examples, max(len(e) for e in examples) - 1)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("accumulate", [1, 2, 4])
def test_the_processes_rows_are_the_batch_each_once_in_as_many_parts_everywhere(size: int, accumulate: int) -> None:
    whole = batch(7)
    shares = [Group(rank, size).share(whole, accumulate) for rank in range(size)]
    assert len({tuple(mask.shape for _, _, mask in share) for share in shares}) == 1
    found = [row.tobytes() for share in shares for i, t, m in share for row in _rows(i, t, m)]
    assert sorted(found) == sorted(row.tobytes() for row in _rows(whole.inputs_BT, whole.targets_BT, whole.mask_BT))


def _rows(inputs: torch.Tensor, targets: torch.Tensor, mask: torch.Tensor) -> list["torch.Tensor"]:
    stacked = torch.stack([inputs, targets, mask.long()], dim=1)
    return [row.numpy() for row, m in zip(stacked, mask, strict=True) if m.any()]


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    write_split(paths.split, {"train": STORIES[:40], "validation": STORIES[40:50], "test": STORIES[50:]})
    tokenize.run(tiny_params(), paths)
    return paths


def torchrun(paths: Paths, *overrides: str, processes: int = 2, pause: float = 0.0) -> "subprocess.Popen[str]":
    script = paths.root / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PAUSE": str(pause)}
    return subprocess.Popen(
        [*command, str(script), str(paths.root), *TINY, *overrides],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip


def finished(process: "subprocess.Popen[str]", status: int = 0) -> str:
    said, errors = process.communicate(timeout=300)
    assert (process.returncode == 0) == (status == 0), said + errors
    return said + errors


def weights(paths: Paths) -> dict[str, torch.Tensor]:
    return load_file(paths.model / "model.safetensors")


@pytest.mark.slow
@pytest.mark.parametrize("how", ["ddp", "fsdp"])
def test_two_processes_follow_one_for_50_steps(how: str, paths: Paths) -> None:
    finished(torchrun(paths, *EXACT, "train.accumulate=2", f"train.parallel={how}"))
    two = weights(paths)
    train.run(tiny_params(*EXACT), paths)
    for name, weight in weights(paths).items():
        # AdamW in fp32: only the order of sums differs; measured 2.3e-6
        assert torch.allclose(weight, two[name], atol=1e-4, rtol=0), name


@pytest.mark.slow
def test_muon_over_shards_ends_at_the_loss_of_one_process(paths: Paths) -> None:
    steps = ("train.steps=40", "train.precision=fp32")
    alone = train.run(tiny_params(*steps), paths)
    finished(torchrun(paths, *steps, "train.parallel=fsdp"))
    together = read_json(paths.train_metrics)
    assert together["processes"] == 2 and "processes" not in alone
    # its bfloat16 products show the order of sums, so the weights differ; the loss must not
    assert together["validation_loss"] == pytest.approx(alone["validation_loss"], abs=0.01)


@pytest.mark.slow
def test_a_signal_to_one_stops_all_after_one_step_and_one_process_goes_on_from_there(paths: Paths) -> None:
    process = torchrun(paths, *EXACT, "train.parallel=fsdp", pause=0.1)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("rank 1") and line.endswith("step 7\n"):
            os.kill(int(line.split()[3]), signal.SIGTERM)
            break
    said = finished(process, status=1)
    assert said.count("said: stopped at step") == 1
    work = next(p for p in paths.work.iterdir() if p.name.startswith("train-"))
    step = int(complete_checkpoints(work / "checkpoints")[-1].name.removeprefix("step-"))
    assert 7 <= step <= 9
    heard: list[str] = []
    train.run(tiny_params(*EXACT, "train.parallel=fsdp"), paths, say=heard.append)
    assert heard == [f"resumed from step {step}"]
    gone_on = weights(paths)
    train.run(tiny_params(*EXACT), paths)
    for name, weight in weights(paths).items():
        assert torch.allclose(weight, gone_on[name], atol=1e-4, rtol=0), name


@pytest.mark.slow
def test_a_dead_process_ends_the_training_with_one_line(paths: Paths) -> None:
    process = torchrun(paths, *EXACT, "train.steps=1000", pause=0.1)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("rank 1") and line.endswith("step 5\n"):
            os.kill(int(line.split()[3]), signal.SIGKILL)
            break
    begun = time.monotonic()
    said = finished(process, status=1)
    assert time.monotonic() - begun < 60
    lines = [line for line in said.splitlines() if line.startswith("error:")]
    assert len(lines) == 1 and "another process of this training is gone" in lines[0]
    assert "Traceback" not in said.split("error:")[0]
