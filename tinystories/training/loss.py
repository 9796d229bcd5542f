"""The one definition of loss: cross-entropy in nats over the targets of an Example, nothing else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tinystories.model.decoder import Decoder
from tinystories.requests.example import Example, windows
from tinystories.training.batches import by_length
from tinystories.training.compiled import Compiled

HEAD_STEP = 512  # positions that the head is applied to at once in scoring: their logits stay in a core's cache
ROUND = 128  # positions: products of ever new sizes would fill oneDNN's cache of kernels, some 3 MB each, and memory
CHUNK_LOGITS = {"cpu": 2**21}  # logits that exist at once in training: what stays in a core's cache
CHUNK_LOGITS_ELSEWHERE = 2**28
BLOCK_LOGITS = 2**24  # logits whose gradients are kept, in bfloat16, for one product with the hidden states
SCORING_TOKENS = {"cpu": 2048}  # positions of one scoring batch: what stays in the cache is read fastest
COMPILED_SCORING_TOKENS = {"cpu": 4096}  # compiled, less is written in between
SCORING_TOKENS_ELSEWHERE = 2**15


@dataclass(frozen=True)
class Nats:
    """-ln p of one example's targets, summed, and how many targets there are."""

    story_id: str
    nats: float
    targets: int


def target_nats(hidden_BTD: Tensor, head: Callable[[Tensor], Tensor], targets_BT: Tensor, mask_BT: Tensor) -> Tensor:
    """-ln p of each target, in fp32: (N,) for the N true positions of `mask_BT`, row by row.

    The head runs at these positions only: what is padding or given costs no softmax. N differs from batch to
    batch, so it is rounded up (see ROUND).
    """
    at_N = mask_BT.flatten().nonzero()[:, 0]
    padded_M = F.pad(at_N, (0, -len(at_N) % HEAD_STEP))
    states_RD, targets_R = hidden_BTD.flatten(0, 1), targets_BT.flatten()
    nats = cross_entropy if torch.is_grad_enabled() else nats_
    parts = [nats(head(states_RD[rows]).float(), targets_R[rows]) for rows in torch.split(padded_M, HEAD_STEP)]
    return torch.cat(parts)[: len(at_N)]


def cross_entropy(logits_NV: Tensor, targets_N: Tensor) -> Tensor:
    return F.cross_entropy(logits_NV, targets_N, reduction="none")


def nats_(logits_NV: Tensor, targets_N: Tensor) -> Tensor:
    """The same, without a gradient; the logits (fp32) become probabilities where they are.

    What passes through memory is most of the time that this takes, so nothing else of their size is written. The
    logarithm of a row's sum is its largest logit less the logarithm of that one's probability.
    """
    rows_N = torch.arange(len(targets_N), device=targets_N.device)
    right_N, largest_N = logits_NV[rows_N, targets_N], logits_NV.amax(-1)
    torch.softmax(logits_NV, -1, out=logits_NV)
    return largest_N - logits_NV.amax(-1).log() - right_N


def summed_nats(model: Decoder, hidden_BTD: Tensor, targets_BT: Tensor, mask_BT: Tensor) -> Tensor:
    """The sum of `target_nats`, to train on: with a linear head its backward is cheap, its logits never all there.

    The gradient of softmax and cross-entropy is known with the loss, so both are worked out together, a chunk of
    positions at a time; memory does not grow with the vocabulary times the batch.
    """
    head = model.head_parameters()
    if head is None:
        return target_nats(hidden_BTD, model.head, targets_BT, mask_BT).sum()
    at_N = mask_BT.flatten().nonzero()[:, 0]
    states_RD, targets_N = hidden_BTD.flatten(0, 1), targets_BT.flatten()[at_N]
    total: Tensor = _SummedNats.apply(states_RD, *head, targets_N, at_N)  # type: ignore[no-untyped-call]
    return total


class _SummedNats(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden_RD: Tensor, head_VD: Tensor, bias_V: Tensor | None, targets_N: Tensor, at_N: Tensor
    ) -> Tensor:
        device, V, N = hidden_RD.device.type, len(head_VD), len(at_N)
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else head_VD.dtype
        more = -N % ROUND
        hidden_MD, weight_VD = hidden_RD[F.pad(at_N, (0, more))].to(dtype), head_VD.to(dtype)
        targets_M, M = F.pad(targets_N, (0, more)), N + more
        chunk = max(1, CHUNK_LOGITS.get(device, CHUNK_LOGITS_ELSEWHERE) // V)
        block = max(1, BLOCK_LOGITS // V // chunk) * chunk
        nats = torch.zeros((), device=hidden_RD.device)
        hidden_grad_MD = torch.empty_like(hidden_MD)
        head_grad_VD = torch.zeros_like(head_VD)
        bias_grad_V = None if bias_V is None else torch.zeros_like(bias_V)
        with torch.autocast(device, enabled=False):
            gradients = torch.empty((min(block, M), V), dtype=dtype, device=hidden_RD.device)
            logits = torch.empty((min(chunk, M), V), dtype=torch.float32, device=hidden_RD.device)
            for start in range(0, M, block):
                stop = min(start + block, M)
                for a in range(start, stop, chunk):
                    b, counted = min(a + chunk, stop), max(N - a, 0)  # the rows from `counted` on only fill up
                    chunk_, p = gradients[a - start : b - start], logits[: b - a]
                    p.copy_(torch.mm(hidden_MD[a:b], weight_VD.T, out=chunk_))
                    if bias_V is not None:
                        p += bias_V
                    nats += nats_(p, targets_M[a:b])[:counted].sum()
                    p[torch.arange(b - a, device=hidden_RD.device), targets_M[a:b]] -= 1
                    p[counted:] = 0
                    torch.mm(chunk_.copy_(p), weight_VD, out=hidden_grad_MD[a:b])
                head_grad_VD += gradients[: stop - start].T @ hidden_MD[start:stop]
                if bias_grad_V is not None:
                    bias_grad_V += gradients[: stop - start].sum(dim=0, dtype=torch.float32)
        ctx.save_for_backward(hidden_grad_MD[:N], head_grad_VD, bias_grad_V, at_N)
        ctx.hidden = hidden_RD.shape, hidden_RD.dtype
        return nats

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor | None, None, None]:
        hidden_grad_ND, head_grad_VD, bias_grad_V, at_N = ctx.saved_tensors
        shape, dtype = ctx.hidden
        hidden_grad_RD = torch.zeros(shape, dtype=dtype, device=at_N.device)
        hidden_grad_RD[at_N] = (hidden_grad_ND * gradients[0]).to(dtype)
        bias_grad_V = None if bias_grad_V is None else bias_grad_V * gradients[0]
        return hidden_grad_RD, head_grad_VD * gradients[0], bias_grad_V, None, None


@torch.inference_mode()
def sequence_nats(
    model: Decoder,
    examples: Sequence[Example],
    context: int,
    precision: torch.dtype = torch.float32,
    batch_tokens: int | None = None,
) -> list[Nats]:
    """Nats of each example, in the order given; longer ones than `context` in windows.

    `precision` float32, or bfloat16 under autocast: some 1.6 times as fast where the CPU computes in it, and a
    story's nats then depend on the batch it is in, by 0.2 of 600. The model is put into evaluation mode and back.
    """
    device = next(model.parameters()).device
    by_device = COMPILED_SCORING_TOKENS if isinstance(model.hidden, Compiled) else SCORING_TOKENS
    batch_tokens = batch_tokens or by_device.get(device.type, SCORING_TOKENS_ELSEWHERE)
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
        counts = batch.mask_BT[: len(batch.examples)].sum(dim=1).tolist()
        per_row = torch.split(nats_N.double().cpu(), counts)
        for piece, nats in zip(batch.examples, per_row, strict=True):
            sums[index[id(piece)]] += float(nats.sum())
    model.train(training)
    return [Nats(e.story_id, total, e.targets) for e, total in zip(examples, sums, strict=True)]
