"""What training, scoring and generation need of a decoder, whoever wrote it."""

from abc import abstractmethod
from typing import Protocol

from torch import Tensor, nn


class DecoderConfig(Protocol):
    """context: positions that a row may have. vocab_size: rows of the embedding. parameters: weights."""

    @property
    def context(self) -> int: ...
    @property
    def vocab_size(self) -> int: ...
    @property
    def parameters(self) -> int: ...


class Decoder(nn.Module):
    """Token ids in, logits out; position t sees positions 0..t of its own row and nothing else."""

    config: DecoderConfig

    @abstractmethod
    def hidden(self, ids_BT: Tensor) -> Tensor:
        """The last layer's normalised states (B, T, D). T is at most the context."""

    @abstractmethod
    def head(self, x_BTD: Tensor) -> Tensor:
        """Logits (..., V) of states (..., D)."""

    def head_parameters(self) -> tuple[Tensor, Tensor | None] | None:
        """The head's matrix (V, D) and bias (V) where that is all it is, so that it can be applied in parts."""
        return None
