"""Killed anywhere, training goes on to the same bytes; a full disk costs no checkpoint."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders import TINY, sample, tiny_params, write_split
from tests.conftest import ROOT
from tinystories.paths import Paths
from tinystories.stages import tokenize
from tinystories.training.checkpoints import complete_checkpoints, load_newest

STORIES = [row["story"] for row in sample(60)]
STEPS = ("train.steps=30", "train.checkpoint_every=10", "train.validate_every=10")

# ends itself by SIGKILL at a place that no signal from outside could hit for sure
SCRIPT = f"""
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from tinystories.errors import TinyStoriesError
from tinystories.params import load_params
from tinystories.paths import Paths
from tinystories.stages import train
from tinystories.training import checkpoints, loop

folder, where, step, *overrides = sys.argv[1:]
step, reached = int(step), 0

def end():
    os.kill(os.getpid(), signal.SIGKILL)

def on_step(number, _):
    global reached
    reached = number
    if where == "step" and number == step:
        end()

def ending(call, place, before):
    at = step - before  # a step counts as reached when it has been validated, if that is due

    def wrapped(*arguments, **named):
        if where == place and reached == at and before:
            end()
        result = call(*arguments, **named)
        if where == place and reached == at:
            end()
        return result
    return wrapped

checkpoints.save_file = ending(checkpoints.save_file, "in the save", before=False)
loop.save_checkpoint = ending(loop.save_checkpoint, "after the save", before=False)
loop.sequence_nats = ending(loop.sequence_nats, "in the validation", before=True)
params = load_params(Path({str(ROOT)!r}), overrides)
try:
    train.run(params, Paths(Path(folder)), on_step=on_step, say=lambda message: print(message, flush=True),
              on_log=lambda number, _: end() if where == "after the validation" and number == step else None)
except TinyStoriesError as error:
    print("error:", error, flush=True)
    sys.exit(2)
"""


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    paths = Paths(tmp_path_factory.mktemp("tokens"))
    write_split(paths.split, {"train": STORIES[:40], "validation": STORIES[40:50], "test": STORIES[50:]})
    tokenize.run(tiny_params(), paths)
    return paths.tokens


def project(tmp_path: Path, tokens: Path, name: str) -> Paths:
    paths = Paths(tmp_path / name)
    (paths.root / "data").mkdir(parents=True)
    (paths.root / "data/tokens").symlink_to(tokens)
    return paths


def train(paths: Paths, where: str, step: int, *overrides: str, largest_file: int | None = None) -> tuple[int, str]:
    """Exit status and all that was said."""

    def limit() -> None:
        if largest_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(paths.root), where, str(step), *TINY, *overrides],
        capture_output=True, text=True, timeout=900, env={**os.environ}, preexec_fn=limit, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def results(paths: Paths) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in [*sorted(paths.model.iterdir()), paths.train_metrics, paths.curve]}


def checkpoints(paths: Paths) -> Path:
    work = next(p for p in paths.work.iterdir() if p.name.startswith("train-"))
    return work / "checkpoints"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "step", "resumed"),
    [
        ("step", 20, 10),  # before the save of step 20
        ("in the save", 20, 10),
        ("after the save", 20, 20),
        ("in the validation", 20, 10),
        ("after the validation", 20, 10),  # and before the save
        ("step", 27, 20),  # in the middle of an epoch: there are 20 or so batches
    ],
)
def test_killed_in_every_place_it_goes_on_to_the_same_bytes(
    where: str, step: int, resumed: int, tmp_path: Path, tokens: Path, undisturbed: dict[str, bytes]
) -> None:
    paths = project(tmp_path, tokens, "killed")
    status, said = train(paths, where, step, *STEPS)
    assert status == -signal.SIGKILL, said
    assert complete_checkpoints(checkpoints(paths))[-1].name == f"step-{resumed:08d}"
    status, said = train(paths, "nowhere", 0, *STEPS)
    assert status == 0 and f"resumed from step {resumed}\n" in said, said
    assert results(paths) == undisturbed
    assert not list(paths.work.iterdir())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, tokens: Path) -> dict[str, bytes]:
    paths = project(tmp_path_factory.mktemp("undisturbed"), tokens, "whole")
    status, said = train(paths, "nowhere", 0, *STEPS)
    assert status == 0, said
    return results(paths)


@pytest.mark.slow
def test_100_steps_are_40_a_kill_and_60_with_compile_on(tmp_path: Path, tokens: Path) -> None:
    steps = ("train.steps=100", "train.checkpoint_every=40", "train.compile=true")
    killed, whole = project(tmp_path, tokens, "killed"), project(tmp_path, tokens, "whole")
    status, said = train(killed, "after the save", 40, *steps)
    assert status == -signal.SIGKILL, said
    status, said = train(killed, "nowhere", 0, *steps)
    assert status == 0 and "resumed from step 40\n" in said, said
    status, said = train(whole, "nowhere", 0, *steps)
    assert status == 0, said
    assert results(killed) == results(whole)


@pytest.mark.slow
def test_a_disk_that_takes_no_more_is_one_line_and_the_last_checkpoint_stays_whole(
    tmp_path: Path, tokens: Path
) -> None:
    paths = project(tmp_path, tokens, "full")
    status, said = train(paths, "step", 12, *STEPS)
    assert status == -signal.SIGKILL, said
    largest = max(p.stat().st_size for p in complete_checkpoints(checkpoints(paths))[-1].iterdir())
    status, said = train(paths, "nowhere", 0, *STEPS, largest_file=largest // 2)
    error = [line for line in said.splitlines() if line.startswith("error:")]
    assert status == 2 and len(error) == 1 and "can't write checkpoint" in error[0], said
    assert "File too large" in error[0] and "free some space" in error[0]
    saved = load_newest(checkpoints(paths))
    assert saved is not None and saved.state["progress"]["step"] == 10
    status, said = train(paths, "nowhere", 0, *STEPS)
    assert status == 0 and "resumed from step 10\n" in said
