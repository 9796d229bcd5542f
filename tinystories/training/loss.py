"""The one definition of loss: cross-entropy in nats over the targets of an Example, nothing else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from tinystories.model.decoder import Decoder
from tinystories.requests.example import Example, windows
from tinystories.training.batches import by_length

HEAD_STEP = 512  # positions: the head's inputs are rounded up to a multiple
SCORING_TOKENS = 8192  # positions of one scoring batch: what fits a laptop's cache and memory


@dataclass(frozen=True)
class Nats:
    """-ln p of one example's targets, summed, and how many targets there are."""

    story_id: str
    nats: float
    targets: int


def target_nats(hidden_BTD: Tensor, head: Callable[[Tensor], Tensor], targets_BT: Tensor, mask_BT: Tensor) -> Tensor:
    """-ln p of each target, in fp32: (N,) for the N true positions of `mask_BT`, row by row.

    The head runs at these positions only: what is padding or given costs no softmax. N differs from batch to
    batch, so it is rounded up: logits of ever new sizes would leave the heap in pieces and grow it without end.
    """
    at_N = mask_BT.flatten().nonzero()[:, 0]
    padded_M = F.pad(at_N, (0, -len(at_N) % HEAD_STEP))
    logits_MV = head(hidden_BTD.flatten(0, 1)[padded_M]).float()
    return F.cross_entropy(logits_MV, targets_BT.flatten()[padded_M], reduction="none")[: len(at_N)]


@torch.inference_mode()
def sequence_nats(
    model: Decoder,
    examples: Sequence[Example],
    context: int,
    precision: torch.dtype = torch.float32,
    batch_tokens: int = SCORING_TOKENS,
) -> list[Nats]:
    """Nats of each example, in the order given; longer ones than `context` in windows.

    `precision` float32, or bfloat16 under autocast. The model is put into evaluation mode and back.
    """
    device = next(model.parameters()).device
    pieces, owner = [], []
    for i, example in enumerate(examples):
        # a row holds all but an example's last token, so an example may have one token more than the context
        cut = windows(example, context + 1)
        pieces += cut
        owner += [i] * len(cut)
    index = {id(piece): i for piece, i in zip(pieces, owner, strict=True)}
    sums = [0.0] * len(examples)
    training = model.training
    model.eval()
    for batch in by_length(pieces, context, batch_tokens):
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == torch.bfloat16):
            hidden = model.hidden(batch.inputs_BT.to(device))
            nats_N = target_nats(hidden, model.head, batch.targets_BT.to(device), batch.mask_BT.to(device))
        per_row = torch.split(nats_N.double().cpu(), batch.mask_BT.sum(dim=1).tolist())
        for piece, nats in zip(batch.examples, per_row, strict=True):
            sums[index[id(piece)]] += float(nats.sum())
    model.train(training)
    return [Nats(e.story_id, total, e.targets) for e, total in zip(examples, sums, strict=True)]
