"""The seven stages, run by DVC on a small project: what appears, what reruns, what is the same twice."""

import json
import resource
import shutil
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from pipeline.closure import STAGES
from tests.pipeline.project import Project, copy_repository
from tests.test_layout import RERUNS

# a change of what stands left reruns what stands right; later stages rerun if what they read has changed
PARAMETERS = {
    "seed": ("2", {"train", "evaluate"}),
    "source.limit": ("140", {"extract"}),
    "partitions.test": ("0.2", {"extract", "validate"}),
    "clean.repair": ("false", {"extract", "validate"}),
    "clean.near_duplicates": ("0.9", {"validate"}),
    "validate.max_words": ("1000", {"validate"}),
    "tokenize.vocab_size": ("400", {"tokenize"}),
    "model.layers": ("1", {"train"}),
    "requests.plain": ("0.5", {"train"}),
    "train.lr": ("0.001", {"train"}),
    "train.device": ("cpu", {"train", "evaluate"}),
    "generate.eos_after": ("9", {"train"}),
    "evaluate.temperature": ("0.5", {"evaluate"}),
    "scale": ("laptop", {"extract", "train", "evaluate"}),
}
GROUPS = {
    "pipeline/conf/preset/story.yaml": {"train: {}": ("train: {clip: 2.0}", {"train"})},
    "pipeline/conf/defaults.yaml": {
        "tokenize: {kind: bpe": ("tokenize: {kind: unigram", {"tokenize"}),
        "context: 512": ("context: 128", {"train"}),
        "plain: 0.4": ("plain: 0.5", {"train"}),
        "clip: 1.0": ("clip: 2.0", {"train"}),
    },
    "pipeline/conf/scale/ci.yaml": {
        "limit: null": ("limit: 90", {"extract"}),
        "layers: 4": ("layers: 3", {"train"}),
        "steps: 1500": ("steps: 150", {"train"}),
        "per_tag: 20": ("per_tag: 30", {"evaluate"}),
    },
    "pipeline/conf/source/sample.yaml": {"dataset: null": ("dataset: other", {"extract"})},
    "pipeline/expectations/stories.json": {"{": ("{ ", {"validate"})},
    "pipeline/accepted-corpus.json": {"{": ("{ ", {"report"})},
    "pipeline/hub-pins.json": {"{}": ('{"a/b": "c"}', {"extract"})},
}
# every module of the package is edited
PACKAGES = {**RERUNS, "params.py": set(STAGES), "paths.py": set(STAGES)}


def reruns(project: Project) -> set[str]:
    """The stages that `dvc status` finds changed, themselves and not through an earlier stage."""
    with Repo(str(project.root)) as repo:
        return {stage.split(":")[-1] for stage in repo.status()}


def changed_and_put_back(project: Project, edits: dict[Path, str]) -> set[str]:
    before = {file: file.read_text() for file in edits}
    try:
        for file, text in edits.items():
            file.write_text(text)
        return reruns(project)
    finally:
        for file, text in before.items():
            file.write_text(text)


def test_the_pipeline_leaves_what_dvc_yaml_says_and_nothing_in_work(project: Project) -> None:
    stages = yaml.safe_load((project.root / "dvc.yaml").read_text())["stages"]
    for stage in stages.values():
        for out in [*stage["outs"], *stage.get("metrics", []), *stage.get("plots", [])]:
            path = out if isinstance(out, str) else next(iter(out))
            assert (project.root / path).exists(), path
    assert list((project.root / ".work").glob("*")) == []
    assert project.run("git status --porcelain").stdout == ""


def test_metrics_and_plots_are_gits_and_everything_large_is_dvcs(project: Project) -> None:
    tracked = set(project.run("git ls-files data models reports dvc.lock").stdout.split())
    assert {f"reports/metrics/{stage}.json" for stage in STAGES[:-1]} <= tracked
    assert {"dvc.lock", "reports/report.md", "reports/plots/curve.csv", "reports/plots/adherence.csv"} <= tracked
    large = {"reports/index.html", "reports/evaluation", "models/current", "data/tokens"}
    assert not [name for name in tracked if name.startswith(tuple(large))]
    assert not [name for name in tracked if name.endswith((".parquet", ".npy", ".safetensors", ".db"))]


def test_nothing_runs_the_second_time_and_it_takes_under_five_seconds(project: Project) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = project.run("dvc repro")
    synced = project.run("python -m tinystories runs sync")
    summary = project.run("python -m tinystories summary")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)

    assert "Data and pipelines are up to date." in done.stdout
    assert synced.stderr == ""
    for what in (
        "nats_per_story",
        "bits_per_byte",
        "reports/index.html",
        "tinystories generate",
        "mlflow ui",
        "dvc exp",
    ):
        assert what in summary.stdout, what
    # processor time, because other tests share the machine; make adds nothing to it
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 5


@pytest.mark.parametrize("key", PARAMETERS)
def test_a_parameter_reruns_the_stages_that_read_it(project: Project, key: str) -> None:
    value, stages = PARAMETERS[key]
    file = project.root / "params.yaml"
    text = file.read_text()
    project.set({key: value})
    changed = file.read_text()
    file.write_text(text)
    assert changed != text
    assert changed_and_put_back(project, {file: changed}) == stages


@pytest.mark.parametrize(("name", "old"), [(name, old) for name, edits in GROUPS.items() for old in edits])
def test_a_groups_value_reruns_the_stages_that_read_it(project: Project, name: str, old: str) -> None:
    new, stages = GROUPS[name][old]
    text = (project.root / name).read_text()
    assert old in text
    assert changed_and_put_back(project, {project.root / name: text.replace(old, new, 1)}) == stages


@pytest.mark.parametrize("package", PACKAGES)
def test_an_edit_to_a_package_reruns_the_stages_that_import_it(project: Project, package: str) -> None:
    path = project.root / "tinystories" / package
    files = [path] if path.is_file() else sorted(path.rglob("*.py"))
    edits = {file: file.read_text() + "\n# edited\n" for file in files}
    assert changed_and_put_back(project, edits) == PACKAGES[package]


def test_a_compiled_module_reruns_nothing(project: Project) -> None:
    cache = project.root / "tinystories/corpus/sample/__pycache__"
    cache.mkdir()
    (cache / "x.cpython-311.pyc").write_bytes(b"0")
    try:
        assert reruns(project) == set()
    finally:
        shutil.rmtree(cache)


def test_one_changed_byte_of_the_users_stories_reruns_extract(project: Project) -> None:
    stories = project.root / "tinystories/corpus/sample/original-stories.jsonl"
    text = stories.read_text()
    assert changed_and_put_back(project, {stories: text.replace("a", "b", 1)}) == {"extract"}


def test_every_stage_opens_only_what_it_declares_and_writes_the_same_bytes_again(
    project: Project, tmp_path: Path
) -> None:
    """Each stage runs anew in a copy, every file that it opens there is noted, and its outputs are compared."""
    copy = copy_repository(project.root, tmp_path / "again")
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(WATCH)
    definition = yaml.safe_load((project.root / "dvc.yaml").read_text())["stages"]
    different, undeclared = [], {}
    for stage in STAGES:
        log = tmp_path / f"{stage}.log"
        env = {"PYTHONPATH": f"{tmp_path / 'site'}:{copy.root}", "PYTHONDONTWRITEBYTECODE": "1"}
        copy.run(f"python -c '{RUN.format(stage=stage)}'", {**env, "WATCHED": str(copy.root), "WATCH_LOG": str(log)})
        known = declared(definition[stage])
        opened = set(log.read_text().splitlines())
        undeclared[stage] = sorted(name for name in opened if not name.startswith(tuple(known | AROUND)))
        for out in outputs(definition[stage]):
            files = (
                [out]
                if (copy.root / out).is_file()
                else [p.relative_to(copy.root) for p in (copy.root / out).rglob("*")]
            )
            different += [
                str(file)
                for file in files
                if (copy.root / file).is_file()
                and (copy.root / file).read_bytes() != (project.root / file).read_bytes()
            ]
    assert undeclared == {stage: [] for stage in STAGES}
    assert different == []


TEMPLATED = {
    "${source.path}": "tinystories/corpus/sample",
    "${evaluate.prompts}": "tinystories/evaluation/prompts.yaml",
}
AROUND = {"params.yaml", "pipeline/conf/", ".work/"}  # parameters are declared by their keys
RUN = (
    "from pathlib import Path; from tinystories.params import load_params; from tinystories.paths import Paths; "
    "from tinystories.stages.{stage} import run; run(load_params(Path.cwd()), Paths(Path.cwd()))"
)
WATCH = """
import os, sys

def watch(event, arguments, root=os.environ.get("WATCHED", ""), log=os.environ.get("WATCH_LOG")):
    if event == "open" and log and isinstance(arguments[0], str):
        path = os.path.abspath(arguments[0])
        known = os.path.isfile(path) and os.path.getsize(path)  # an empty __init__.py is no dependency
        if path.startswith(root + os.sep) and "__pycache__" not in path and known:
            descriptor = os.open(log, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
            os.write(descriptor, (os.path.relpath(path, root) + "\\n").encode())
            os.close(descriptor)

if "WATCH_LOG" in os.environ:
    sys.addaudithook(watch)
"""


def outputs(stage: dict[str, list[object]]) -> list[str]:
    entries = [*stage["outs"], *stage.get("metrics", []), *stage.get("plots", [])]
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]  # type: ignore[call-overload]


def declared(stage: dict[str, list[object]]) -> set[str]:
    deps = {TEMPLATED.get(str(path), str(path)) for path in stage["deps"]}
    temporary = {str(Path(out).parent / f".{Path(out).name}.") for out in outputs(stage)}
    return deps | temporary | set(outputs(stage))


def test_dvcs_lock_names_no_folder_of_this_machine(project: Project) -> None:
    lock = (project.root / "dvc.lock").read_text()
    assert str(project.root) not in lock
    for metrics in (project.root / "reports/metrics").glob("*.json"):
        assert str(project.root) not in metrics.read_text(), metrics.name
        json.loads(metrics.read_text())
