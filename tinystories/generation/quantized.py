"""A model in int8, for the CPU: matrices of a quarter of the bytes, products of a fraction of the time.

Each row of a matrix has a scale of its own; what it is multiplied by is brought to int8 as it comes, by its
range. GPT-2's folders hold (in, out) matrices, which our decoder reads as linear maps, so they are met too.
"""

import warnings

import torch
from torch import Tensor, nn

from tinystories.errors import ModelError
from tinystories.model.transformer import Transformer


class Int8Linear(nn.Module):
    """y = W x + b with W in int8; weight_VD fp32 is let go."""

    def __init__(self, weight_VD: Tensor, bias_V: Tensor | None) -> None:
        super().__init__()
        self.bytes = weight_VD.numel() + 8 * len(weight_VD) + (0 if bias_V is None else 4 * len(bias_V))
        zeros_V = torch.zeros(len(weight_VD), dtype=torch.long)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # torch's int8 tensors will move to a library of their own
            matrix = torch.quantize_per_channel(weight_VD, _scales(weight_VD).double(), zeros_V, 0, torch.qint8)
        self._packed = torch.ops.quantized.linear_prepack(matrix, bias_V)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = torch.ops.quantized.linear_dynamic(x.float(), self._packed, True)
        return out


class Int8Embedding(nn.Module):
    def __init__(self, weight_VD: Tensor) -> None:
        super().__init__()
        self.scale_V1 = _scales(weight_VD)[:, None]
        self.weight_VD = (weight_VD / self.scale_V1).round().to(torch.int8)
        self.bytes = self.weight_VD.numel() + 4 * len(weight_VD)

    def forward(self, ids: Tensor) -> Tensor:
        return self.weight_VD[ids].float() * self.scale_V1[ids]


class QuantizedTransformer(Transformer):
    """A decoder in int8; made by `quantize`, for reading and writing and not for training."""

    def pack(self) -> None:
        embedding = self.model.embed_tokens.weight.detach()
        head = (embedding, None) if self.config.tied else (self.lm_head.weight.detach(), self.lm_head.bias)
        self.int8_head = Int8Linear(head[0], None if head[1] is None else head[1].detach())
        for module in list(self.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, nn.Linear):
                    bias = None if child.bias is None else child.bias.detach()
                    setattr(module, name, Int8Linear(child.weight.detach(), bias))
        self.model.embed_tokens = Int8Embedding(embedding)  # type: ignore[assignment]
        if not self.config.tied:
            del self.lm_head  # packed above

    def head(self, x_BTD: Tensor) -> Tensor:
        out: Tensor = self.int8_head(x_BTD)
        return out


@torch.no_grad()
def quantize(model: nn.Module) -> QuantizedTransformer:
    """The model in int8. Raises ModelError where it is no decoder of ours, or this machine's torch has no int8."""
    if type(model) is not Transformer:
        raise ModelError("--quantized: this model is no decoder of the kinds that are brought to int8; leave it out")
    if torch.backends.quantized.engine == "none":
        raise ModelError("--quantized: torch on this machine has no int8 products; leave it out")
    twin = QuantizedTransformer(model.config)
    twin.load_state_dict({name: weight.to("cpu", torch.float32) for name, weight in model.state_dict().items()})
    twin.pack()
    return twin.eval()


def weight_bytes(model: nn.Module) -> int:
    """Bytes of all weights, a shared one once."""
    int8 = sum(module.bytes for module in model.modules() if isinstance(module, Int8Linear | Int8Embedding))
    return int8 + sum(weight.numel() * weight.element_size() for weight in model.parameters())


def _scales(weight_VD: Tensor) -> Tensor:
    """(V,) the largest magnitude of each row is 127."""
    return (weight_VD.abs().amax(dim=1) / 127).clamp(min=1e-12)
