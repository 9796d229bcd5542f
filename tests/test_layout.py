"""The house: who may import whom, what each stage depends on, and that nothing stands in two places."""

import ast
import re
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
import yaml

import tinystories
from pipeline.closure import PACKAGE, STAGES, closure, imports, modules, rewrite

# data flows downwards once: each may import what stands before it, and itself
LAYERS = ("corpus", "text", "requests", "model", "training", "finetuning", "generation", "evaluation", "reporting")
BELOW_ALL = {"errors", "files", "paths", "params", "text.tags", "text.tagger"}
LONGEST_MODULE = 350

# what a package's change reruns directly; stages after them rerun if what they read has changed
RERUNS = {
    "corpus": set(STAGES),  # all know the record,
    "corpus/formats.py": {"extract"},  # one reads layouts
    "corpus/rows.py": {"validate"},
    "corpus/world": {"extract", "evaluate"},  # and two the stories of the world
    "text": set(STAGES),  # the report knows how well tagger and judge do
    "text/sentences.py": {"split", "evaluate"},
    "text/cues.py": {"split", "evaluate"},
    "requests": {"tokenize", "train", "evaluate"},
    "model": {"train", "evaluate"},
    "training": {"train", "evaluate"},
    "finetuning": {"train", "evaluate"},  # evaluate: how a chat is spelled, which generation knows
    "generation": {"evaluate"},
    "evaluation": {"evaluate"},
    "reporting": {"report"},
    "app": set(),
    "commands": set(),
    "cli.py": set(),
    "__main__.py": set(),
    "tracking": set(),
    "runfiles.py": set(),
    "summary.py": set(),
    **{f"stages/{stage}.py": {stage} for stage in STAGES},
}


@cache
def package_modules(root: Path) -> dict[str, ast.Module]:
    """Path inside the package -> its tree."""
    folder = root / PACKAGE
    return {p.relative_to(folder).as_posix(): ast.parse(p.read_text()) for p in sorted(folder.rglob("*.py"))}


def imported(file: str, tree: ast.Module) -> set[str]:
    package = ".".join([PACKAGE, *Path(file).parent.parts])
    return {name for node in imports(tree) for name in modules(node, package)}


def test_data_flows_downwards(root: Path) -> None:
    wrong = []
    for file, tree in package_modules(root).items():
        layer = file.split("/")[0]
        if layer not in LAYERS:
            continue
        allowed = set(LAYERS[: LAYERS.index(layer) + 1])
        for name in imported(file, tree):
            parts = name.split(".")
            if parts[0] != PACKAGE or len(parts) == 1 or parts[1] in allowed | BELOW_ALL:
                continue
            if ".".join(parts[1:3]) not in BELOW_ALL:
                wrong.append(f"{file} imports {name}")
    assert wrong == []


def test_nothing_below_imports_stages_or_the_command_line(root: Path) -> None:
    above = {"app", "stages", "cli", "commands", "tracking", "runfiles", "summary", "__main__"}
    free = ("app/", "stages/", "commands/", "tracking/", "cli.py", "__main__.py", "runfiles.py", "summary.py")
    wrong = [
        (file, name)
        for file, tree in package_modules(root).items()
        for name in imported(file, tree)
        if name.split(".")[0] == PACKAGE and set(name.split(".")[1:2]) & above and not file.startswith(free)
    ]
    assert wrong == []
    for stage in STAGES:  # and a stage needs no other stage, no command line, no tracking
        others = [f for f in closure(root, stage) if f.split("/")[1].removesuffix(".py") in above]
        assert others == [f"tinystories/stages/{stage}.py"]


def test_only_tracking_imports_mlflow(root: Path) -> None:
    users = {f for f, tree in package_modules(root).items() for n in imported(f, tree) if n.split(".")[0] == "mlflow"}
    assert {file.split("/")[0] for file in users} == {"tracking"}


def test_modules_are_looked_up_by_name_only_where_that_hides_nothing(root: Path) -> None:
    """A stage's closure is read from import statements, so nothing that a stage uses may go around them."""
    users = {
        file
        for file, tree in package_modules(root).items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in {"import_module", "__import__"}
    }
    assert users <= {"__init__.py", "commands/pipeline.py"}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_exactly_what_it_imports(root: Path, stage: str) -> None:
    declared = yaml.safe_load((root / "dvc.yaml").read_text())["stages"][stage]["deps"]
    code = [path for path in declared if path.startswith(f"{PACKAGE}/")]
    assert code == closure(root, stage), "type make format"


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_declares_the_parameters_that_it_reads(root: Path, stage: str) -> None:
    declared = yaml.safe_load((root / "dvc.yaml").read_text())["stages"][stage].get("params", [])
    sections = {section for entry in declared for section in entry.get("params.yaml", [])}
    tree = package_modules(root)[f"stages/{stage}.py"]
    read = {
        node.attr.rstrip("_")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "params"
    }
    sections_of_params = set(yaml.safe_load((root / "params.yaml").read_text()))
    assert read & sections_of_params == {section.split(".")[0] for section in sections}


def test_what_reruns_when(root: Path) -> None:
    closures = {stage: closure(root, stage) for stage in STAGES}
    found = {
        part: {stage for stage, files in closures.items() if any(f.startswith(f"{PACKAGE}/{part}") for f in files)}
        for part in RERUNS
    }
    assert found == RERUNS
    top = {file.split("/")[0] for file in package_modules(root)}
    assert top - {"stages", "__init__.py", "errors.py", "files.py", "params.py", "paths.py"} == {
        part for part in RERUNS if "/" not in part
    }


def test_closures_see_late_imports_data_files_and_parents_but_not_types_or_empty_files(tmp_path: Path) -> None:
    files = {
        "__init__.py": "def __getattr__(name):\n    from tinystories import lazy\n",
        "lazy.py": "# here",
        "stages/__init__.py": "# here",
        "empty.py": "",
        "stages/train.py": (
            "from typing import TYPE_CHECKING\n"
            "if TYPE_CHECKING:\n    from tinystories import typed\n"
            "def run():\n    from tinystories.a import b\n"
        ),
        "typed.py": "# here",
        "a/__init__.py": "# here",
        "a/b.py": (
            "from . import c\nimport tinystories.empty\nNAME = 'tagger'\nFILE = f'{NAME}.json'\nTEXT = 'readme.txt'\n"
        ),
        "a/c.py": "import tinystories.d.e as e\n",
        "a/tagger.json": "{}",
        "a/readme.txt": "here",
        "d/__init__.py": "# here",
        "d/e.py": "# here",
    }
    for name, text in files.items():
        path = tmp_path / PACKAGE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    expected = set(files) - {"lazy.py", "typed.py", "empty.py"}
    assert closure(tmp_path, "train") == sorted(f"{PACKAGE}/{name}" for name in expected)


def test_rewriting_dvc_yaml_is_idempotent_and_touches_only_code(root: Path) -> None:
    text = (root / "dvc.yaml").read_text()
    broken = re.sub(r"(?m)^      - tinystories/text/.*\n", "", text)
    assert broken != text
    assert rewrite(root, broken) == rewrite(root, text) == text


def test_no_module_is_too_long(root: Path) -> None:
    files = [*(root / PACKAGE).rglob("*.py"), *(root / "tests").rglob("*.py"), *(root / "pipeline").rglob("*.py")]
    long = {str(f): lines for f in files if (lines := len(f.read_text().splitlines())) > LONGEST_MODULE}
    assert long == {}


def test_dependencies_are_what_is_imported(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    core = {re.split(r"[<>=\[]", entry)[0].lower() for entry in project["dependencies"]}
    distribution = {"yaml": "pyyaml", "sklearn": "scikit-learn"}
    used = {
        distribution.get(top, top)
        for file, tree in package_modules(root).items()
        for name in imported(file, tree)
        if (top := name.split(".")[0]) not in sys.stdlib_module_names | {PACKAGE}
    }
    assert core == used | {"dvc"}  # dvc is what the pipeline is run by
    assert project["version"] == tinystories.__version__


def test_every_pinned_requirement_is_really_pinned(root: Path) -> None:
    pins = {line.split("==")[0].lower() for line in (root / "constraints.txt").read_text().splitlines()}
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    wanted = {re.split(r"[<>=\[]", entry)[0].lower() for group in groups for entry in group}
    assert wanted - pins == set()


def test_no_machines_path_is_in_the_repository(root: Path) -> None:
    files = [*(root / PACKAGE).rglob("*.py"), *(root / "pipeline").rglob("*.*"), root / "dvc.yaml", root / "README.md"]
    files = [file for file in files if file.is_file() and file.suffix != ".pyc"]
    outside = re.compile(r"(?<![\w.])/(work|tmp|home|root)/\w")
    assert [str(file) for file in files if outside.search(file.read_text())] == []
