"""The command line: quick, told in one line what is wrong, results on stdout and nothing else there."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.main import get_command

from tinystories.cli import app
from tinystories.errors import ModelError

COMMANDS = (
    "extract", "validate", "split", "tokenize", "train", "evaluate", "report", "params", "summary",
    "generate", "score", "tag", "compare", "dataprep", "finetune", "runs sync", "runs champion",
    "app", "drift",
)  # fmt: skip
HEAVY = (
    "torch", "pandas", "mlflow", "great_expectations", "datasets", "transformers", "pyarrow", "numpy", "pydantic",
    "yaml",
)  # fmt: skip


def run(*arguments: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), "COLUMNS": "100", **(env or {})}
    command = [sys.executable, "-m", "tinystories", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def project(tmp_path: Path, root: Path) -> Path:
    shutil.copy(root / "params.yaml", tmp_path)
    shutil.copytree(root / "pipeline", tmp_path / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_help_comes_at_once_and_loads_nothing_heavy(root: Path) -> None:
    program = f"""
import sys, time
start = time.process_time()
from tinystories.cli import app
try:
    app(["--help"])
except SystemExit as end:
    assert end.code == 0
seconds = time.process_time() - start
loaded = [name for name in {HEAVY!r} if name in sys.modules]
assert not loaded, loaded
assert seconds < 0.5, seconds
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for command in COMMANDS:
        assert f"\n  {command.split()[0]} " in done.stdout, command


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(root: Path, command: str) -> None:
    done = run(*command.split(), "--help", cwd=root)
    assert done.returncode == 0
    assert f"tinystories {command}" in done.stdout.split("Example")[1]


def test_every_control_has_an_example_that_is_taken(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Typed as it stands, with no model here: all that is wrong is that there is none."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "asked.jsonl").write_text('{"tags": ["Twist"]}\n')
    (tmp_path / "i.toml").write_text("[hyper-parameters]\ntemperature = 0.5\n")
    command = get_command(app).commands["generate"]  # type: ignore[attr-defined]
    helps = {option.name: option.help for option in command.params if option.metavar or option.name == "prompt"}
    for name in helps.keys() - {"query", "out", "model"}:
        example = helps[name].split("Example: ")[1].rstrip(".")
        assert name == "prompt" or f"--{name.replace('_', '-')} " in f"{example} ".replace("=", " "), example
        with pytest.raises(ModelError, match="no model in"):
            app(["generate", *shlex.split(example)], standalone_mode=False)
        assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--set", "train.steps=no"], "train.steps"),
        (["params", "--set", "scale=huge"], "'huge' is not known"),
        (["generate", "--tag", "Twst"], "unknown tag 'Twst': did you mean Twist?"),
        (["generate", "--first", "Tom ran.", "--start", "Lily"], "the first sentence begins with 'Tom'"),
        (["generate", "--top-p", "2"], "top_p: must be above 0 and at most 1"),
        (["generate", "--count", "0"], "count: must be at least 1"),
        (["generate", "--end", "home", "--avoid", "home"], "avoid: 'home' is in end"),
        (["generate", "--stream", "--count", "2"], "one story at a time"),
        (["generate", "--stream", "--out", "told.csv"], "--stream prints what --out would keep"),
        (["generate", "--start", "Lily", "--end", "home", "--max-words", "1"], "home must occur beside"),
        (["generate", "--requests", "asked.jsonl", "--tag", "Twist"], "leave out the other controls"),
        (["generate", "--requests", "asked.jsonl"], "asked.jsonl can't be read"),
        (["generate", "--out", "told.jsonl"], "only with --requests"),
        (["generate"], "type `make repro`"),
        (["score", "nowhere.txt"], "nowhere.txt"),
        (["validate"], "run extract"),
        (["report"], "make repro"),
        (["summary"], "type make repro"),
    ],
)
def test_what_a_user_did_wrong_is_one_line_and_exit_2(project: Path, arguments: list[str], message: str) -> None:
    done = run(*arguments, cwd=project)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("error: ")
    assert message in done.stderr


def test_a_wrong_request_is_told_before_anything_heavy_loads(root: Path) -> None:
    program = """
import sys
from tinystories.cli import app
from tinystories.errors import TinyStoriesError
for wrong in (["generate", "--tag", "Twst"], ["generate", "--max-words", "0"], ["generate", "--words", "a,,b"]):
    try:
        app(wrong)
    except TinyStoriesError:
        pass
    else:
        raise AssertionError(wrong)
assert "torch" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "arguments", [["genrate"], ["generate", "--tags", "Twist"], ["score"], ["generate", "--top-k", "x"]]
)
def test_a_misspelt_command_or_option_exits_2(root: Path, arguments: list[str]) -> None:
    done = run(*arguments, cwd=root)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_a_story_is_printed_in_utf8_whatever_the_pipe_is_set_to(root: Path) -> None:
    program = "import tinystories.cli as cli; cli.app = lambda: print('Café 🐉'); cli.main()"
    env = {**os.environ, "PYTHONPATH": str(root), "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, check=False)
    assert (done.returncode, done.stdout.decode("utf-8").strip()) == (0, "Café 🐉"), done.stderr


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("gen", ["generate"]),
        ("generate --no-rep", ["--no-repeat-ngram"]),
        ("generate --tag ", ["BadEnding", "Conflict", "Dialogue", "Foreshadowing", "MoralValue", "Twist"]),
        ("generate --tag Twist --tag B", ["BadEnding"]),
        ("generate Tom --tag Mor", ["MoralValue"]),
        ("generate --tag Love", []),
        ("world --tag F", ["Foreshadowing"]),
    ],
)
def test_the_shell_completes_commands_options_and_tags(typed: str, offered: list[str], root: Path) -> None:
    program = 'import sys; sys.argv = ["tinystories"]; from tinystories.cli import main; main()'
    line = f"tinystories {typed}"
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
    env = {**os.environ, "PYTHONPATH": str(root), "_TINYSTORIES_COMPLETE": "complete_bash", **asked}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, env=env, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == offered, done.stderr


def test_bash_itself_offers_the_tags(root: Path, tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash here")
    command = tmp_path / "tinystories"
    command.write_text(f"#!{sys.executable}\nfrom tinystories.cli import main\nmain()\n")
    command.chmod(0o755)
    env = {**os.environ, "PYTHONPATH": str(root), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    script = """
eval "$(_TINYSTORIES_COMPLETE=source_bash tinystories)"
COMP_WORDS=(tinystories generate --tag Tw) COMP_CWORD=3
"$(complete -p tinystories | sed 's/.*-F \\([^ ]*\\).*/\\1/')" tinystories
echo "${COMPREPLY[@]}"
"""
    done = subprocess.run([bash, "-c", script], cwd=root, env=env, capture_output=True, text=True, check=False)
    assert done.stdout == "Twist\n", done.stderr


def test_params_says_where_each_value_is_from(root: Path) -> None:
    done = run("params", "--set", "model.width=64", "--json", cwd=root)
    values = json.loads(done.stdout)
    assert values["model.width"] == {"value": 64, "from": "--set"}
    assert values["model.layers"]["from"] == "pipeline/conf/scale/ci.yaml"
    assert values["validate.min_words"] == {"value": 1, "from": "params.yaml"}

    lines = run("params", cwd=root).stdout.splitlines()
    assert {line.split()[0] for line in lines} == set(values)


def test_commands_work_from_any_folder_of_the_project(project: Path) -> None:
    deep = project / "notes" / "deep"
    deep.mkdir(parents=True)
    done = run("params", cwd=deep)
    assert done.returncode == 0
    assert "train.steps" in done.stdout


def test_outside_a_project_one_line_says_so(tmp_path: Path) -> None:
    done = run("params", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: no params.yaml in ")


def test_a_stage_works_in_the_copy_that_an_experiment_runs_in(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """In a queued experiment DVC_ROOT is the project that it was started from, and only MLflow's store is there."""
    origin = tmp_path_factory.mktemp("origin")
    done = run("extract", "--set", "source.limit=5", cwd=project, env={"DVC_ROOT": str(origin)})
    assert done.returncode == 0, done.stderr
    assert (project / "data/extract/stories.parquet").is_file()
    assert list(origin.iterdir()) == []


def test_a_stage_reports_on_stderr_and_its_metrics_on_stdout_when_asked(project: Path) -> None:
    settings = ("--set", "source.limit=7", "--set", "source.world=0")
    done = run("extract", *settings, "--json", cwd=project)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["stories"] == 7
    *paces, line = done.stderr.splitlines()  # a busy machine takes ten seconds, and then hears how far it is
    assert line.startswith("extract: stories 7, train ") and all(" a second" in pace for pace in paces)

    assert run("extract", *settings, cwd=project).stdout == ""


def test_sync_without_a_model_has_nothing_to_do(project: Path) -> None:
    started = time.monotonic()
    done = run("runs", "sync", cwd=project)
    assert done.returncode == 0
    assert "no model in models/current yet" in done.stderr
    assert not (project / "mlflow.db").exists()
    assert time.monotonic() - started < 30
