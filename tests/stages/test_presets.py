"""Each kind of preset, all the way: tokens, training, measures, page, stories on request."""

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.builders import TINY
from tests.conftest import ROOT
from tests.stages.test_evaluate import STORIES
from tests.test_presets import PARAMETERS
from tinystories.errors import ModelError, RequestError
from tinystories.files import read_json, write_text
from tinystories.generation.story_model import StoryModel
from tinystories.model.windows import WindowConfig
from tinystories.params import Params, load_params
from tinystories.paths import Paths
from tinystories.stages import evaluate, extract, report, split, tokenize, train, validate
from tinystories.stages.train import model_config
from tinystories.text.tokenizer import StoryTokenizer

SMALL = (
    *TINY, "source.kind=files", "source.path=stories.txt", "partitions.test=0.2", "partitions.validation=0.2",
    "tokenize.vocab_size=400", "evaluate.per_tag=2", "evaluate.infillings=2", "evaluate.max_tokens=24",
    "evaluate.bootstrap=20", "evaluate.choices=8", "evaluate.pairs=3", "train.steps=8", "train.device=cpu",
)  # fmt: skip
# what each can be asked for, one request a line, and what it can't
ALL: dict[str, Any] = {"tags": ["Twist"], "words": ["kite"], "start": "Tom", "end": "home"}
BETWEEN = {"first": "Tom had a red kite.", "last": "Tom thanked the duck and went home."}
CAN: dict[str, list[dict[str, Any]]] = {
    "story": [ALL, BETWEEN],
    "gpt2-mini": [ALL, BETWEEN],
    "gpt-8k": [ALL, BETWEEN],
    "infilling": [BETWEEN, {"last": BETWEEN["last"]}, {"start": "Tom"}],
    "start-end": [{"start": "Tom", "end": "home"}, {"first": BETWEEN["first"]}],
    "tags-encoder-mini": [{"tags": ["Twist"], "start": "Tom"}, {"first": BETWEEN["first"]}],
}
CANT: dict[str, list[tuple[dict[str, Any], str]]] = {
    "infilling": [({"tags": ["Twist"]}, "tags: a model of preset infilling"), ({"end": "home"}, "end: ")],
    "start-end": [({"tags": ["Twist"], "last": "Bye."}, "last, tags: a model of preset start-end")],
    "tags-encoder-mini": [({"end": "home", "words": ["kite"]}, "end, words: a model of preset tags-encoder")],
}
pytestmark = pytest.mark.slow


def params_of(preset: str, *overrides: str) -> Params:
    return load_params(ROOT, [*SMALL, f"preset={preset}", *overrides])


@pytest.fixture(scope="module")
def until_split(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("presets")
    shutil.copytree(ROOT / "pipeline", root / "pipeline")
    shutil.copy(ROOT / "params.yaml", root)
    (root / "tinystories/evaluation").mkdir(parents=True)
    shutil.copy(ROOT / "tinystories/evaluation/prompts.yaml", root / "tinystories/evaluation")
    write_text(root / "stories.txt", "\n<|endoftext|>\n".join(STORIES))
    for stage in (extract, validate, split):
        stage.run(params_of("story"), Paths(root))
    return root


@pytest.mark.parametrize("preset", CAN)
def test_a_preset_goes_from_stories_to_a_page_and_back(preset: str, until_split: Path, tmp_path: Path) -> None:
    shutil.copytree(until_split, tmp_path, dirs_exist_ok=True)
    paths, params = Paths(tmp_path), params_of(preset)
    tokenize.run(params, paths)
    trained = train.run(params, paths)
    measured = evaluate.run(params, paths)
    report.run(params, paths)

    model = StoryModel.load(paths.model)
    assert trained["parameters"] == measured["model"]["parameters"] == model.loaded.config.parameters
    assert trained["parameters"] == sum(p.numel() for p in model.loaded.model.parameters())
    assert math.isfinite(measured["likelihood"]["nats_per_story"])
    # one definition of the loss: training's, the evaluation's, and that of whoever scores a text
    texts = [row.text for row in model.generate(prompt="Tom", count=2, max_tokens=12)]
    assert all(score.nats > 0 for score in model.score(texts))

    carries = model.loaded.form.carries
    page = paths.report_html.read_text()
    assert ("infilling" in measured) == ("last" in carries) and bool(measured["adherence"]) == ("tags" in carries)
    assert set(measured.get("absent", {})) == {
        name for name, control in (("infilling", "last"), ("adherence", "tags")) if control not in carries
    }
    assert all(reason in page.replace("&#39;", "'") for reason in measured.get("absent", {}).values())
    if "infilling" in measured:
        assert measured["infilling"]["stories"] > 0 and measured["infilling"]["generated"] == 2
        assert math.isfinite(measured["infilling"]["gain"])

    for request in CAN[preset]:
        (story,) = model.generate(max_tokens=24, seed=1, **request)
        if "first" in request:
            assert story.text.startswith(request["first"])
        if "last" in request:
            assert story.text.endswith(request["last"])
        assert {"start", "first", "last"} & request.keys() <= {control for control, met in story.met.items() if met}
    for request, message in CANT.get(preset, []):
        with pytest.raises(RequestError) as caught:
            model.generate(**request)
        assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("preset", sorted(PARAMETERS.keys() - {"story"}))
def test_every_preset_in_its_own_size_trains_two_steps_and_tells_through_the_command(
    preset: str, until_split: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    shutil.copytree(until_split, tmp_path, dirs_exist_ok=True)
    paths = Paths(tmp_path)
    few = ("train.steps=2", "train.batch_tokens=128", "train.validation_stories=2", "train.accumulate=1")
    sizes = [f"preset={preset}", "scale=laptop", "train.compile=false", "train.device=cpu", *few]
    if load_params(ROOT, sizes).tokenize.kind == "folder":
        sizes.append(f"tokenize.folder={request.getfixturevalue('shared') / 'gpt2-tokenizer'}")
    params = load_params(ROOT, sizes)
    tokenize.run(params, paths)
    trained = train.run(params, paths)
    assert trained["steps"] == 2 and math.isfinite(trained["validation_loss"])
    # an own vocabulary is as large as so few stories fill, so that the embedding has fewer rows
    assert trained["parameters"] == model_config(params, StoryTokenizer.load(paths.tokens).vocab_size).parameters

    command = ["generate", "Tom", "--model", str(paths.model), "--max-tokens", "6", "--seed", "1", "--json"]
    done = subprocess.run([sys.executable, "-m", "tinystories", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["text"].startswith("Tom") and told["request"].get("eos_after") == params.generate.eos_after
    assert StoryModel.load(paths.model).loaded.generation.max_new_tokens == params.generate.max_tokens
    shutil.rmtree(paths.model)  # pytest keeps folders, and one of these is of 440 MB


def test_a_head_of_its_own_is_trained_and_dropout_is_the_same_again(until_split: Path, tmp_path: Path) -> None:
    shutil.copytree(until_split, tmp_path, dirs_exist_ok=True)
    paths = Paths(tmp_path)
    tokenize.run(params_of("start-end"), paths)
    weights = []
    for steps in (1, 8, 8):
        train.run(params_of("start-end", f"train.steps={steps}", "train.schedule=linear", "train.warmup=0"), paths)
        weights.append(load_file(paths.model / "model.safetensors"))
    one, eight, again = weights
    assert not torch.equal(one["lm_head.weight"], eight["lm_head.weight"])
    assert not torch.equal(one["lm_head.bias"], eight["lm_head.bias"])
    assert all(torch.equal(eight[name], again[name]) for name in eight)
    assert read_json(paths.model / "config.json")["request_format"] == "start-end"


def test_tags_stay_in_every_window_where_params_say_so(until_split: Path, tmp_path: Path) -> None:
    shutil.copytree(until_split, tmp_path, dirs_exist_ok=True)
    paths, said = Paths(tmp_path), []
    tokenize.run(params_of("tags-encoder-mini"), paths)
    for choice in ("start", "window"):
        train.run(params_of("tags-encoder-mini", f"requests.tags={choice}", "model.ffn=[48, 64]"), paths)
        model = StoryModel.load(paths.model)
        assert isinstance(model.loaded.config, WindowConfig)
        said.append(model.loaded.config.pinned)
    assert said == [(), tuple(range(3, 9))]
    assert "48, 64" in (paths.model / "README.md").read_text()


def test_tokens_from_a_folder_and_a_vocabulary_that_is_not_filled(until_split: Path, tmp_path: Path) -> None:
    shutil.copytree(until_split, tmp_path, dirs_exist_ok=True)
    paths, said = Paths(tmp_path), list[str]()
    own = tokenize.run(params_of("story", "tokenize.vocab_size=30000"), paths, say=said.append)
    assert said == [f"the training stories fill {own['vocab_size']:,} of the 30,000 tokens asked for"]

    folder = ("tokenize.kind=folder", "tokenize.folder=elsewhere")
    with pytest.raises(ModelError, match=r"tokenize\.folder: no tokenizer\.json, .* in elsewhere"):
        tokenize.run(params_of("story", *folder), paths)
    shutil.copytree(paths.tokens, tmp_path / "elsewhere")
    assert tokenize.run(params_of("story", *folder), paths) == own | {"vocab_size_asked": own["vocab_size"]}
