"""Schedule and optimiser state."""

import pytest
import torch

from tests.builders import tiny_params
from tinystories.model.config import ModelConfig
from tinystories.model.transformer import Transformer
from tinystories.training.optimiser import Optimiser, rate_at

CONFIG = ModelConfig(vocab_size=600, width=32, layers=1, heads=2, ffn=64, context=64)


def test_the_rate_rises_over_the_warmup_and_falls_to_zero_as_a_cosine() -> None:
    rates = [rate_at(s, 100, 0.1, "cosine") for s in range(100)]
    assert rates[:10] == pytest.approx([0.1 * (i + 1) for i in range(10)])
    assert rates[55] == pytest.approx(0.5) and rates[10] == pytest.approx(1.0)
    assert 0 < rates[-1] < 0.01 and rates[10:] == sorted(rates[10:], reverse=True)


def test_the_linear_schedule_holds_then_falls_over_the_second_half() -> None:
    rates = [rate_at(s, 100, 0.0, "linear") for s in range(101)]
    assert rates[1] == 1.0 and rates[50] == pytest.approx(1.0, abs=0.02)
    assert rates[75] == pytest.approx(0.5, abs=0.02) and rates[100] == 0.0


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_state_taken_out_and_put_back_goes_on_to_the_same_weights(optimizer: str) -> None:
    params = tiny_params(f"train.optimizer={optimizer}").train
    torch.manual_seed(0)
    a = Transformer(CONFIG)
    b = Transformer(CONFIG)
    first, second = Optimiser(a, params), Optimiser(b, params)
    ids = torch.arange(60).view(1, 60)

    def step(model: Transformer, optimiser: Optimiser) -> None:
        model(ids).square().mean().backward()
        optimiser.step(0.5)

    for _ in range(3):
        step(a, first)
    b.load_state_dict(a.state_dict())
    second.load(first.state())
    step(a, first)
    step(b, second)
    for p, q in zip(a.parameters(), b.parameters(), strict=True):
        assert torch.equal(p, q)


def test_muon_takes_the_matrices_of_the_blocks_and_leaves_embedding_and_norms_to_adamw() -> None:
    model = Transformer(CONFIG)
    optimiser = Optimiser(model, tiny_params("train.optimizer=muon").train)
    model(torch.arange(60).view(1, 60)).square().mean().backward()
    optimiser.step(1.0)
    for name in optimiser.state():
        matrix = "proj" in name
        assert name.endswith("/momentum_buffer") == matrix, name
