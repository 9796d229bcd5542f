"""A small tokenizer, stories cut in three, and a model trained for seconds on sentences that tell something."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from tinystories.model.config import ModelConfig
from tinystories.model.transformer import Transformer
from tinystories.requests.controls import CONTROL_TOKENS
from tinystories.requests.formats import Format
from tinystories.requests.mixed import StoryTokens, Weights
from tinystories.text.tokenizer import StoryTokenizer
from tinystories.training.batches import by_length
from tinystories.training.loss import target_nats

ANIMALS = ["cat", "dog", "fox", "hen", "owl", "pig", "cow", "bee"]
CONTEXT = 64

Cut = Callable[[str, str, str], StoryTokens]


def told(animal: str) -> tuple[str, str, str]:
    """The last sentence tells which animal is in the middle; the first does not."""
    return "There was a box.", f" A small {animal} lived in it.", f" We like the {animal}."


def untold(animal: str) -> tuple[str, str, str]:
    return "There was a box.", f" A small {animal} lived in it.", " We like the box."


@pytest.fixture(scope="session")
def tokenizer() -> StoryTokenizer:
    texts = ["".join(told(animal) + untold(animal)) for animal in ANIMALS] * 4
    return StoryTokenizer.train(texts, "bpe", 400, CONTROL_TOKENS)


@pytest.fixture(scope="session")
def cut(tokenizer: StoryTokenizer) -> Cut:
    def make(first: str, middle: str, last: str) -> StoryTokens:
        text = first + middle + last
        ids = [tokenizer.encode(piece) for piece in (first, middle, last)]
        return StoryTokens(text[:16], *ids, bool(last), (), (), "", len(text.split()), len(text.encode()))

    return make


@dataclass(frozen=True)
class Lesson:
    """A model and the stories that it learned from."""

    model: Transformer
    stories: list[StoryTokens]


@pytest.fixture(scope="session")
def told_lesson(tokenizer: StoryTokenizer, cut: Cut) -> Lesson:
    return learn(tokenizer, [cut(*told(animal)) for animal in ANIMALS])


@pytest.fixture(scope="session")
def untold_lesson(tokenizer: StoryTokenizer, cut: Cut) -> Lesson:
    return learn(tokenizer, [cut(*untold(animal)) for animal in ANIMALS])


def learn(tokenizer: StoryTokenizer, stories: list[StoryTokens], steps: int = 200) -> Lesson:
    """Train a tiny model, half on plain stories, half on the middle between the sentences."""
    torch.manual_seed(1)
    model = Transformer(ModelConfig(tokenizer.vocab_size, width=32, layers=2, heads=2, ffn=64, context=CONTEXT))
    for weight in model.parameters():
        if weight.ndim == 2:  # so narrow a model learns to look back in seconds only if it starts with large weights
            torch.nn.init.normal_(weight, std=0.2)
    optimiser = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.99))
    rng, pick = np.random.default_rng(1), random.Random(1)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = 1e-2 * min(1, 10 * (step + 1) / steps) * (1 - step / steps)
        examples = [
            Format().draw(tokenizer, pick.choice(stories), Weights(1, 0, 1, 0), CONTEXT, rng) for _ in range(16)
        ]
        (batch,) = by_length(examples, CONTEXT, 100_000)
        nats_N = target_nats(model.hidden(batch.inputs_BT), model.head, batch.targets_BT, batch.mask_BT)
        optimiser.zero_grad()
        nats_N.mean().backward()
        optimiser.step()
    return Lesson(model.eval(), stories)
