"""Compiled training: one compilation serves all shapes, and changes nothing but speed."""

import pytest
import torch
from torch._dynamo.utils import counters

from tests.builders import small_tokenizer, story_tokens
from tests.conftest import ROOT
from tinystories.model.layouts import model_of
from tinystories.params import load_params
from tinystories.requests.mixed import plain
from tinystories.stages.train import model_config
from tinystories.training.batches import collate
from tinystories.training.objective import Objective


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["story", "tags-encoder-mini"])  # a decoder, and an encoder over windows
def test_one_compilation_serves_all_shapes_and_its_gradients_are_those_of_the_eager_model(preset: str) -> None:
    small = ("model.width=32", "model.layers=2", "model.heads=2", "model.ffn=64", "model.dropout=0.0")
    torch.manual_seed(0)
    model = model_of(model_config(load_params(ROOT, [f"preset={preset}", "scale=laptop", *small]), 600))
    eager, compiled = (Objective(model, torch.float32, on) for on in (False, True))
    examples = [plain(small_tokenizer(), story) for story in story_tokens(small_tokenizer(), 8)]
    longest = max(len(example) - 1 for example in examples)
    torch._dynamo.reset()
    counters.clear()
    # the first shape is the whole context, and none of the others is like it
    for rows, length in ((4, 512), (8, longest), (3, 448), (2, 384)):
        batch = collate([e for e in examples if len(e) - 1 <= length][:rows], length, rows)
        gradients = []
        for objective in (eager, compiled):
            model.zero_grad(set_to_none=True)
            nats = objective(batch.inputs_BT, batch.targets_BT, batch.mask_BT)
            torch.autograd.backward(nats / batch.valid)
            gradients.append([p.grad for p in model.parameters()])
        # fp32 sums in another order; gradients are of the order of 0.1
        torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-3, atol=1e-5)
    # begun once: a restart throws half of the work away, and a shape that needs its own costs 20 s in training
    assert counters["stats"]["unique_graphs"] == 1
    assert counters["aot_autograd"]["total"] == 1
