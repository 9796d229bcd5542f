"""A project of its own, small enough that the whole pipeline runs in seconds, for all tests in this folder.

They share one worker (tests/conftest.py), so that it is made once; a test that changes it puts it back.
"""

import shutil
from pathlib import Path

import pytest

from tests.pipeline.project import SMALL, Project, copy_repository


@pytest.fixture(scope="session")
def fresh(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that is small and has not run."""
    project = copy_repository(root, tmp_path_factory.mktemp("fresh") / "project")
    for file in ("dvc.lock", "reports/report.md", "reports/metrics", "reports/plots"):
        path = project.root / file
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    project.set(SMALL)
    project.commit("a small project")
    return project


@pytest.fixture(scope="session")
def project(fresh: Project) -> Project:
    """The same project after `dvc repro` and `tinystories runs sync`, all committed."""
    fresh.run("dvc repro")
    fresh.run("python -m tinystories runs sync")
    fresh.commit("ran")
    return fresh
