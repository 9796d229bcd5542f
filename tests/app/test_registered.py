"""A model of MLflow's registry is chosen in the app, and tells what its folder tells."""

import shutil
from pathlib import Path

import pytest

from tests.app.test_pages import open_page, press, told
from tinystories import StoryModel
from tinystories.app import settings
from tinystories.tracking.registry import crown
from tinystories.tracking.store import EXPERIMENT, FoundRun, local, open_store


@pytest.fixture
def project(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a current model and a champion."""
    shutil.copytree(folder, tmp_path / "models/current")
    client = open_store(tmp_path)
    experiment = client.create_experiment(EXPERIMENT, artifact_location=(tmp_path / "mlartifacts").as_uri())
    run = client.create_run(experiment, run_name="best")
    client.log_artifacts(run.info.run_id, str(folder), "model")
    crown(tmp_path, FoundRun(run.info.run_id, "best", "", "0" * 16, local(run.info.artifact_uri)), "the first")
    settings.configure(settings.Settings(tmp_path, shelf=tmp_path / "shelf.sqlite"))
    monkeypatch.chdir(tmp_path)  # as `tinystories app` is typed in the project
    return tmp_path


@pytest.mark.slow
def test_a_registered_model_is_chosen_and_generates(project: Path, model: StoryModel) -> None:
    at = open_page("write")
    menu = at.selectbox(key="in.write.model")
    assert menu.options == ["models/current", "tinystories@champion in MLflow"]
    menu.set_value("models:/tinystories@champion")
    at.text_area(key="in.write.prompt").set_value("Once")
    at.number_input(key="in.write.max_tokens").set_value(12)
    press(at, "Write")
    asked = at.session_state["write.told"]
    assert asked.choice.address == "models:/tinystories@champion"
    assert told(at) == [story.text for story in model.generate_many([asked.request])]
