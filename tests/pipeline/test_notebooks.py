"""The notebooks: a pair says the same, nothing of a run stands in git, and all run after `make repro`."""

from pathlib import Path

import jupytext
import nbformat
import pytest

from tests.pipeline.project import Project

NAMES = (
    "1.0-data-prep", "1.1-eda", "2.0-model-training", "3.0-model-evaluation", "4.0-visualization",
    "5.0-story-infilling-demo", "6.0-tag-control", "7.0-lora",
)  # fmt: skip


def test_these_are_all(root: Path) -> None:
    folder = root / "notebooks"
    assert sorted(file.stem for file in folder.glob("*.ipynb")) == sorted(NAMES)
    assert sorted(file.stem for file in folder.glob("*.py")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_pair_says_the_same_and_holds_no_output(root: Path, name: str) -> None:
    script = jupytext.read(root / f"notebooks/{name}.py")
    notebook = nbformat.read(root / f"notebooks/{name}.ipynb", as_version=4)
    assert [(cell.cell_type, cell.source) for cell in notebook.cells] == [
        (cell.cell_type, cell.source) for cell in script.cells
    ], f"type jupytext --sync notebooks/{name}.py"
    assert [cell for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_calls_the_package_and_defines_nothing(root: Path, name: str) -> None:
    code = "\n".join(
        cell.source for cell in jupytext.read(root / f"notebooks/{name}.py").cells if cell.cell_type == "code"
    )
    assert "from tinystories" in code
    assert not [line for line in code.splitlines() if line.lstrip().startswith(("def ", "class "))]


@pytest.mark.slow
def test_all_run_in_a_project_that_has_run(project: Project) -> None:
    try:
        done = project.run("python -m pytest --nbmake -p no:cacheprovider -q notebooks", timeout=600)
        assert f"{len(NAMES)} passed" in done.stdout
    finally:
        project.run("git checkout -q notebooks")
