"""From examples to padded tensors: rows of like length together, padding by position."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tinystories.requests.controls import PAD_ID
from tinystories.requests.example import Example

STEP = 64  # lengths are padded up to a multiple of this: few shapes, little padding
SCORING_STEP = 32  # the same for batches that are only read, where a new shape costs less than padding


@dataclass(frozen=True)
class Batch:
    """inputs_BT int64, targets_BT int64, mask_BT bool: targets_BT[b, t] follows inputs_BT[b, :t + 1].

    `examples` are whose rows these are, in order; rows beyond them are padding.
    """

    inputs_BT: Tensor
    targets_BT: Tensor
    mask_BT: Tensor
    examples: Sequence[Example]

    @property
    def valid(self) -> int:
        """Targets that the loss is averaged over."""
        return int(self.mask_BT.sum())


def padded_length(example: Example, context: int, step: int = STEP) -> int:
    """Positions of the row that holds `example`'s inputs: all but its last token, rounded up."""
    return min(-(-(len(example) - 1) // step) * step, context)


def collate(examples: Sequence[Example], length: int, rows: int | None = None) -> Batch:
    """Rows shifted by one in time, padded at the end to `length` positions (and to `rows` rows)."""
    rows = rows or len(examples)
    inputs = np.full((rows, length), PAD_ID, dtype=np.int64)
    targets = np.full((rows, length), PAD_ID, dtype=np.int64)
    mask = np.zeros((rows, length), dtype=np.bool_)
    for row, example in enumerate(examples):
        n = len(example) - 1
        inputs[row, :n] = example.ids[:-1]
        targets[row, :n] = example.ids[1:]
        mask[row, :n] = example.loss_mask[1:]
    return Batch(torch.from_numpy(inputs), torch.from_numpy(targets), torch.from_numpy(mask), examples)


def by_length(examples: Sequence[Example], context: int, batch_tokens: int) -> Iterator[Batch]:
    """All examples, shortest first, in batches of at most `batch_tokens` positions (at least one of them).

    There are two rows or more, since for torch.compile a size of 1 is a constant and another program.

    Which are together does not depend on the order they come in: in bfloat16 a story's nats depend on its batch.
    """
    order = sorted(range(len(examples)), key=lambda i: (len(examples[i]), examples[i].story_id))
    pending: list[Example] = []
    length = 0
    for i in order:
        grown = padded_length(examples[i], context, SCORING_STEP)
        if pending and grown * (len(pending) + 1) > batch_tokens:
            yield collate(pending, length, max(len(pending), 2))
            pending = []
        pending.append(examples[i])
        length = grown
    if pending:
        yield collate(pending, length, max(len(pending), 2))
