"""Which models there are: named ones first, then the project's, then MLflow's; each once."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from tinystories.app.choices import choices, pick
from tinystories.app.settings import Settings
from tinystories.tracking.listing import registered_models


def test_named_models_stand_first_and_each_stands_once(folder: Path, tmp_path: Path) -> None:
    current, other = tmp_path / "models/current", tmp_path / "models/older"
    for path in (current, other):
        shutil.copytree(folder, path)
    (tmp_path / "models/empty").mkdir()
    found = choices(Settings(tmp_path, (str(folder), str(other))))
    assert [choice.label for choice in found] == [str(folder), "models/older", "models/current"]
    assert choices(Settings(tmp_path / "nowhere")) == []


def test_a_folder_that_is_linked_into_the_project_goes_by_its_name_there(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/linked").symlink_to(folder, target_is_directory=True)
    assert [choice.label for choice in choices(Settings(tmp_path))] == ["models/linked"]


def test_a_link_finds_the_model_that_it_was_made_with(folder: Path, tmp_path: Path) -> None:
    available = choices(Settings(tmp_path, (str(folder),)))
    assert pick(available, "0" * 16) == available[0]
    assert pick(available, "f" * 16) is None and pick(available, "") is None


def test_a_model_that_was_trained_again_is_another(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "models/current")
    [before] = choices(Settings(tmp_path))
    stamp = before.stamp
    assert stamp == before.stamp
    (tmp_path / "models/current/README.md").write_text("trained again")
    assert before.stamp != stamp


def test_registered_models_are_read_without_mlflow(tmp_path: Path) -> None:
    from mlflow import MlflowClient

    store = tmp_path / "mlflow.db"
    assert registered_models(store) == []
    client = MlflowClient(tracking_uri=f"sqlite:///{store}")
    client.create_registered_model("tinystories")
    for print_ in ("aaaa", "bbbb", "cccc"):
        client.create_model_version("tinystories", str(tmp_path), tags={"tinystories.fingerprint": print_})
    client.set_registered_model_alias("tinystories", "champion", "2")
    client.delete_model_version("tinystories", "1")
    assert registered_models(store) == [("models:/tinystories@champion", "bbbb"), ("models:/tinystories/3", "cccc")]
    labels = [choice.label for choice in choices(Settings(tmp_path))]
    assert labels == ["tinystories@champion in MLflow", "tinystories/3 in MLflow"]


def test_a_database_that_is_not_mlflows_is_no_trouble(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        database.execute("create table other (a)")
    assert registered_models(tmp_path / "mlflow.db") == []
