"""What training minimises, as one module, so that DDP and FSDP can stand around it."""

import torch
from torch import Tensor, nn

from tinystories.model.decoder import Decoder
from tinystories.training.compiled import Compiled
from tinystories.training.loss import summed_nats


class Objective(nn.Module):
    """Summed nats of the targets of a batch; products in `precision`, by autocast."""

    def __init__(self, model: Decoder, precision: torch.dtype, compiled: bool) -> None:
        super().__init__()
        self.model, self.precision = model, precision
        self._hidden = Compiled(model.hidden) if compiled else model.hidden

    def forward(self, inputs_BT: Tensor, targets_BT: Tensor, mask_BT: Tensor) -> Tensor:
        """() from ids, targets and mask, each (B, T); mask is true at targets."""
        with torch.autocast(inputs_BT.device.type, torch.bfloat16, enabled=self.precision == torch.bfloat16):
            return summed_nats(self.model, self._hidden(inputs_BT), targets_BT, mask_BT)
