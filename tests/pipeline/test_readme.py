"""Every command of the README, typed in order in a small project; nothing there is only for show."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.readme import has_locked_model, results, told
from tests.pipeline.project import SMALL, Project, copy_repository

# run elsewhere, or not here: with the reason
NOT_TYPED = {
    ". .venv/bin/activate": "the tests' environment is active",
    "PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make repro": "as make repro, with the network",
}


def blocks(root: Path, language: str) -> list[str]:
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```", (root / "README.md").read_text())


def commands(root: Path) -> list[str]:
    return [line for block in blocks(root, "sh") for line in block.strip().splitlines()]


@pytest.fixture(scope="module")
def reader(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """What a reader has after `git clone` and `make repro`, in small; and a file of stories of their own."""
    project = copy_repository(root, tmp_path_factory.mktemp("reader") / "project")
    project.set(SMALL)
    sample = project.root / "tinystories/corpus/sample/original-stories.jsonl"
    stories = [json.loads(line)["story"] for line in sample.read_text().splitlines()[:150]]
    (project.root / "stories.txt").write_text("\n<|endoftext|>\n".join(stories))
    project.commit("a reader's project")
    project.run(make("repro"))
    project.commit("ran")
    return project


def make(target: str) -> str:
    """make as in the README, with the environment that runs the tests in the place of .venv."""
    venv = shlex.quote(str(Path(sys.executable).parent.parent))
    return f"make {target} VENV={venv} -o {venv}/.installed -o {venv}/.python"


def test_the_readme_has_its_commands(root: Path) -> None:
    typed = " ".join(commands(root))
    for command in ("make repro", "dvc exp run -S", "dvc exp show", "dvc metrics diff", "dvc plots diff", "mlflow ui"):
        assert command in typed
    assert set(NOT_TYPED) <= set(commands(root))


def test_the_table_of_results_is_what_the_files_say(root: Path) -> None:
    assert f"]]] -->\n{results()}<!-- [[[end]]] -->" in (root / "README.md").read_text(), "type make readme"


def test_without_the_model_of_the_lock_the_readme_keeps_what_it_tells(root: Path, tmp_path: Path) -> None:
    (tmp_path / "models/current").mkdir(parents=True)
    (tmp_path / "dvc.lock").write_text((root / "dvc.lock").read_text())
    assert not has_locked_model(tmp_path)
    assert told("tinystories generate", "as before", tmp_path) == "as before"


@pytest.mark.slow
def test_what_the_readme_tells_is_what_the_model_says(root: Path) -> None:
    if not has_locked_model(root):
        pytest.skip("models/current is not the model of dvc.lock: make repro")
    done = subprocess.run(
        [sys.executable, "-m", "cogapp", "-I", ".", "--check", "--diff", "README.md"],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"type make readme\n{done.stdout}{done.stderr}"


@pytest.mark.slow
def test_every_command_of_the_readme_works(reader: Project) -> None:
    for command in commands(reader.root):
        if command in NOT_TYPED:
            continue
        if command.startswith(("mlflow ", "tinystories app")):
            serve(reader, command)
        elif command.startswith("make "):
            done = reader.run(make(command.removeprefix("make ")))
            assert "Data and pipelines are up to date." in done.stdout
        elif command.startswith("tinystories generate"):
            done = reader.try_(command)  # so small a model may miss a control: 1
            assert done.returncode in (0, 1), f"{command}\n{done.stderr}"
            assert done.stdout.strip(), command
        else:
            reader.run(command)
    assert (reader.root / "dvc_plots/index.html").is_file()


@pytest.mark.slow
def test_the_python_of_the_readme_works(reader: Project) -> None:
    for number, block in enumerate(blocks(reader.root, "python")):
        (reader.root / f"block{number}.py").write_text(block)
        done = reader.run(f"python block{number}.py", {"HF_HUB_OFFLINE": "1"})
        assert done.stdout.strip()


@pytest.mark.slow
def test_an_experiment_shows_what_it_changed_and_leaves_the_comments(reader: Project) -> None:
    reader.run("git stash -u -q || true")
    comments = [line for line in (reader.root / "params.yaml").read_text().splitlines() if "#" in line]
    reader.run("dvc exp run -S evaluate.temperature=0.5 -n cooler")
    after = (reader.root / "params.yaml").read_text().splitlines()
    assert len([line for line in after if "#" in line]) == len(comments)

    shown = reader.run("dvc exp show --json").stdout
    assert "cooler" in shown
    changes = json.loads(reader.run("dvc params diff --json").stdout)
    assert changes["params.yaml"]["evaluate.temperature"]["new"] == 0.5


@pytest.mark.slow
def test_a_queued_experiment_logs_into_the_projects_mlflow(reader: Project) -> None:
    reader.run("git stash -u -q || true")
    before = runs(reader)
    reader.run("dvc exp run --temp -S train.steps=16 -n queued")
    assert runs(reader) == before + 1


def runs(project: Project) -> int:
    program = (
        "from mlflow import MlflowClient; c = MlflowClient('sqlite:///mlflow.db'); "
        "print(len(c.search_runs([c.get_experiment_by_name('tinystories').experiment_id])))"
    )
    return int(project.run(f'python -c "{program}"').stdout)


def serve(project: Project, command: str) -> None:
    """Start a server as it is typed, see it answer, end it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {**project.env, "MLFLOW_PORT": str(port), "TINYSTORIES_PORT": str(port), "MLFLOW_DISABLE_TELEMETRY": "true"}
    server = subprocess.Popen(
        shlex.split(command), cwd=project.root, env=env, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        end = time.monotonic() + 90
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < end, f"{command} does not answer"
                time.sleep(0.5)
    finally:
        os.killpg(server.pid, signal.SIGTERM)  # MLflow serves in a process of its own
        server.wait(30)
