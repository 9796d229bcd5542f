"""AdamW (arXiv:1711.05101), or Muon for the matrices inside the blocks and AdamW for the rest."""

from collections.abc import Mapping
from math import cos, pi

import torch
from torch import Tensor, nn

from tinystories.params import TrainParams
from tinystories.training.distributed import spread_as, whole
from tinystories.training.muon import Muon


class Optimiser:
    """One or two torch optimisers under one schedule; its state is named tensors, never a pickle."""

    def __init__(self, model: nn.Module, params: TrainParams) -> None:
        named = {n: p for n, p in model.named_parameters() if p.requires_grad}
        # a row of embedding and head is one token's: orthogonalising across tokens has no meaning, so no Muon there
        matrices = {n: p for n, p in named.items() if p.ndim == 2 and "embed" not in n and "lm_head" not in n}
        others = {n: p for n, p in named.items() if n not in matrices}
        self._peaks: list[tuple[torch.optim.Optimizer, float]] = []
        if params.optimizer == "muon":
            muon = Muon(matrices.values(), params.lr_matrices, params.weight_decay)
            self._peaks.append((muon, params.lr_matrices))
            rate = params.lr_embeddings
            groups = [{"params": list(others.values()), "weight_decay": 0.0}]
        else:
            rate = params.lr
            groups = [
                {"params": list(matrices.values()), "weight_decay": params.weight_decay},
                {"params": list(others.values()), "weight_decay": 0.0},
            ]
        self._peaks.append((torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.95), eps=1e-8, fused=True), rate))
        self._named = named

    @property
    def peak(self) -> float:
        """The peak learning rate of most weights: the matrices'."""
        return self._peaks[0][1]

    def step(self, rate: float) -> None:
        """One step at `rate` times the peak learning rates; gradients are cleared."""
        for optimiser, peak in self._peaks:
            for group in optimiser.param_groups:
                group["lr"] = peak * rate
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)

    def state(self) -> dict[str, Tensor]:
        """All state as "{parameter}/{key}" tensors, whole; where it is sharded all processes have to ask at once."""
        return {
            f"{name}/{key}": whole(value.detach()).cpu().clone()
            for name, p in self._named.items()
            for optimiser, _ in self._peaks
            for key, value in optimiser.state.get(p, {}).items()
        }

    def load(self, state: Mapping[str, Tensor]) -> None:
        owner = {p: o for o, _ in self._peaks for group in o.param_groups for p in group["params"]}
        for full_name, value in state.items():
            name, _, key = full_name.rpartition("/")
            p = self._named[name]
            # AdamW keeps its step count beside the weights; everything else has their device
            kept = value.clone().to(p.device)
            owner[p].state[p][key] = spread_as(kept, p) if kept.shape == p.shape else kept


def rate_at(step: int, steps: int, warmup: float, schedule: str) -> float:
    """Share of the peak learning rate at `step` (from 0) of `steps`.

    It rises over the first `warmup` share of the steps; then falls as half a cosine to 0, or
    (linear) stays and falls evenly to 0 over the second half.
    """
    rising = max(1, round(warmup * steps))
    if step < rising:
        return (step + 1) / rising
    progress = (step - rising) / max(1, steps - rising)
    if schedule == "cosine":
        return 0.5 * (1 + cos(pi * progress))
    return min(1.0, 2 * (1 - progress))
