"""Fine-tuning through the stages: preset lora is tokenized, trained, kept and asked as every other model."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from tests.builders import TINY, sample, tiny_params, write_split
from tests.conftest import ROOT
from tinystories import StoryModel
from tinystories.errors import ModelError, ParamsError
from tinystories.files import read_json
from tinystories.params import Params, load_params
from tinystories.paths import Paths
from tinystories.stages import tokenize, train

STORIES = [row["story"] for row in sample(40)]
KEPT = [one for one in TINY if not one.startswith(("train.steps", "model."))]


def lora_params(base: Path, *overrides: str) -> Params:
    asked = ["preset=lora", f"finetune.base={base}", "train.steps=20", "finetune.rank=2", *KEPT, *overrides]
    return load_params(ROOT, asked)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """A project with a model of its own, kept as a base."""
    paths = Paths(tmp_path_factory.mktemp("project"))
    write_split(paths.split, {"train": STORIES[:30], "validation": STORIES[30:35], "test": STORIES[35:]})
    params = tiny_params("tokenize.vocab_size=500")
    tokenize.run(params, paths)
    train.run(params, paths)
    shutil.copytree(paths.model, paths.root / "models/base")
    return paths


@pytest.fixture(scope="module")
def tuned(project: Paths, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """Another project, whose model is the first one's, tuned."""
    paths = Paths(tmp_path_factory.mktemp("tuned"))
    write_split(paths.split, {"train": STORIES[10:30], "validation": STORIES[30:35], "test": STORIES[35:]})
    shutil.copytree(project.root / "models/base", paths.root / "models/base")
    params = lora_params(Path("models/base"))
    tokenize.run(params, paths)
    train.run(params, paths)
    return paths


def test_preset_lora_goes_on_from_models_base(root: Path) -> None:
    params = load_params(root, ["preset=lora"])
    assert (params.finetune.method, params.finetune.base) == ("lora", "models/base")
    assert load_params(root).finetune.method == "none"
    with pytest.raises(ParamsError, match=r"needs finetune\.base"):
        load_params(root, ["finetune.method=lora"])


def test_the_stories_are_read_in_the_bases_tokens_and_its_sizes_hold(project: Paths, tuned: Paths) -> None:
    for folder in (tuned.tokens, tuned.model):
        assert read_json(folder / "tokenizer.json") == read_json(project.model / "tokenizer.json")
    base, model = StoryModel.load(project.model).loaded, StoryModel.load(tuned.model).loaded
    assert model.config == base.config
    assert read_json(tuned.train_metrics)["trainable_parameters"] < base.config.parameters / 4


def test_it_is_the_base_moved_towards_the_stories(project: Paths, tuned: Paths) -> None:
    before = sum(score.nats for score in StoryModel.load(project.model).score(STORIES[10:30]))
    assert sum(score.nats for score in StoryModel.load(tuned.model).score(STORIES[10:30])) < before
    old, new = StoryModel.load(project.model).loaded.model, StoryModel.load(tuned.model).loaded.model
    assert torch.equal(old.model.embed_tokens.weight, new.model.embed_tokens.weight)  # it has no adapter
    assert not torch.equal(old.model.blocks()[0].mlp.up_proj.weight, new.model.blocks()[0].mlp.up_proj.weight)


def test_it_keeps_every_form_of_request_and_says_what_it_was_made_from(project: Paths, tuned: Paths) -> None:
    [story] = StoryModel.load(tuned.model).generate(first="Tom ran.", last="All was well.", max_tokens=5)
    assert story.met == {"first": True, "last": True}
    made_from = json.loads((tuned.model / "fingerprint.json").read_text())["made_from"]
    assert made_from["finetune"]["method"] == "lora" and len(made_from["finetune"]["base"]) == 16
    assert made_from["model"]["width"] == 32
    assert "lora, from models/base" in (tuned.model / "README.md").read_text()


def test_another_base_is_another_model_and_a_model_from_nothing_has_none(tuned: Paths, project: Paths) -> None:
    asked = lora_params(Path("models/base"))
    first = train.provenance(asked, tuned)["fingerprint"]
    other = tuned.root / "models/other"
    shutil.copytree(tuned.model, other)
    assert train.provenance(lora_params(Path("models/other")), tuned)["fingerprint"] != first
    assert "finetune" not in train.provenance(tiny_params(), project)["made_from"]


def test_gpt2_gets_the_controls_and_answers_requests(gpt2: Path, tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    write_split(paths.split, {"train": STORIES[:10], "validation": STORIES[30:33], "test": STORIES[35:]})
    params = lora_params(gpt2, "train.steps=4", "finetune.method=full")
    tokenize.run(params, paths)
    train.run(params, paths)
    model = StoryModel.load(paths.model)
    assert read_json(paths.model / "config.json")["model_type"] == "gpt2"
    [story] = model.generate(tags=["Twist"], first="Tom ran.", last="All was well.", max_tokens=5)
    assert story.met["first"] and story.met["last"]


def test_without_a_base_one_line_says_how_to_get_one(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    write_split(paths.split, {"train": STORIES[:10], "validation": STORIES[30:33], "test": STORIES[35:]})
    with pytest.raises(ModelError, match="cp -r models/current models/base"):
        tokenize.run(load_params(ROOT, ["preset=lora"]), paths)
