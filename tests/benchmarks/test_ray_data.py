"""Another engine runs the transformations unchanged, because they are pure functions over Arrow tables."""

import os
import subprocess
import sys

import pyarrow as pa
import pytest

from benchmarks.corpus.ray_data import told
from tests.conftest import ROOT


@pytest.mark.slow
def test_ray_data_gives_the_records_that_the_pipeline_gives() -> None:
    pytest.importorskip("ray", reason="ray is not installed: pip install -c constraints.txt '.[ray]'")
    command = [sys.executable, "-m", "benchmarks.corpus.ray_data", "tinystories/corpus/sample", "--rows", "300"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
        timeout=500,
    )  # fmt: skip
    if "timed out during startup" in done.stderr:
        pytest.skip("this machine is too busy: Ray gives itself 30 seconds to start, not to be changed")
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == ["extract:", "validate:", "validate:", "split:", "tokenize:"]
    assert {tuple(line[2:]) for line in lines} == {("1,260", "rows", "equal")}


def test_another_value_another_order_or_another_type_is_a_difference(capsys: pytest.CaptureFixture[str]) -> None:
    own = pa.table({"n": [1, 2, None]})
    assert told("same", own, pa.concat_tables([own.slice(0, 1), own.slice(1)]))
    for other in ([1, 2, 3], [2, 1, None], pa.array([1, 2, None], pa.int32())):
        assert not told("other", own, pa.table({"n": other}))
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()] == ["equal", *["DIFFERENT"] * 3]
