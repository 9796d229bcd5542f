"""What runs the model: token ids in, logits out. Sampler and constraints sit above and know no more."""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from tinystories.model.folder import LoadedModel
from tinystories.model.transformer import Cache, Transformer


class Engine(Protocol):
    """Rows of tokens that grow one at a time, each row for itself.

    context: positions that a row may have. vocab_size: V of the logits.
    """

    @property
    def context(self) -> int: ...
    @property
    def vocab_size(self) -> int: ...

    def prefill(self, prompts: Sequence[Sequence[int]], room: int) -> tuple[Tensor, Any]:
        """Read the prompts (none empty); logits (B, V) in fp32 after each, and a cache with `room` more positions."""
        ...

    def step(self, ids_B: Tensor, cache: Any) -> Tensor:
        """Append one token to every row; logits (B, V) in fp32. The cache is advanced in place."""
        ...

    def keep(self, cache: Any, rows: Sequence[int]) -> Any:
        """A cache of these rows only, in this order, a row maybe more than once; the old one must not be used again."""
        ...


class TorchEngine:
    """The model of a folder, whatever its shape, run by PyTorch in fp32 with a key-value cache."""

    def __init__(self, loaded: LoadedModel) -> None:
        assert isinstance(loaded.model, Transformer)
        self._model = loaded.model
        self.context, self.vocab_size = loaded.config.context, loaded.config.vocab_size

    @torch.inference_mode()
    def prefill(self, prompts: Sequence[Sequence[int]], room: int) -> tuple[Tensor, Cache]:
        lengths = torch.tensor([len(p) for p in prompts])
        assert int(lengths.min()) > 0, "a prompt holds at least <bos>"
        longest = int(lengths.max())
        ids_BT = torch.zeros((len(prompts), longest), dtype=torch.long)
        for row, prompt in enumerate(prompts):
            ids_BT[row, : len(prompt)] = torch.tensor(prompt)
        device = self._model.cos.device
        cache = self._model.new_cache(len(prompts), min(longest + room, self.context))
        return self._model.extend(ids_BT.to(device), cache, lengths.to(device)).float().cpu(), cache

    @torch.inference_mode()
    def step(self, ids_B: Tensor, cache: Cache) -> Tensor:
        ids_B1 = ids_B.to(self._model.cos.device)[:, None]
        return self._model.extend(ids_B1, cache, torch.ones_like(ids_B1[:, 0])).float().cpu()

    @torch.inference_mode()
    def keep(self, cache: Cache, rows: Sequence[int]) -> Cache:
        if all(row >= place for place, row in enumerate(rows)) and len(set(rows)) == len(rows):
            for place, row in enumerate(rows):  # few rows move, and into places that have been read
                if row != place:
                    for part in (cache.keys, cache.values):
                        part[:, place] = part[:, row]
                    cache.lengths_B[place] = cache.lengths_B[row]
            left = len(rows)
            return Cache(cache.keys[:, :left], cache.values[:, :left], cache.lengths_B[:left])
        at = torch.tensor(list(rows), dtype=torch.long, device=cache.lengths_B.device)
        return Cache(cache.keys[:, at], cache.values[:, at], cache.lengths_B[at])
