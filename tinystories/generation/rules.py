"""What bends the model's choice of the next token, apart from a story's end (ending.py)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tinystories.generation.written import Written

EOS_RATE: Final = 0.1  # nats by which the end grows likelier with each token


class Rule(Protocol):
    """hard: what it forbids stays forbidden; a rule that is not gives way where nothing would be left to write."""

    @property
    def hard(self) -> bool: ...

    def steer(self, logits_V: Tensor, written: Written, eos_probability: float) -> None:
        """Change logits_V (V,) of the next token in place. eos_probability: the model's own."""
        ...


@dataclass(frozen=True)
class Beginning:
    """Only `allowed` (V,) may be the first token: so a sentence or a word before it stays what it is."""

    allowed: NDArray[np.bool_]
    hard: bool = True

    def steer(self, logits_V: Tensor, written: Written, eos_probability: float) -> None:
        if not written.ids:
            logits_V.masked_fill_(torch.from_numpy(~self.allowed), -torch.inf)


@dataclass(frozen=True)
class RepetitionPenalty:
    """Keskar et al. 2019 (arXiv:1909.05858): the logit of a token that the story has is divided by `penalty`
    if it is positive, and multiplied if not. given: tokens of the text before what is written."""

    penalty: float
    given: Sequence[int] = ()
    hard: bool = False

    def steer(self, logits_V: Tensor, written: Written, eos_probability: float) -> None:
        seen = torch.tensor(sorted({*self.given, *written.ids}), dtype=torch.long)
        logits = logits_V[seen]
        logits_V[seen] = torch.where(logits > 0, logits / self.penalty, logits * self.penalty)


@dataclass(frozen=True)
class NoRepeat:
    """No run of `size` tokens twice in a story (Paulus et al. 2017). given: tokens before what is written.
    `exempt` tokens are let through: those of words that must occur."""

    size: int
    given: Sequence[int] = ()
    exempt: frozenset[int] = frozenset()
    hard: bool = False

    def steer(self, logits_V: Tensor, written: Written, eos_probability: float) -> None:
        ids = [*self.given, *written.ids]
        size = self.size
        if len(ids) < size:
            return
        before = ids[len(ids) - size + 1 :]
        banned = {ids[at + size - 1] for at in range(len(ids) - size + 1) if ids[at : at + size - 1] == before}
        banned -= self.exempt
        if banned:
            logits_V[list(banned)] = -torch.inf


@dataclass(frozen=True)
class EosAfter:
    """From `tokens` written on, <eos> grows likelier with each."""

    eos: int
    tokens: int
    hard: bool = False

    def steer(self, logits_V: Tensor, written: Written, eos_probability: float) -> None:
        over = len(written.ids) - self.tokens
        if over > 0:
            logits_V[self.eos] += EOS_RATE * over
