"""The window encoder behind the seam of engines: a cache is the tokens so far, since a window is all that is read."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tinystories.generation.engine import Engine, TorchEngine
from tinystories.generation.fused import FusedEngine, fits
from tinystories.generation.hosted import HostedEngine
from tinystories.model.decoder import Decoder
from tinystories.model.folder import LoadedModel
from tinystories.model.hosted import Hosted
from tinystories.model.windows import WindowEncoder


@dataclass
class Rows:
    """ids_BS: tokens of each row, S the positions there is room for; lengths_B: how many are there."""

    ids_BS: Tensor
    lengths_B: Tensor


class WindowEngine:
    """The window encoder of a folder, run by PyTorch in fp32."""

    def __init__(self, model: WindowEncoder) -> None:
        self._model = model
        self.context, self.vocab_size = model.config.context, model.config.vocab_size
        self._device = model.embed_tokens.weight.device

    def prefill(self, prompts: Sequence[Sequence[int]], room: int) -> tuple[Tensor, Rows]:
        lengths = [len(prompt) for prompt in prompts]
        assert min(lengths) > 0, "a prompt holds at least <bos>"
        ids_BS = torch.zeros((len(prompts), min(max(lengths) + room, self.context)), dtype=torch.long)
        for row, prompt in enumerate(prompts):
            ids_BS[row, : len(prompt)] = torch.tensor(prompt)
        cache = Rows(ids_BS.to(self._device), torch.tensor(lengths, device=self._device))
        return self._after(cache), cache

    def step(self, ids_B: Tensor, cache: Rows) -> Tensor:
        rows = torch.arange(len(ids_B), device=self._device)
        cache.ids_BS[rows, cache.lengths_B] = ids_B.to(self._device)
        cache.lengths_B = cache.lengths_B + 1
        return self._after(cache)

    def keep(self, cache: Rows, rows: Sequence[int]) -> Rows:
        at = torch.tensor(list(rows), dtype=torch.long, device=self._device)
        return Rows(cache.ids_BS[at], cache.lengths_B[at])

    @torch.inference_mode()
    def _after(self, cache: Rows) -> Tensor:
        return self._model.after(cache.ids_BS, cache.lengths_B).float().cpu()


def engine_for(loaded: LoadedModel) -> Engine:
    """What runs this folder's model."""
    model: Decoder = loaded.model
    if isinstance(model, WindowEncoder):
        return WindowEngine(model)
    if isinstance(model, Hosted):
        return HostedEngine(model)
    return FusedEngine(loaded) if fits(loaded) else TorchEngine(loaded)
