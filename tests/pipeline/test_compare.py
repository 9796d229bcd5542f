"""`tinystories compare` and `runs champion` on real models: folders, DVC experiments, runs in MLflow."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.pipeline.project import SMALL, Project
from tinystories import StoryModel
from tinystories.commands.champion import champion_command
from tinystories.commands.compare import compare_command
from tinystories.commands.contenders import gather
from tinystories.errors import TinyStoriesError
from tinystories.evaluation.compare import compare, side_by_side
from tinystories.evaluation.evidence import Contender
from tinystories.files import read_json
from tinystories.paths import Paths
from tinystories.tracking.registry import champion, crown, fetch
from tinystories.tracking.store import find_run, open_store

LONGER = int(SMALL["train.steps"]) * 8  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def two(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project of its own with a model in models/current, and the experiment `longer`, trained eight times as long."""
    copy = Project(tmp_path_factory.mktemp("two") / "project")
    shutil.copytree(project.root, copy.root, ignore=shutil.ignore_patterns("mlflow.db", "mlartifacts", "__pycache__"))
    copy.run("python -m tinystories runs sync")
    copy.run(f"dvc exp run --temp -n longer -S train.steps={LONGER}")
    return copy


def gathered(project: Project, *names: str) -> tuple[list[Contender], list[str]]:
    with ExitStack() as stack:
        return gather(names, Paths(project.root), lambda line: None, stack)


def nats(one: Contender) -> dict[str, float]:
    return {i: score.nats for i, score in one.evidence.scores.items()}


def fingerprint(project: Project) -> str:
    return str(read_json(project.root / "models/current/fingerprint.json")["fingerprint"])


def longer(project: Project) -> str:
    """The fingerprint of the other model, as MLflow has it."""
    client = open_store(project.root)
    found = client.search_runs([client.get_experiment_by_name("tinystories").experiment_id])
    [other] = {run.data.tags["tinystories.fingerprint"] for run in found} - {fingerprint(project)}
    return other


def test_one_model_by_its_four_names_is_the_same_to_the_last_digit(two: Project) -> None:
    run = find_run(two.root, fingerprint(two))
    assert run is not None
    names = [str(two.root), str(two.root / "models/current"), f"runs:/{run.id}", "HEAD", run.name]
    found, notes = gathered(two, *names)
    assert notes == []
    assert {one.fingerprint for one in found} == {fingerprint(two)}
    assert all(nats(one) == nats(found[0]) and one.evidence.told == found[0].evidence.told for one in found)
    assert len({one.recipe for one in found}) == 1 and found[0].recipe is not None
    assert found[0].evidence.middles and found[0].evidence.told[0].grams is not None


def test_an_experiment_is_the_same_by_its_name_in_dvc_and_by_its_run(two: Project) -> None:
    found, _ = gathered(two, "longer", longer(two)[:8], str(two.root))
    dvc, mlflow, _ = found
    assert dvc.origin.startswith("DVC experiment") and mlflow.origin.startswith("MLflow run")
    assert dvc.fingerprint == mlflow.fingerprint == longer(two)
    assert nats(dvc) == nats(mlflow)
    assert dvc.made_from["train"]["steps"] == LONGER


def test_a_bare_folder_is_scored_on_the_same_stories_as_evaluate_does(two: Project, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(two.root / "models/current", bare)
    (evaluated, scored), notes = gathered(two, str(two.root), str(bare))
    assert notes == []  # made from the project's tokens, so it never saw its test stories
    assert scored.origin == "model folder"
    assert nats(scored) == pytest.approx(nats(evaluated), rel=1e-5)
    # the same requests with the same seeds: the same model tells the same stories, and copies as much
    assert scored.evidence.told == evaluated.evidence.told
    assert scored.evidence.middles == pytest.approx(evaluated.evidence.middles, rel=1e-5)
    assert scored.evidence.answers == evaluated.evidence.answers


def test_two_bare_folders_are_measured_by_the_projects_own_settings(two: Project, tmp_path: Path) -> None:
    for name in ("one", "other"):
        shutil.copytree(two.root / "models/current", tmp_path / name)
    (one, other), notes = gathered(two, str(tmp_path / "one"), str(tmp_path / "other"))
    assert notes == [] and one.evidence == other.evidence
    compared = {metric.key for metric in compare([one, other], notes).metrics}  # too few fit for "choosing"
    assert {"nats_per_story", "middle", "abilities", "completion", "adherence", "memorisation"} <= compared


def test_a_model_of_other_data_is_told_as_one_that_may_know_the_stories(two: Project, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(two.root / "models/current", bare)
    stamp = json.loads((bare / "fingerprint.json").read_text())
    stamp["made_from"]["tokens"] = "0" * 16
    (bare / "fingerprint.json").write_text(json.dumps(stamp))
    _, [note] = gathered(two, str(two.root), str(bare))
    assert "made from other data" in note and "what it copies from there is not measured" in note


def test_other_test_stories_are_said_and_scored_again_or_refused(two: Project, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(two.root, other, ignore=shutil.ignore_patterns(".git", ".dvc", "mlartifacts"))
    file = other / "reports/evaluation/stories.parquet"
    table = pq.read_table(file)
    pq.write_table(table.slice(0, 5), file)  # fewer than can stand alone
    (one, again), [note] = gathered(two, str(two.root), str(other))
    assert nats(again) == pytest.approx(nats(one), rel=1e-5)
    assert "evaluated on other test stories and is scored again" in note

    nowhere = table.to_pydict()
    nowhere["story_id"] = [f"{i:016x}" for i in range(len(table))]
    pq.write_table(table.from_pydict(nowhere, schema=table.schema), file)
    with pytest.raises(TinyStoriesError, match=rf"{len(table)} of the {len(table)} test stories .* are not in"):
        gathered(two, str(other), str(two.root))


def test_a_model_asked_with_another_seed_tells_the_first_ones_stories_to_be_shown(two: Project, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(two.root, other, ignore=shutil.ignore_patterns(".git", ".dvc", "mlartifacts"))
    file = other / "reports/evaluation/generated.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    for row in rows:
        row["request"]["seed"] = 2
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    right = {"ability": "negation", "story_id": "0", "right": True}
    for copy in (two.root, other):
        (copy / "reports/evaluation/pairs.jsonl").write_text(json.dumps(right) + "\n")
    with ExitStack() as stack:
        (one, again), notes = gather((str(two.root), str(other)), Paths(two.root), print, stack, show=True)
    found = compare([one, again], notes)
    assert notes == [] and "adherence" in found.differences[1]
    assert one.evidence.answers == {("abilities/negation", "0"): True}
    shown = side_by_side(found)
    assert len(shown) == 6 + 1 + 6
    assert all(own.text == told.text for own, told in shown)  # the same model with the same seed
    (two.root / "reports/evaluation/pairs.jsonl").unlink()


def test_a_name_that_means_nothing_is_one_line(two: Project) -> None:
    with pytest.raises(TinyStoriesError, match="nosuch: neither a folder, nor a DVC experiment"):
        gathered(two, str(two.root), "nosuch")
    with pytest.raises(TinyStoriesError, match="MLflow has no such run"):
        gathered(two, str(two.root), "runs:/0123456789abcdef")
    with pytest.raises(TinyStoriesError, match="the same name twice"):
        compare_command([".", "."], Paths(two.root), None, None, False, print)


@pytest.mark.slow
def test_the_command_writes_all_its_forms(two: Project, tmp_path: Path) -> None:
    files = f"--markdown {tmp_path / 'c.md'} --html {tmp_path / 'c.html'}"
    done = two.run(f"python -m tinystories compare . longer {files}")
    assert "Are these models different?" in done.stdout
    assert "nothing can be said about the recipe" in done.stdout
    assert "train.steps" in (tmp_path / "c.md").read_text() and "</html>" in (tmp_path / "c.html").read_text()

    found = json.loads(two.run("python -m tinystories compare . longer --json").stdout)
    change = found["models"][1]["metrics"]["nats_per_story"]["difference"]
    assert change["verdict"] == "better" and change["high"] < 0
    assert len(found["side_by_side"]) == 6 + 1 + 6
    alone = two.try_("python -m tinystories compare .")
    assert alone.returncode == 2 and alone.stderr.count("\n") == 1


# ---- the champion


@pytest.fixture
def registry(two: Project) -> Project:
    """Without a champion: as every project begins."""
    client = open_store(two.root)
    for model in client.search_registered_models():
        client.delete_registered_model(model.name)
    return two


def crowned(project: Project, name: str) -> tuple[int, dict[str, Any]]:
    outcome = champion_command(name, Paths(project.root), True, lambda line: None)
    return outcome.code, json.loads(outcome.out)


def test_the_alias_moves_to_the_better_model_and_never_back(registry: Project) -> None:
    short, long = fingerprint(registry), longer(registry)
    code, first = crowned(registry, short)
    assert code == 0 and first["reason"].startswith("the first: nats per story")
    code, told = crowned(registry, long)
    assert code == 0, told
    assert told["reason"].startswith("better: nats per story −".replace("−", "-"))
    code, back = crowned(registry, short)
    assert code == 1 and back["reason"].startswith("worse: nats per story +")

    holder = champion(registry.root)
    assert holder is not None and holder.fingerprint == long
    client = open_store(registry.root)
    version = client.get_model_version_by_alias("tinystories", "champion")
    assert version.description == version.tags["champion.reason"] == told["reason"]
    assert version.run_id == holder.id
    refused = find_run(registry.root, short)
    assert refused is not None
    assert client.get_run(refused.id).data.tags["champion.reason"] == back["reason"]


def test_a_run_is_named_as_its_experiment_is(two: Project) -> None:
    run = find_run(two.root, "longer")
    assert run is not None and run.fingerprint == longer(two)


def test_the_champion_asked_again_stays_and_no_version_is_added(registry: Project) -> None:
    crowned(registry, fingerprint(registry))
    code, again = crowned(registry, fingerprint(registry))
    assert code == 1 and again["reason"] == "it is the champion already"
    assert len(open_store(registry.root).search_model_versions("name='tinystories'")) == 1


def test_the_champion_loads_by_its_address_and_nothing_of_it_is_pickled(
    registry: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowned(registry, fingerprint(registry))
    monkeypatch.chdir(registry.root / "data")  # anywhere in the project
    model = StoryModel.load("models:/tinystories@champion")
    assert model.loaded.fingerprint == fingerprint(registry)
    assert StoryModel.load("models:/tinystories/1").loaded.fingerprint == fingerprint(registry)
    run = champion(registry.root)
    assert run is not None
    assert StoryModel.load(f"runs:/{run.id}/model").loaded.fingerprint == fingerprint(registry)

    logged = fetch("models:/tinystories@champion").parent.parent
    files = {path.relative_to(logged).as_posix() for path in logged.rglob("*") if path.is_file()}
    assert {"MLmodel", "served.py", "requirements.txt", "code/tinystories/__init__.py"} <= files
    assert "artifacts/model/model.safetensors" in files
    assert not [name for name in files if name.endswith((".pkl", ".pickle", ".pt", ".bin"))]


def test_an_address_that_means_nothing_is_one_line(
    registry: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(registry.root)
    for address in ("models:/tinystories@champion", "models:/other/3", "runs:/0123456789abcdef"):
        with pytest.raises(TinyStoriesError, match="no such model"):
            StoryModel.load(address)
    with pytest.raises(TinyStoriesError, match="expected models:/NAME@ALIAS"):
        StoryModel.load("models:/tinystories")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TinyStoriesError, match=r"no mlflow\.db"):
        StoryModel.load("models:/tinystories@champion")


@pytest.mark.slow
def test_the_registered_model_is_served_and_answers(registry: Project) -> None:
    """As typed in the project's folder; the code that answers is the model's own copy."""
    run = find_run(registry.root, fingerprint(registry))
    assert run is not None
    crown(registry.root, run, "to be served")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {**registry.env, "MLFLOW_DISABLE_TELEMETRY": "true"}
    env.pop("PYTHONPATH")  # what it needs, it brings along
    server = subprocess.Popen(
        ["mlflow", "models", "serve", "-m", "models:/tinystories@champion", "--env-manager", "local", "-p", str(port)],
        cwd=registry.root, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        base = f"http://127.0.0.1:{port}"
        wait_for(f"{base}/ping")
        asked = [{"prompt": "Once upon a time", "seed": 3}, {"tags": ["Twist"], "seed": 4, "max_tokens": 20}]
        first, second = ask(f"{base}/invocations", {"inputs": asked})["predictions"]
        [own] = StoryModel.load(registry.root / "models/current").generate(prompt="Once upon a time", seed=3)
        assert first["text"] == own.text
        assert second["tokens"] <= 20 and "tag:Twist" in second["met"]
        with pytest.raises(urllib.error.HTTPError) as wrong:
            ask(f"{base}/invocations", {"inputs": [{"tags": ["Twst"]}]})
        assert wrong.value.code == 400
        assert "did you mean Twist?" in wrong.value.read().decode()
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def ask(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def wait_for(url: str, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            assert time.monotonic() < end, f"{url} does not answer"
            time.sleep(0.5)


@pytest.mark.slow
def test_ci_prints_the_table_of_metrics_that_it_would_post(two: Project) -> None:
    table = two.run(".ci/metrics longer").stdout
    assert table.startswith("### Metrics against `longer`")
    [line] = [line for line in table.splitlines() if "likelihood.nats_per_story " in line]
    assert line.count("|") >= 5
