"""What training minimises, as one module, so that DDP and FSDP can stand around it."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from tinystories.model.decoder import Decoder
from tinystories.training.loss import summed_nats


class Objective(nn.Module):
    """Summed nats of the targets of a batch; products in `precision`, by autocast."""

    def __init__(self, model: Decoder, precision: torch.dtype, compiled: bool) -> None:
        super().__init__()
        self.model, self.precision = model, precision
        self._hidden = compiled_once(model.hidden) if compiled else model.hidden

    def forward(self, inputs_BT: Tensor, targets_BT: Tensor, mask_BT: Tensor) -> Tensor:
        """() from ids, targets and mask, each (B, T); mask is true at targets."""
        with torch.autocast(inputs_BT.device.type, torch.bfloat16, enabled=self.precision == torch.bfloat16):
            return summed_nats(self.model, self._hidden(inputs_BT), targets_BT, mask_BT)


def compiled_once(hidden: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """`hidden` compiled for all (B, T) at once: as fast here as once for each length, which takes 20 s apiece.

    B and T are marked instead of `dynamic=True`, which takes the norms' eps for a variable too, finds after all the
    work that it is none, and begins again.
    """
    compiled = torch.compile(hidden)

    def run(ids_BT: Tensor) -> Tensor:
        for dimension in (0, 1):
            torch._dynamo.maybe_mark_dynamic(ids_BT, dimension)
        return compiled(ids_BT)

    return run
