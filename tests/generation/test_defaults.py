"""Where nothing is asked for, a model writes as its preset says: params -> model folder -> command and API."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.test_cli import run
from tests.test_presets import PARAMETERS
from tinystories import Request, StoryModel
from tinystories.commands.requested import requests_command
from tinystories.files import read_json
from tinystories.model.folder import GenerationDefaults, LoadedModel, load_model, save_model
from tinystories.params import load_params
from tinystories.requests.controls import CONTROL_TOKENS, EOS_ID
from tinystories.stages.train import generation_defaults

OLD_TAGS = GenerationDefaults(max_new_tokens=350, eos_after=200)  # the old tag project's
OWN = {"tags-encoder": OLD_TAGS, "tags-encoder-mini": OLD_TAGS}


def of_preset(root: Path, preset: str, *overrides: str) -> GenerationDefaults:
    return generation_defaults(load_params(root, [f"preset={preset}", *overrides]))


@pytest.mark.parametrize("preset", [*PARAMETERS, "lora"])
def test_a_presets_defaults_are_these(preset: str, root: Path) -> None:
    assert of_preset(root, preset) == OWN.get(preset, GenerationDefaults())


@pytest.fixture
def tags_folder(root: Path, folder: Path, tmp_path: Path) -> Path:
    """A tiny model's folder, saved with the defaults of preset tags-encoder."""
    tiny = load_model(folder)
    path = tmp_path / "tagged"
    save_model(
        path, tiny.model, tiny.tokenizer, card="# tiny\n", fingerprint={"fingerprint": "0" * 16},
        generation=of_preset(root, "tags-encoder"),
    )  # fmt: skip
    return path


def test_the_folder_says_them_and_names_nothing_new_where_a_preset_has_none(tags_folder: Path, folder: Path) -> None:
    stored = read_json(tags_folder / "generation_config.json")
    assert (stored["max_new_tokens"], stored["eos_after"]) == (350, 200)
    assert load_model(tags_folder).generation == OLD_TAGS
    assert "eos_after" not in read_json(folder / "generation_config.json")


def test_the_command_takes_them_and_options_beat_them(tags_folder: Path, tmp_path: Path) -> None:
    def asked(*options: str) -> dict[str, object]:
        done = run("generate", "Tom", "--model", str(tags_folder), "--json", *options, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        told: dict[str, object] = json.loads(done.stdout)["request"]
        return told

    own = {"max_tokens": 350, "eos_after": 200, "temperature": 0.8, "top_k": 0, "top_p": 0.95}
    rest = {"prompt": "Tom", "seed": 0, "index": 0}
    assert asked() == own | rest
    options = ["--max-tokens", "9", "--eos-after", "4", "--temperature", "0.3", "--top-k", "7", "--top-p", "1"]
    other = {"max_tokens": 9, "eos_after": 4, "temperature": 0.3, "top_k": 7, "top_p": 1.0}
    assert asked(*options) == other | rest


def test_a_beam_search_samples_nothing_and_takes_the_rest_of_them(tags_folder: Path) -> None:
    [story] = StoryModel.load(tags_folder).generate(beams=2, max_tokens=4)
    assert story.request == Request(beams=2, max_tokens=4, eos_after=200)


def test_an_interrupted_file_of_requests_is_gone_on_with_by_a_model_with_defaults_of_its_own(
    tags_folder: Path, tmp_path: Path
) -> None:
    file, out = tmp_path / "asked.jsonl", tmp_path / "told.jsonl"
    file.write_text('{"max_tokens": 3, "count": 2}\n')
    assert requests_command(tags_folder, file, out, False, print, print).code == 0
    assert requests_command(tags_folder, file, out, False, print, print).note == "nothing to do"
    shutil.rmtree(tags_folder)
    file.write_text('{"max_tokens": 3, "eos_after": 1, "count": 2}\n')
    with pytest.raises(Exception, match="line 1 answers another request"):
        requests_command(tags_folder, file, out, False, print, print)


class Reluctant:
    """An engine that finds each token as likely as any other, and the end `nats` less likely."""

    context = 512

    def __init__(self, vocab_size: int, nats: float) -> None:
        self.vocab_size = vocab_size
        self._logits_V = torch.zeros(vocab_size)
        self._logits_V[: len(CONTROL_TOKENS)] = -100.0
        self._logits_V[EOS_ID] = -nats

    def prefill(self, prompts: Sequence[Sequence[int]], room: int) -> tuple[Tensor, None]:
        return self._logits_V.expand(len(prompts), -1), None

    def step(self, ids_B: Tensor, cache: None) -> Tensor:
        return self._logits_V.expand(len(ids_B), -1)

    def keep(self, cache: None, rows: Sequence[int]) -> None:
        return None


@pytest.mark.parametrize(
    ("nats", "tokens", "stopped"),
    [
        (1.05, 212, "eos"),  # 0.1 nats a token beyond 200: at the 212th the end leads by 0.05
        (10.05, 302, "eos"),
        (14.85, 350, "eos"),  # the last token there is
        (15.05, 350, "max_tokens"),
    ],
)
def test_the_old_tag_projects_rule_after_200_likelier_and_350_at_most(
    nats: float, tokens: int, stopped: str, root: Path, loaded: LoadedModel
) -> None:
    engine = Reluctant(loaded.tokenizer.vocab_size, nats)
    tagged = StoryModel(replace(loaded, generation=of_preset(root, "tags-encoder-mini")), engine)
    [story] = tagged.generate(temperature=0)  # the likeliest token: the end once its bonus outweighs what it lacks
    assert (story.tokens, story.stopped) == (tokens, stopped)
    if stopped == "eos":
        [story] = tagged.generate(temperature=0, eos_after=0)
        assert story.tokens == tokens - 200
    [other] = StoryModel(loaded, engine).generate(temperature=0)
    assert (other.tokens, other.stopped) == (480, "max_tokens")
