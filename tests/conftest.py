"""What every test may use: the project's root, and the shared text where it is present."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# an example may take what it takes: the first one of a process imports and fits what the others find done
settings.register_profile("any time", deadline=None)
settings.load_profile("any time")

# a worker of pytest's for each core: threads of several processes on one core wait for each other most of the time
os.environ["OMP_NUM_THREADS"] = "1"

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real TinyStories text and hand labels, which are never in this repository."""
    folder = ROOT.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip(f"the shared data folder is absent ({folder})")
    return folder


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Each test begins as the processes that it starts do: a training before it may have set torch's threads, and the
    last bits of sums follow from their number."""
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """One worker runs all of tests/pipeline, whose small project is made once; other files go to whoever is free.

    (xdist_group would say the same, but xdist 3.8 doesn't see it with pytest 9.)
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::", maxsplit=1)[0]
            return "tests/pipeline" if file.startswith("tests/pipeline/") else file

    return ByFile(config, log)
