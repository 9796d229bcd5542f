"""The seam between text and models: what is read, and which of it is to be learned."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Example:
    """One sequence for a model.

    ids: (T,) uint16 or int32 token ids, from <bos> on.
    loss_mask: (T,) bool; true where ids[t] is a target, to be predicted from ids[:t].
        Position 0 is never a target.
    story_id: whose story this is.
    """

    ids: NDArray[np.integer]
    loss_mask: NDArray[np.bool_]
    story_id: str

    def __post_init__(self) -> None:
        assert self.ids.shape == self.loss_mask.shape and self.ids.ndim == 1
        assert not self.loss_mask[0], "nothing comes before the first token, so it can't be a target"

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def targets(self) -> int:
        """How many tokens the loss falls on."""
        return int(self.loss_mask.sum())


def windows(example: Example, context: int) -> list[Example]:
    """Cut an example longer than `context` tokens into windows with half overlap.

    Each target is a target of exactly one window and has at least half a context of
    history there (or all that there is). An example that fits comes back alone.
    """
    length = len(example)
    if length <= context:
        return [example]
    half = context // 2
    pieces = []
    scored = 0  # targets before this position are done
    start = 0
    while scored < length:
        stop = min(start + context, length)
        mask = example.loss_mask[start:stop].copy()
        mask[: scored - start] = False
        if mask.any():
            pieces.append(Example(example.ids[start:stop], mask, example.story_id))
        scored = stop
        start = stop - half
    return pieces
