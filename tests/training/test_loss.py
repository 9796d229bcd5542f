"""One definition of loss, for training, validation and evaluation alike."""

import math

import numpy as np
import pytest
import torch

from tests.builders import small_tokenizer, story_tokens
from tinystories.model.config import ModelConfig
from tinystories.model.transformer import Transformer
from tinystories.requests.example import Example
from tinystories.requests.mixed import Controls, between, plain
from tinystories.training.batches import collate
from tinystories.training.loss import sequence_nats, target_nats


@pytest.fixture
def model() -> Transformer:
    torch.manual_seed(0)
    model = Transformer(ModelConfig(vocab_size=600, width=32, layers=2, heads=2, ffn=64, context=128))
    for p in model.parameters():
        p.data *= 3
    return model


@pytest.fixture
def examples() -> list[Example]:
    stories = story_tokens(small_tokenizer(), 12)
    return [plain(small_tokenizer(), s) for s in stories[:6]] + [
        between(small_tokenizer(), s, Controls()) for s in stories[6:]
    ]


def by_hand(model: Transformer, example: Example) -> float:
    """Sum of -ln softmax at each target, one token at a time, no batch, no padding."""
    total = 0.0
    with torch.no_grad():
        logits = model(torch.from_numpy(example.ids[:-1].astype(np.int64))[None])[0]
    for t in range(1, len(example)):
        if example.loss_mask[t]:
            row = logits[t - 1].double()
            total += float(torch.logsumexp(row, 0) - row[int(example.ids[t])])
    return total


def test_a_sequences_nats_are_those_worked_out_token_by_token(model: Transformer) -> None:
    short = [e for e in (plain(small_tokenizer(), s) for s in story_tokens(small_tokenizer(), 40)) if len(e) <= 129]
    short += [Example(np.array([1, 7, 9, 2]), np.array([False, True, False, True]), "f" * 16)]
    for scored, example in zip(sequence_nats(model, short, 128), short, strict=True):
        assert scored.nats == pytest.approx(by_hand(model, example), rel=1e-5)
        assert scored.targets == example.loss_mask.sum()


def test_a_uniform_model_costs_ln_of_the_vocabulary_for_each_token(examples: list[Example], model: Transformer) -> None:
    for p in model.parameters():
        p.data.zero_()
    for scored in sequence_nats(model, examples, 128):
        assert scored.nats / scored.targets == pytest.approx(math.log(600), abs=1e-5)


@pytest.mark.parametrize("batch_tokens", [128, 1000, 100_000])
def test_batching_does_not_change_a_storys_nats(batch_tokens: int, model: Transformer, examples: list[Example]) -> None:
    alone = [sequence_nats(model, [e], 128)[0].nats for e in examples]
    together = [s.nats for s in sequence_nats(model, examples, 128, batch_tokens=batch_tokens)]
    assert together == pytest.approx(alone, rel=1e-5)


def test_what_stands_in_the_padding_is_of_no_consequence(examples: list[Example]) -> None:
    model = Transformer(ModelConfig(vocab_size=600, width=32, layers=1, heads=2, ffn=64, context=1024))
    batch = collate(examples, 1024)
    filled = batch.inputs_BT.clone()
    for row, example in enumerate(batch.examples):
        filled[row, len(example) - 1 :] = 99
    assert not torch.equal(filled, batch.inputs_BT)
    clean, dirty = (
        target_nats(model.hidden(inputs), model.head, batch.targets_BT, batch.mask_BT)
        for inputs in (batch.inputs_BT, filled)
    )
    assert len(clean) == batch.valid and torch.equal(clean, dirty)


def test_the_model_is_left_in_the_mode_it_was_in(model: Transformer, examples: list[Example]) -> None:
    for mode in (True, False):
        model.train(mode)
        sequence_nats(model, examples[:1], 128)
        assert model.training is mode
