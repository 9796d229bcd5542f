"""The shape of a decoder: a few choices, each a field, and what they cost in parameters."""

from dataclasses import dataclass
from typing import Literal

Positions = Literal["rotary", "learned", "sinusoidal"]
NormKind = Literal["rms", "layer"]
NormPlace = Literal["pre", "post"]
Activation = Literal["swiglu", "gelu", "relu"]


@dataclass(frozen=True)
class ModelConfig:
    """The defaults are Llama's (arXiv:2302.13971); GPT-2 and the transformer of 2017 are other choices.

    positions: rotary, learned (a vector a place), or sinusoidal, added to embeddings times sqrt(width) as in
        arXiv:1706.03762. norm_place: before each part with one more at the end, or after each sum.
    activation: swiglu has a gate, a third matrix; gelu is the tanh form. bias: of every linear map and of layer norms.
    tied: the head is the embedding's matrix. dropout: in training, of the embeddings and of each part's output.
    """

    vocab_size: int
    width: int
    layers: int
    heads: int
    ffn: int
    context: int
    rope_theta: float = 10_000.0
    norm_eps: float = 1e-5
    positions: Positions = "rotary"
    norm: NormKind = "rms"
    norm_place: NormPlace = "pre"
    activation: Activation = "swiglu"
    bias: bool = False
    tied: bool = True
    dropout: float = 0.0

    @property
    def head_size(self) -> int:
        return self.width // self.heads

    @property
    def parameters(self) -> int:
        """Number of weights, a tied embedding counted once."""
        D, F, biased = self.width, self.ffn, int(self.bias)
        matrices = 3 if self.activation == "swiglu" else 2
        attention = 4 * (D * D + biased * D)
        feed_forward = matrices * D * F + biased * ((matrices - 1) * F + D)
        norm = D * (1 + (biased if self.norm == "layer" else 0))
        embeddings = self.vocab_size * D + (self.context * D if self.positions == "learned" else 0)
        head = 0 if self.tied else self.vocab_size * (D + biased)
        blocks = self.layers * (attention + feed_forward + 2 * norm)
        return embeddings + blocks + (norm if self.norm_place == "pre" else 0) + head
