"""Muon (Jordan et al., https://kellerjordan.github.io/posts/muon), all matrices of one shape at a time.

The same update as torch.optim.Muon; there every matrix takes 15 small products of its own, which
for the sizes that a CPU trains is 1.4 to 3 times the time.
"""

import math
from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from tinystories.training.distributed import gathered, local, spread_as
from tinystories.training.hardware import precision_of

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic: steepest at 0, where small singular values lie
STEPS = 5
EPS = 1e-7


def orthogonalised(matrices_KNM: Tensor) -> Tensor:
    """About U V^T of each of K matrices U S V^T with N <= M: five Newton-Schulz steps.

    In bfloat16 where the hardware computes in it, whatever the model's own precision, else in float32: a CPU
    without it makes a hundredth of the products in the same time.
    """
    a, b, c = COEFFICIENTS
    x = matrices_KNM.to(precision_of("auto", matrices_KNM.device))
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=EPS)
    for _ in range(STEPS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x


class Muon(torch.optim.Optimizer):
    """Momentum (Nesterov), orthogonalised; of 2-D parameters only. Its state is one momentum_buffer a matrix."""

    def __init__(self, params: Iterable[nn.Parameter], lr: float, weight_decay: float, momentum: float = 0.95) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            alike = defaultdict(list)
            for p in group["params"]:
                if p.grad is not None:
                    alike[(min(p.shape), max(p.shape))].append(p)
            for params in alike.values():
                self._step(params, group["lr"], group["weight_decay"], group["momentum"])

    def _step(self, params: list[nn.Parameter], lr: float, weight_decay: float, momentum: float) -> None:
        gradients = [local(p.grad) for p in params if p.grad is not None]
        buffers = [local(self.state[p].setdefault("momentum_buffer", torch.zeros_like(p))) for p in params]
        torch._foreach_lerp_(buffers, gradients, 1 - momentum)
        ahead = [
            gathered(part, p) for part, p in zip(torch._foreach_lerp(gradients, buffers, momentum), params, strict=True)
        ]
        tall = [p.shape[0] > p.shape[1] for p in params]
        updates = orthogonalised(torch.stack([u.mT if t else u for u, t in zip(ahead, tall, strict=True)]))
        torch._foreach_mul_([local(p) for p in params], 1 - lr * weight_decay)
        for p, update, t in zip(params, updates, tall, strict=True):
            mine = local(spread_as(update.mT if t else update, p))
            local(p).add_(mine, alpha=-lr * math.sqrt(max(1, p.shape[0] / p.shape[1])))
