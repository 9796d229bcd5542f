"""A tiny model folder with random weights, and an engine that is a table: both made from the sample."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tinystories.generation.story_model import StoryModel
from tinystories.model.config import ModelConfig
from tinystories.model.folder import LoadedModel, load_model, save_model
from tinystories.model.transformer import Transformer
from tinystories.requests.controls import CONTROL_TOKENS, EOS_ID
from tinystories.text.tokenizer import StoryTokenizer


@pytest.fixture(scope="session")
def texts(root: Path) -> list[str]:
    lines = (root / "tinystories/corpus/sample/original-stories.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["story"] for line in lines[:300]]


@pytest.fixture(scope="session")
def tokenizer(texts: list[str]) -> StoryTokenizer:
    return StoryTokenizer.train(texts, "bpe", 1000, CONTROL_TOKENS)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, tokenizer: StoryTokenizer) -> Path:
    """A complete model folder; its weights are random, so it writes any bytes that it is allowed to."""
    torch.manual_seed(0)
    config = ModelConfig(vocab_size=tokenizer.vocab_size, width=32, layers=2, heads=2, ffn=64, context=256)
    path = tmp_path_factory.mktemp("models") / "tiny"
    save_model(path, Transformer(config), tokenizer, card="# tiny\n", fingerprint={"fingerprint": "0" * 16})
    return path


@pytest.fixture(scope="session")
def loaded(folder: Path) -> LoadedModel:
    return load_model(folder)


@pytest.fixture(scope="session")
def model(loaded: LoadedModel) -> StoryModel:
    return StoryModel(loaded)


@dataclass
class Rows:
    """The bigram engine's cache: the last token of each row."""

    last: Tensor


class BigramEngine:
    """A second engine: each token depends on the one before it, as counted in the sample."""

    context = 256

    def __init__(self, tokenizer: StoryTokenizer, texts: Sequence[str]) -> None:
        self.vocab_size = tokenizer.vocab_size
        counts = torch.full((self.vocab_size, self.vocab_size), 1e-3)
        for text in texts:
            ids = tokenizer.encode(text)
            for one, two in zip([1, *ids], [*ids, EOS_ID], strict=True):
                counts[one, two] += 1
        counts[: len(CONTROL_TOKENS)] += counts[1].clone()  # after any control a story begins
        self.logits = counts.log()

    def prefill(self, prompts: Sequence[Sequence[int]], room: int) -> tuple[Tensor, Rows]:
        last = torch.tensor([prompt[-1] for prompt in prompts])
        return self.logits[last], Rows(last)

    def step(self, ids_B: Tensor, cache: Rows) -> Tensor:
        assert len(ids_B) == len(cache.last), "as many tokens as rows"
        cache.last = ids_B
        return self.logits[ids_B]

    def keep(self, cache: Rows, rows: Sequence[int]) -> Rows:
        return Rows(cache.last[list(rows)])


@pytest.fixture(scope="session")
def bigram(loaded: LoadedModel, tokenizer: StoryTokenizer, texts: list[str]) -> StoryModel:
    """Writes something like stories: with words, sentences, quotes, and an end."""
    return StoryModel(loaded, BigramEngine(tokenizer, texts))
