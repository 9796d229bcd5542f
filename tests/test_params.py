"""params.yaml and its groups: what wins, what is refused, and that nothing is undocumented."""

import re
import shutil
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from tinystories.errors import ParamsError
from tinystories.params import Params, explain_params, flat, load_params

GROUPS = {  # the sections of each kind of group, as dvc.yaml tracks them
    "preset": {"tokenize", "model", "requests", "finetune", "train", "generate"},
    "scale": {"source", "model", "train", "evaluate"},
    "source": {"source"},
}


@pytest.fixture
def project(tmp_path: Path, root: Path) -> Path:
    shutil.copy(root / "params.yaml", tmp_path)
    shutil.copytree(root / "pipeline/conf", tmp_path / "pipeline/conf")
    return tmp_path


def write(project: Path, key: str, value: str) -> None:
    """Put `value` at a dotted key of params.yaml, as an editor would."""
    *section, leaf = key.split(".")
    text = (project / "params.yaml").read_text()
    start = text.index(f"\n{section[0]}:") if section else 0
    indent = "  " if section else ""
    head, tail = text[:start], text[start:]
    changed, count = re.subn(rf"(?m)^({indent}{leaf}:)\s*[^\s#]+", rf"\1 {value}", tail, count=1)
    assert count == 1, key
    (project / "params.yaml").write_text(head + changed)


def fields(model: type[BaseModel], prefix: str = "") -> set[str]:
    names: set[str] = set()
    for name, field in model.model_fields.items():
        key = prefix + (field.alias or name)
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            names |= fields(annotation, f"{key}.")
        else:
            names.add(key)
    return names


def test_every_parameter_stands_in_params_yaml_and_nothing_else_does(root: Path) -> None:
    written = yaml.safe_load((root / "params.yaml").read_text())
    assert {key for key, _ in flat(written)} == fields(Params)


def test_every_key_of_params_yaml_has_a_comment(root: Path) -> None:
    lines = (root / "params.yaml").read_text().splitlines()
    bare = [line for line in lines if re.match(r"\s*\w+: +[^#\s]", line) and "#" not in line]
    assert bare == []


@pytest.mark.parametrize("kind", GROUPS)
def test_groups_have_exactly_the_sections_that_dvc_tracks(root: Path, kind: str) -> None:
    for file in (root / "pipeline/conf" / kind).glob("*.yaml"):
        assert set(yaml.safe_load(file.read_text())) == GROUPS[kind], file.name


def test_defaults_have_the_sections_of_presets(root: Path) -> None:
    assert set(yaml.safe_load((root / "pipeline/conf/defaults.yaml").read_text())) == GROUPS["preset"]


def test_dvc_tracks_every_section_of_every_group(root: Path) -> None:
    tracked: dict[str, set[str]] = {kind: set() for kind in (*GROUPS, "defaults.yaml")}
    for stage in yaml.safe_load((root / "dvc.yaml").read_text())["stages"].values():
        for entry in stage.get("params", []):
            for file, sections in entry.items():
                kind = file.split("/")[2] if file.startswith("pipeline/conf/") else None
                if kind:
                    tracked[kind] |= {section.split(".")[0] for section in sections}
    assert tracked == GROUPS | {"defaults.yaml": GROUPS["preset"]}


def test_every_preset_scale_and_source_is_complete_and_valid(root: Path) -> None:
    for preset in (root / "pipeline/conf/preset").glob("*.yaml"):
        for scale in (root / "pipeline/conf/scale").glob("*.yaml"):
            for source in (root / "pipeline/conf/source").glob("*.yaml"):
                choice = (f"preset={preset.stem}", f"scale={scale.stem}", f"source.kind={source.stem}")
                params = load_params(root, choice)
                assert (params.preset, params.scale, params.source.kind) == (preset.stem, scale.stem, source.stem)


def test_set_beats_params_yaml_beats_the_groups(project: Path) -> None:
    group = load_params(project)
    assert group.model.layers == 4

    write(project, "model.layers", "3")
    assert load_params(project).model.layers == 3

    params, origin = explain_params(project, ["model.layers=2"])
    assert (params.model.layers, origin["model.layers"]) == (2, "--set")
    assert origin["model.width"] == "pipeline/conf/scale/ci.yaml"
    assert origin["tokenize.kind"] == "pipeline/conf/defaults.yaml"
    assert origin["seed"] == "params.yaml"


def test_null_means_what_the_group_says(project: Path) -> None:
    write(project, "evaluate.temperature", "0")
    assert load_params(project).evaluate.temperature == 0  # zero is a value, not null
    write(project, "evaluate.temperature", "null")
    assert load_params(project).evaluate.temperature == 0.8


def test_the_four_budgets_are_one_choice(project: Path) -> None:
    assert load_params(project).train.steps == 1500

    params, origin = explain_params(project, ["train.minutes=2"])
    assert (params.train.minutes, params.train.steps) == (2, None)
    assert origin["train.minutes"] == "--set"

    with pytest.raises(ParamsError, match="exactly one of steps, epochs, tokens, minutes; given: steps, minutes"):
        load_params(project, ["train.minutes=2", "train.steps=5"])


def test_every_problem_is_told_at_once_with_its_place(project: Path) -> None:
    write(project, "partitions.test", "2")
    with pytest.raises(ParamsError) as caught:
        load_params(project, ["model.width=-1", "train.speed=9"])
    message = str(caught.value)

    assert message.startswith("3 problems")
    assert "params.yaml: partitions.test" in message
    assert "--set: model.width: Input should be greater than or equal to 1 (found -1)" in message
    assert "--set: train.speed: no such parameter" in message


def test_the_params_of_an_older_version_are_told_what_they_lack(project: Path) -> None:
    file = project / "params.yaml"
    file.write_text(re.sub(r"(?m)^  tag_margin: .*\n", "", file.read_text()))
    with pytest.raises(ParamsError, match=r"tokenize\.tag_margin: missing; take its line from the params.yaml that"):
        load_params(project)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("scale=huge", "scale: 'huge' is not known; choose one of: ci, full, gpu, laptop"),
        ("preset=null", "preset: None is not known; choose one of: base, gpt-8k, gpt2-mini,"),
        ("train.steps", "expected key=value, such as train.steps=100"),
        ("=3", "expected key=value"),
        ("train.lr={", "is not a YAML value"),
        ("model.heads=3", "has no even head size"),
        ("train.lr=.nan", "train.lr"),
        ("requests={plain: 0, controls: 0, between: 0}", "the weights plain, controls and between are all 0"),
    ],
)
def test_what_is_wrong_is_one_line_that_says_so(root: Path, override: str, message: str) -> None:
    with pytest.raises(ParamsError) as caught:
        load_params(root, [override])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_yaml_is_named(project: Path) -> None:
    (project / "params.yaml").write_text("model: [1,\n")
    with pytest.raises(ParamsError, match=r"params.yaml is not YAML"):
        load_params(project)


def test_a_folder_without_params_yaml_is_told(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match=r"no params.yaml in .*: run this in the root"):
        load_params(tmp_path)


def test_a_value_where_a_section_belongs_is_told(project: Path) -> None:
    with pytest.raises(ParamsError):
        load_params(project, ["train=3"])


def test_two_overrides_where_one_is_below_the_other_are_told(root: Path) -> None:
    with pytest.raises(ParamsError, match="'train' is a value in one place and a group of keys in another"):
        load_params(root, ["train=3", "train.steps=5"])
