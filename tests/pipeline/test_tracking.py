"""MLflow as a view of the pipeline's files: complete, idempotent, live, and shown by `mlflow ui` as it is."""

import dataclasses
import json
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.pipeline.project import Project
from tinystories.params import load_params
from tinystories.paths import Paths
from tinystories.runfiles import is_synced, named_metrics, read_run
from tinystories.tracking.runs import TABLE, live, sync
from tinystories.tracking.store import EXPERIMENT, open_store


def client(store: Path) -> Any:
    return open_store(store)


def runs(store: Path) -> list[Any]:
    there = client(store)
    return list(there.search_runs([there.get_experiment_by_name(EXPERIMENT).experiment_id]))


def everything(store: Path) -> dict[str, Any]:
    """All that MLflow has, histories included."""
    there = client(store)
    return {
        run.info.run_id: (
            dict(run.data.params),
            dict(run.data.tags),
            {
                key: [(m.step, m.value) for m in there.get_metric_history(run.info.run_id, key)]
                for key in run.data.metrics
            },
            sorted(files(there, run.info.run_id)),
        )
        for run in runs(store)
    }


def files(there: Any, run_id: str, folder: str | None = None) -> list[str]:
    entries = there.list_artifacts(run_id, folder)
    return [name for e in entries for name in (files(there, run_id, e.path) if e.is_dir else [e.path])]


@pytest.fixture
def synced(project: Project, tmp_path: Path) -> Path:
    """A store of its own, synced from the project's files alone, as after `dvc checkout`."""
    run = read_run(Paths(project.root))
    assert run is not None
    sync(tmp_path, run, load_params(project.root))
    return tmp_path


def test_the_pipelines_run_is_in_mlflow_with_all_of_it(project: Project) -> None:
    [run] = runs(project.root)
    evaluate = json.loads((project.root / "reports/metrics/evaluate.json").read_text())
    train = json.loads((project.root / "reports/metrics/train.json").read_text())

    assert run.info.status == "FINISHED"
    assert run.data.tags["preset"] == "story" and run.data.tags["scale"] == "ci"
    assert run.data.params["model.width"] == "32"
    assert run.data.params["train.steps"] == "24"
    assert run.data.metrics["nats_per_story"] == evaluate["likelihood"]["nats_per_story"]
    assert run.data.metrics["bits_per_byte"] == evaluate["likelihood"]["bits_per_byte"]
    assert run.data.metrics["training/validation_loss"] == train["validation_loss"]
    for tag, rates in evaluate["adherence"].items():
        assert run.data.metrics[f"adherence/{tag}"] == rates["requested"], tag
        assert run.data.metrics[f"unconditional/{tag}"] == rates["unconditional"], tag
    assert run.data.tags["evaluate.temperature"] == "0.8"
    assert run.data.tags["source"] == "sample"
    assert len(run.data.tags["mlflow.source.git.commit"]) == 40


def test_curves_have_every_step_once(project: Project) -> None:
    rows = (project.root / "reports/plots/curve.csv").read_text().splitlines()[1:]
    steps = [int(row.split(",")[0]) for row in rows]
    [run] = runs(project.root)
    history = client(project.root).get_metric_history(run.info.run_id, "train_loss")
    assert [metric.step for metric in history] == steps


def test_the_model_the_report_and_samples_are_artifacts_and_nothing_is_pickled(project: Project) -> None:
    [run] = runs(project.root)
    there = set(files(client(project.root), run.info.run_id))
    assert {"model/model.safetensors", "model/config.json", "model/tokenizer.json", "report/index.html"} <= there
    assert {"evaluation/generated.jsonl", "evaluation/infillings.jsonl"} <= there
    assert not [name for name in there if name.endswith((".pkl", ".pickle", ".pt", ".bin"))]


def test_ten_runs_can_be_told_apart_at_a_glance(project: Project) -> None:
    [run] = runs(project.root)
    train = json.loads((project.root / "reports/metrics/train.json").read_text())
    split = json.loads((project.root / "reports/metrics/split.json").read_text())["stories_per_partition"]

    assert run.info.run_name.startswith("2x32-s1-24steps-")
    assert run.data.tags["model"] == f"{train['parameters']:,} parameters, 2 x 32"
    assert run.data.tags["training"].startswith("24 steps, ")
    assert (
        run.data.tags["data"] == f"{split['train']:,} train, {split['validation']:,} validation, {split['test']:,} test"
    )
    assert run.data.tags["seed"] == "1" and len(run.data.tags["recipe"]) == 8
    [data] = run.inputs.dataset_inputs
    assert data.dataset.name == f"sample ({train['stories']:,} stories)"
    assert data.dataset.digest == run.data.params["tokens"]
    assert "**bits per byte:" in run.data.tags["mlflow.note.content"]


def test_sample_stories_are_a_table_of_mlflows_that_a_second_sync_does_not_lengthen(
    project: Project, synced: Path
) -> None:
    run = read_run(Paths(project.root))
    assert run is not None
    changed = dataclasses.replace(run, lock="another", metrics={**run.metrics, "more": {"value": 1}})
    sync(synced, changed, load_params(project.root))

    [there] = runs(synced)
    assert json.loads(there.data.tags["mlflow.loggedArtifacts"]) == [{"path": TABLE, "type": "table"}]
    file = client(synced).download_artifacts(there.info.run_id, TABLE)
    table = pd.read_json(file, orient="split")  # as MLflow's load_table does
    rows = [json.loads(line) for line in (project.root / "reports/evaluation/generated.jsonl").read_text().splitlines()]
    assert len(table) == len(rows)  # two of each kind here, fewer than would be left out
    assert list(table["story"]) == [row["text"] for row in rows]
    assert set(table["asked"]) >= {"nothing", "Twist"}
    assert len(there.inputs.dataset_inputs) == 1


def test_live_and_from_files_alone_show_the_same(project: Project, synced: Path) -> None:
    [lived] = everything(project.root).values()
    [restored] = everything(synced).values()
    assert restored[0] == lived[0]  # parameters
    assert restored[2].keys() <= lived[2].keys()
    for name, points in restored[2].items():  # the curve's file has six digits
        assert [step for step, _ in points] == [step for step, _ in lived[2][name]], name
        assert [value for _, value in points] == pytest.approx([value for _, value in lived[2][name]], rel=1e-5), name
    assert restored[3] == lived[3]  # artifacts


def test_a_second_sync_adds_nothing(project: Project, synced: Path) -> None:
    before = everything(synced)
    run = read_run(Paths(project.root))
    assert run is not None
    sync(synced, run, load_params(project.root))
    assert everything(synced) == before
    assert is_synced(synced / "mlflow.db", run)


def test_sync_sees_without_mlflow_whether_there_is_something_to_do(project: Project, synced: Path) -> None:
    run = read_run(Paths(project.root))
    assert run is not None
    assert is_synced(synced / "mlflow.db", run)
    assert not is_synced(synced / "nowhere.db", run)

    report = project.root / "reports/index.html"
    text = report.read_text()
    report.write_text(text + "<!-- new -->")
    try:
        changed = read_run(Paths(project.root))
    finally:
        report.write_text(text)
    assert changed is not None
    assert not is_synced(synced / "mlflow.db", changed)

    [there] = runs(synced)
    client(synced).delete_run(there.info.run_id)
    assert not is_synced(synced / "mlflow.db", run)


def test_an_evaluation_of_another_model_is_not_shown(project: Project, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    for part in ("models/current", "reports", "data/tokens"):
        shutil.copytree(project.root / part, root / part)
    stamp = root / "models/current/fingerprint.json"
    stamp.write_text(stamp.read_text().replace(json.loads(stamp.read_text())["fingerprint"], "0123456789abcdef"))

    run = read_run(Paths(root))
    assert run is not None
    assert "evaluate" not in run.metrics
    assert set(run.artifacts) == {"model"}
    assert "nats_per_story" not in dict(named_metrics(run))


def test_training_is_followed_live_and_a_resumed_one_is_the_same_run(project: Project, tmp_path: Path) -> None:
    made_from = json.loads((project.root / "models/current/fingerprint.json").read_text())
    params = load_params(project.root)

    def killed() -> None:
        with live(tmp_path, made_from, params) as log:
            for step in (1, 2, 3):
                log(step, {"train_loss": float(step)})
            assert [m.step for m in history(tmp_path)] == [1, 2, 3]
            assert runs(tmp_path)[0].info.status == "RUNNING"
            raise SystemExit(143)

    with pytest.raises(SystemExit):
        killed()
    assert runs(tmp_path)[0].info.status == "KILLED"

    with live(tmp_path, made_from, params) as log:  # from the checkpoint of step 2
        for step in (3, 4):
            log(step, {"train_loss": float(step)})
    assert [m.step for m in history(tmp_path)] == [1, 2, 3, 4]
    assert [run.info.status for run in runs(tmp_path)] == ["FINISHED"]


def history(store: Path) -> list[Any]:
    [run] = runs(store)
    return list(client(store).get_metric_history(run.info.run_id, "train_loss"))


def test_training_goes_on_when_mlflow_does_not(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"this is no database" * 100)
    made_from = json.loads((project.root / "models/current/fingerprint.json").read_text())
    with live(tmp_path, made_from, load_params(project.root)) as log:
        log(1, {"train_loss": 1.0})
        log(2, {"train_loss": 1.0})
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("MLflow does not follow this run")
    assert "tinystories runs sync" in line


def test_a_finished_stage_stays_finished_when_mlflow_fails(project: Project, tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"this is no database" * 100)
    broken = {"DVC_ROOT": str(tmp_path)}

    stage = project.try_("python -m tinystories report", broken)
    assert (stage.returncode, len(stage.stderr.splitlines())) == (0, 2)
    assert "MLflow can't use" in stage.stderr

    asked = project.try_("python -m tinystories runs sync", broken)
    assert asked.returncode == 2
    assert asked.stderr.startswith("error: MLflow can't use")


def test_another_model_is_another_run_and_two_can_be_compared(project: Project, synced: Path, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    for part in ("models/current", "reports", "data/tokens"):
        shutil.copytree(project.root / part, root / part)
    old = json.loads((root / "models/current/fingerprint.json").read_text())
    for file in (root / "models/current/fingerprint.json", root / "reports/metrics/evaluate.json"):
        file.write_text(file.read_text().replace(old["fingerprint"], "0123456789abcdef"))
    run = read_run(Paths(root))
    assert run is not None
    sync(synced, run, load_params(project.root))
    first, second = runs(synced)
    assert first.data.metrics["nats_per_story"] == second.data.metrics["nats_per_story"]
    assert first.info.run_name != second.info.run_name


@pytest.mark.slow
def test_mlflow_ui_without_arguments_shows_the_run(project: Project) -> None:
    """As typed in the project's folder; only the port is chosen here."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {**project.env, "MLFLOW_PORT": str(port), "MLFLOW_DISABLE_TELEMETRY": "true"}
    server = subprocess.Popen(
        ["mlflow", "ui"],
        cwd=project.root,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        base = f"http://127.0.0.1:{port}"
        experiments = wait_for(f"{base}/api/2.0/mlflow/experiments/search", {"max_results": 10})["experiments"]
        [ours] = [e["experiment_id"] for e in experiments if e["name"] == EXPERIMENT]
        found = ask(f"{base}/api/2.0/mlflow/runs/search", {"experiment_ids": [ours]})["runs"]
        [run] = found
        metrics = {metric["key"] for metric in run["data"]["metrics"]}
        assert {"nats_per_story", "bits_per_byte", "adherence/Twist", "train_loss"} <= metrics
        page = f"{base}/get-artifact?run_uuid={run['info']['run_id']}&path=report/index.html"
        with urllib.request.urlopen(page, timeout=30) as answer:
            assert answer.read() == (project.root / "reports/index.html").read_bytes()
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def ask(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def wait_for(url: str, body: dict[str, Any], seconds: float = 90) -> Any:
    end = time.monotonic() + seconds
    while True:
        try:
            return ask(url, body)
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)
