"""A stage that is ended from outside takes its workers along, leaves no half files, and goes on when typed again."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tinystories.corpus.parallel import cores
from tinystories.paths import Paths

ARGUMENTS = [
    sys.executable,
    "-m",
    "tinystories",
    "extract",
    "--set",
    "source.kind=files",
    "--set",
    "source.path=own.jsonl",
]


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(what: str, true: object) -> None:
    until = time.monotonic() + 60
    while not true():  # type: ignore[operator]
        assert time.monotonic() < until, what
        time.sleep(0.02)


@pytest.fixture
def begun(tmp_path: Path, root: Path) -> Iterator[subprocess.Popen[str]]:
    """extract of more stories than it gets to read, some parts done."""
    shutil.copytree(root / "pipeline", tmp_path / "pipeline")
    shutil.copy(root / "params.yaml", tmp_path)
    texts = (f"Once there was a cat with {number} toys. " + "It ran home. " * 60 for number in range(120_000))
    (tmp_path / "own.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    environment = {**os.environ, "PYTHONPATH": str(root)}
    stage = subprocess.Popen(ARGUMENTS, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    wait_for("a finished part", lambda: list(tmp_path.glob(".work/extract-*/*.arrow")))
    workers = children(stage.pid)
    assert len(workers) >= 2
    yield stage
    for process in filter(runs, [stage.pid, *workers]):
        os.kill(process, signal.SIGKILL)
    stage.wait()


@pytest.mark.slow
@pytest.mark.skipif(cores() < 2 or not Path("/proc/self/task").is_dir(), reason="one core, or no /proc")
def test_sigterm_ends_extract_with_its_workers_and_it_goes_on_when_typed_again(
    begun: subprocess.Popen[str], tmp_path: Path, root: Path
) -> None:
    stage, workers = begun, children(begun.pid)
    stage.send_signal(signal.SIGTERM)
    assert stage.wait(60) == 143
    wait_for("the workers' end", lambda: not any(runs(worker) for worker in workers))
    assert stage.stderr is not None and "Traceback" not in stage.stderr.read()
    assert list((tmp_path / "data/extract").iterdir()) == []
    parts = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob(".work/extract-*/*.arrow")}
    assert 0 < len(parts) < 15
    kept = shutil.copytree(next(tmp_path.glob(".work/extract-*")), tmp_path / "kept")
    assert set(parts) == {path.name for path in kept.glob("*.arrow")}, "nothing half written is taken for a part"
    subprocess.run(
        ARGUMENTS, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(root)}, check=True, capture_output=True
    )
    assert json.loads(Paths(tmp_path).extract_metrics.read_text())["stories"] == 120_000
    assert list((tmp_path / ".work").iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(cores() < 2 or not Path("/proc/self/task").is_dir(), reason="one core, or no /proc")
def test_workers_end_with_a_stage_that_is_killed(begun: subprocess.Popen[str]) -> None:
    workers = children(begun.pid)
    begun.kill()
    wait_for("the workers' end", lambda: not any(runs(worker) for worker in workers))
