"""One definition of loss, for training, validation and evaluation alike."""

import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch._dynamo.utils import counters
from torch.utils._python_dispatch import TorchDispatchMode

from tests.builders import small_tokenizer, story_tokens
from tinystories.model.config import ModelConfig
from tinystories.model.decoder import Decoder
from tinystories.model.transformer import Transformer
from tinystories.requests.example import Example, windows
from tinystories.requests.mixed import Controls, between, plain
from tinystories.training import loss
from tinystories.training.batches import collate
from tinystories.training.compiled import compile_scoring
from tinystories.training.loss import sequence_nats, summed_nats, target_nats


def trained_like(**choices: Any) -> Transformer:
    torch.manual_seed(0)
    model = Transformer(ModelConfig(vocab_size=600, width=32, layers=2, heads=2, ffn=64, context=128, **choices))
    for p in model.parameters():
        p.data *= 3
    return model


@pytest.fixture
def model() -> Transformer:
    return trained_like()


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
    print("BEFORE", dict(counters["stats"]), type(model.hidden))
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


@pytest.mark.parametrize(("chunk", "block"), [(2**21, 2**24), (1, 1), (600 * 7, 600 * 50), (600 * 1000, 600)])
@pytest.mark.parametrize("tied", [True, False])
def test_the_loss_trained_on_is_the_loss_measured_and_so_is_its_gradient(
    chunk: int, block: int, tied: bool, examples: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = trained_like(tied=tied, bias=not tied)
    monkeypatch.setattr(loss, "CHUNK_LOGITS", {"cpu": chunk})
    monkeypatch.setattr(loss, "BLOCK_LOGITS", block)
    batch = collate([piece for e in examples for piece in windows(e, 129)][-12:], 128, 13)
    assert 100 < batch.valid < batch.mask_BT.numel() - 100
    found = []
    for summed in (True, False):
        model.zero_grad()
        hidden = model.hidden(batch.inputs_BT)
        if summed:
            nats = summed_nats(model, hidden, batch.targets_BT, batch.mask_BT)
        else:
            nats = target_nats(hidden, model.head, batch.targets_BT, batch.mask_BT).sum()
        torch.autograd.backward(nats / batch.valid)
        found.append([nats.detach(), *(p.grad for p in model.parameters())])
    for ours, theirs in zip(*found, strict=True):
        assert ours is not None and theirs is not None
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-6)


class Head(Decoder):
    """A decoder that is its head."""

    def __init__(self, weight: torch.Tensor) -> None:
        super().__init__()
        self.weight = weight

    def head_parameters(self) -> tuple[torch.Tensor, None]:
        return self.weight, None


def test_in_bfloat16_the_losss_gradient_is_as_near_to_the_true_one_as_autocasts() -> None:
    torch.manual_seed(0)
    states, weight, targets = torch.randn(700, 48) * 3, torch.randn(600, 48) * 0.3, torch.randint(0, 600, (700,))
    mask = torch.ones(1, 700, dtype=torch.bool)

    def gradients(dtype: torch.dtype, ours: bool) -> tuple[torch.Tensor, torch.Tensor]:
        x, w = (t.detach().clone().to(dtype).requires_grad_() for t in (states, weight))
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.float32):
            if ours:
                nats = summed_nats(Head(w), x[None], targets[None], mask)
            else:
                nats = F.cross_entropy(F.linear(x, w).to(dtype), targets, reduction="sum")
        torch.autograd.backward(nats)
        assert x.grad is not None and w.grad is not None
        return x.grad.double(), w.grad.double()

    true = gradients(torch.float64, ours=False)
    for exact, plain_, ours in zip(
        true, gradients(torch.float32, ours=False), gradients(torch.float32, ours=True), strict=True
    ):
        error = (ours - exact).norm() / exact.norm()
        assert error < 0.01 and error < 1.2 * (plain_ - exact).norm() / exact.norm()


def test_a_batch_without_targets_has_no_loss_and_no_gradient(model: Transformer) -> None:
    ids = torch.zeros(2, 8, dtype=torch.long)
    hidden = model.hidden(ids)
    nats = summed_nats(model, hidden, ids, ids.bool())
    torch.autograd.backward(nats)
    assert nats.item() == 0 and not any(p.grad is not None and p.grad.any() for p in model.parameters())


def test_without_a_gradient_the_loss_is_cross_entropy_too_and_the_logits_become_probabilities() -> None:
    torch.manual_seed(0)
    for scale in (1.0, 30.0, 1e4):  # up to targets whose probability is 0 in float32
        logits, targets = torch.randn(64, 600) * scale, torch.randint(0, 600, (64,))
        given = logits.clone()
        torch.testing.assert_close(loss.nats_(given, targets), F.cross_entropy(logits, targets, reduction="none"))
        torch.testing.assert_close(given, logits.softmax(-1))


class Products(TorchDispatchMode):
    """Which sizes of matrices are multiplied."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: set[tuple[torch.Size, ...]] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.overloadpacket is torch.ops.aten.mm:
            self.sizes.add(tuple(matrix.shape for matrix in args[:2]))
        return func(*args, **(kwargs or {}))


def test_batches_with_ever_new_numbers_of_targets_need_no_ever_new_products(model: Transformer) -> None:
    # oneDNN keeps a kernel of some 3 MB for each size it has met: half an hour of training took 10 GB
    hidden, ids = torch.randn(2, 128, 32), torch.ones(2, 128, dtype=torch.long)
    with Products() as products:
        for targets in range(1, 257):
            mask = (torch.arange(256) < targets).view(2, 128)
            summed_nats(model, hidden, ids, mask)
    assert len(products.sizes) == 2 * 3  # 128 or 256 rows: logits, and the gradients of states and head


def test_the_model_is_left_in_the_mode_it_was_in(model: Transformer, examples: list[Example]) -> None:
    for mode in (True, False):
        model.train(mode)
        sequence_nats(model, examples[:1], 128)
        assert model.training is mode


def test_the_size_of_the_heads_parts_is_of_no_consequence(
    model: Transformer, examples: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = [one.nats for one in sequence_nats(model, examples, 128)]
    monkeypatch.setattr(loss, "HEAD_STEP", 7)
    assert [one.nats for one in sequence_nats(model, examples, 128)] == pytest.approx(at_once, rel=1e-5)


def test_scored_in_bfloat16_a_storys_nats_are_nearly_those_in_float32(
    model: Transformer, examples: list[Example]
) -> None:
    exact = sequence_nats(model, examples, 128)
    rough = sequence_nats(model, examples, 128, torch.bfloat16)
    assert [one.targets for one in rough] == [one.targets for one in exact]
    # a logit has 8 bits: off by 1 part of 512 at most, so a token by some thousandths of its nats, either way
    assert [one.nats for one in rough] == pytest.approx([one.nats for one in exact], rel=4e-3)
    assert [one.nats for one in rough] != [one.nats for one in exact]


@pytest.mark.slow  # compiles
def test_compiled_scoring_is_the_same_scoring(model: Transformer, examples: list[Example]) -> None:
    short = Example(examples[0].ids[:20], examples[0].loss_mask[:20], "short")
    eager = sequence_nats(model, [*examples, short], 128)
    compile_scoring(model)
    compiled = sequence_nats(model, [*examples, short], 128)
    assert [one.nats for one in compiled] == pytest.approx([one.nats for one in eager], rel=1e-5)
    programs = counters["stats"]["unique_graphs"]
    [alone] = sequence_nats(model, [short], 128)
    assert counters["stats"]["unique_graphs"] == programs  # one row alone is no program of its own: that takes 10 s
    assert alone.nats == pytest.approx(eager[-1].nats, rel=1e-5)
