"""The fused engine computes what the transformer computes, whatever stands beside a row."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from tinystories import StoryModel
from tinystories.generation.engine import TorchEngine
from tinystories.generation.fused import FusedEngine, fits
from tinystories.model.folder import LoadedModel
from tinystories.model.transformer import Transformer

PROMPTS = [[1, 40, 50, 60], [1], [1, 90, 91, 92, 93, 94]]


@pytest.mark.parametrize(("precision", "off"), [(torch.float32, 1e-4), (torch.bfloat16, 0.2)])
@pytest.mark.parametrize("prompts", [PROMPTS, PROMPTS[:1], [PROMPTS[0]] * 3])
@pytest.mark.parametrize("kept", [[0], [2, 1], [1, 1, 0]])
def test_its_logits_are_the_transformers(
    prompts: list[list[int]], kept: Sequence[int], precision: torch.dtype, off: float, loaded: LoadedModel
) -> None:
    torch.manual_seed(0)
    model = Transformer(loaded.config).eval()
    for weight in model.parameters():  # norms of one would hide that they are multiplied in
        torch.nn.init.normal_(weight, 1.0 if weight.ndim == 1 else 0.0, 0.2)
    wide = replace(loaded, model=model)
    plain, fused = TorchEngine(wide), FusedEngine(wide, precision)
    kept = [row for row in kept if row < len(prompts)] or [0]
    expected, their = plain.prefill(prompts, 12)
    found, own = fused.prefill(prompts, 12)
    for step in range(12):
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, expected, atol=off * expected.abs().max().item(), rtol=0)
        if step == 5:
            their, own = plain.keep(their, kept), fused.keep(own, kept)
        rows = len(prompts) if step < 5 else len(kept)
        ids = torch.arange(rows) * 7 + 30 + step
        expected, found = plain.step(ids, their), fused.step(ids, own)


def test_other_shapes_are_left_to_the_other_engine(loaded: LoadedModel) -> None:
    assert fits(loaded) and isinstance(StoryModel(loaded).engine, FusedEngine)
    config = replace(loaded.config, activation="gelu", norm="layer", bias=True, positions="learned")
    other = replace(loaded, config=config, model=Transformer(config).eval())
    assert not fits(other) and isinstance(StoryModel(other).engine, TorchEngine)
    assert StoryModel(other).generate(max_tokens=5)[0].text
