"""The parts of a transformer: norm, attention, feed-forward, block, and what says where a token stands.

Names of modules are those of transformers' LlamaForCausalLM, so that its weights need no translation.
Shape suffixes: B rows, T positions, S key positions, D width, H heads, K size of a head, V vocabulary.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tinystories.model.config import ModelConfig


class Norm(nn.Module):
    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x_BTD: Tensor) -> Tensor:
        return F.rms_norm(x_BTD, (x_BTD.shape[-1],), self.weight, self.eps)


def norm_of(config: ModelConfig) -> nn.Module:
    if config.norm == "rms":
        return Norm(config.width, config.norm_eps)
    return nn.LayerNorm(config.width, config.norm_eps, bias=config.bias)


def dropout_of(share: float) -> nn.Module:
    return nn.Dropout(share) if share else nn.Identity()


class Attention(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.rotary = config.positions == "rotary"
        self.q_proj = nn.Linear(config.width, config.width, bias=config.bias)
        self.k_proj = nn.Linear(config.width, config.width, bias=config.bias)
        self.v_proj = nn.Linear(config.width, config.width, bias=config.bias)
        self.o_proj = nn.Linear(config.width, config.width, bias=config.bias)

    def project(self, x_BTD: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries and keys, turned where positions are rotary, and values, each (B, H, T, K)."""
        x_BTD = lowered(x_BTD)
        q, k, v = (
            p(x_BTD).unflatten(-1, (self.heads, -1)).transpose(1, 2) for p in (self.q_proj, self.k_proj, self.v_proj)
        )
        return (rotate(q, cos, sin), rotate(k, cos, sin), v) if self.rotary else (q, k, v)

    def forward(self, x_BTD: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        q, k, v = self.project(x_BTD, cos, sin)
        y_BHTK = attend(q, k, v)
        out: Tensor = self.o_proj(y_BHTK.transpose(1, 2).flatten(2))
        return out


class FeedForward(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.activation = config.activation
        if self.activation == "swiglu":
            self.gate_proj = nn.Linear(config.width, config.ffn, bias=config.bias)
        self.up_proj = nn.Linear(config.width, config.ffn, bias=config.bias)
        self.down_proj = nn.Linear(config.ffn, config.width, bias=config.bias)

    def forward(self, x_BTD: Tensor) -> Tensor:
        x_BTD = lowered(x_BTD)
        if self.activation == "swiglu":
            inner = F.silu(self.gate_proj(x_BTD)) * self.up_proj(x_BTD)
        elif self.activation == "gelu":
            inner = F.gelu(self.up_proj(x_BTD), approximate="tanh")
        else:
            inner = F.relu(self.up_proj(x_BTD))
        out: Tensor = self.down_proj(inner)
        return out


class Block(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.post = config.norm_place == "post"
        self.input_layernorm = norm_of(config)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = norm_of(config)
        self.mlp = FeedForward(config)
        self.drop = dropout_of(config.dropout)

    def forward(self, x_BTD: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        return self.around(x_BTD, lambda h_BTD: self.self_attn(h_BTD, cos, sin))

    def around(self, x_BTD: Tensor, attention: Callable[[Tensor], Tensor]) -> Tensor:
        """The block with `attention` in place of its own: norms, sums and feed-forward part stand here alone."""
        if self.post:
            x_BTD = self.input_layernorm(x_BTD + self.drop(attention(x_BTD)))
            after: Tensor = self.post_attention_layernorm(x_BTD + self.drop(self.mlp(x_BTD)))
            return after
        x_BTD = x_BTD + self.drop(attention(self.input_layernorm(x_BTD)))
        out: Tensor = x_BTD + self.drop(self.mlp(self.post_attention_layernorm(x_BTD)))
        return out


def lowered(x: Tensor) -> Tensor:
    """`x` in the type that autocast computes in: brought to it once, and not for each product that takes it.

    Where gradients are wanted it stays as it is: theirs are to be summed over the products in float32.
    """
    device = x.device.type
    if torch.is_grad_enabled() or not torch.is_autocast_enabled(device):
        return x
    return x.to(torch.get_autocast_dtype(device))


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Causal attention, all (B, H, T, K).

    SDPA (on CUDA, FlashAttention where the dtype allows it); but in training on the CPU its bfloat16 kernels take 2.2
    to 2.7 times as long, forward and backward, as two batched products with a softmax between them (T = 192 to 320,
    K = 32, AMX), so there it is these. Forward alone, in scoring, it is the faster one.
    """
    if q.dtype != torch.bfloat16 or q.device.type != "cpu" or not torch.is_grad_enabled():
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    B, H, T, K = q.shape
    future = torch.full((T, T), float("-inf"), dtype=q.dtype).triu(1).expand(B * H, T, T)
    scores = torch.baddbmm(future, q.flatten(0, 1), k.flatten(0, 1).transpose(1, 2), alpha=K**-0.5)
    return torch.bmm(scores.softmax(-1).to(v.dtype), v.flatten(0, 1)).view(B, H, T, K)


def rope_tables(context: int, head_size: int, theta: float) -> tuple[Tensor, Tensor]:
    """cos and sin (context, K) of rotary positions (arXiv:2104.09864), the halves side by side as in Llama."""
    inverse = theta ** -(torch.arange(0, head_size, 2, dtype=torch.float64) / head_size)
    angles = torch.outer(torch.arange(context, dtype=torch.float64), inverse)
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos().float(), angles.sin().float()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn (..., T, K) by its position: rotary embedding in Llama's half-and-half layout, in x's own dtype."""
    a, b = x.chunk(2, dim=-1)
    turned = torch.cat([-b, a], dim=-1)
    return x * cos.to(x.dtype) + turned * sin.to(x.dtype)


def sinusoids(context: int, width: int) -> Tensor:
    """(context, D) of arXiv:1706.03762, section 3.5: sine at even places of the vector, cosine at odd ones."""
    inverse = 10_000.0 ** -(torch.arange(0, width, 2, dtype=torch.float64) / width)
    angles = torch.outer(torch.arange(context, dtype=torch.float64), inverse)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :width].float()
