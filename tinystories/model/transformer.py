"""The decoder: RMSNorm before each part, rotary positions, SwiGLU, tied embeddings (Llama, arXiv:2302.13971).

Names of modules are those of transformers' LlamaForCausalLM, so that weights need no translation.
Shape suffixes: B rows, T positions, S key positions, D width, H heads, K size of a head, V vocabulary.
"""

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class ModelConfig:
    vocab_size: int
    width: int
    layers: int
    heads: int
    ffn: int
    context: int
    rope_theta: float = 10_000.0
    norm_eps: float = 1e-5

    @property
    def head_size(self) -> int:
        return self.width // self.heads

    @property
    def parameters(self) -> int:
        """Number of weights, the tied embedding counted once."""
        block = 4 * self.width**2 + 3 * self.width * self.ffn + 2 * self.width
        return self.vocab_size * self.width + self.layers * block + self.width


@dataclass
class Cache:
    """Keys and values of the positions seen so far.

    keys, values: (layers, B, H, S, K), S the positions there is room for.
    lengths_B: positions filled in each row; the rest is never attended to.
    """

    keys: Tensor
    values: Tensor
    lengths_B: Tensor


class Norm(nn.Module):
    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x_BTD: Tensor) -> Tensor:
        return F.rms_norm(x_BTD, (x_BTD.shape[-1],), self.weight, self.eps)


class Attention(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.q_proj = nn.Linear(config.width, config.width, bias=False)
        self.k_proj = nn.Linear(config.width, config.width, bias=False)
        self.v_proj = nn.Linear(config.width, config.width, bias=False)
        self.o_proj = nn.Linear(config.width, config.width, bias=False)

    def project(self, x_BTD: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Rotated queries and keys, and values, each (B, H, T, K)."""
        q, k, v = (
            p(x_BTD).unflatten(-1, (self.heads, -1)).transpose(1, 2) for p in (self.q_proj, self.k_proj, self.v_proj)
        )
        return rotate(q, cos, sin), rotate(k, cos, sin), v

    def forward(self, x_BTD: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        q, k, v = self.project(x_BTD, cos, sin)
        y_BHTK = attend(q, k, v)
        out: Tensor = self.o_proj(y_BHTK.transpose(1, 2).flatten(2))
        return out


class FeedForward(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.width, config.ffn, bias=False)
        self.up_proj = nn.Linear(config.width, config.ffn, bias=False)
        self.down_proj = nn.Linear(config.ffn, config.width, bias=False)

    def forward(self, x_BTD: Tensor) -> Tensor:
        out: Tensor = self.down_proj(F.silu(self.gate_proj(x_BTD)) * self.up_proj(x_BTD))
        return out


class Block(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.input_layernorm = Norm(config.width, config.norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = Norm(config.width, config.norm_eps)
        self.mlp = FeedForward(config)

    def forward(self, x_BTD: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        x_BTD = x_BTD + self.self_attn(self.input_layernorm(x_BTD), cos, sin)
        out: Tensor = x_BTD + self.mlp(self.post_attention_layernorm(x_BTD))
        return out


class Trunk(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.width)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = Norm(config.width, config.norm_eps)

    def blocks(self) -> list[Block]:
        return cast(list[Block], list(self.layers))


class Transformer(nn.Module):
    """Token ids in, logits out; position t sees positions 0..t of its own row and nothing else."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.model = Trunk(config)
        cos, sin = rope_tables(config.context, config.head_size, config.rope_theta)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self.cos: Tensor
        self.sin: Tensor
        self.apply(self._initialise)

    def _initialise(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, Block):  # the residual stream keeps its size over the depth (GPT-2)
            for last in (module.self_attn.o_proj, module.mlp.down_proj):
                nn.init.normal_(last.weight, std=0.02 / (2 * self.config.layers) ** 0.5)

    def head(self, x_BTD: Tensor) -> Tensor:
        return F.linear(x_BTD, self.model.embed_tokens.weight)

    def hidden(self, ids_BT: Tensor) -> Tensor:
        """The last layer's normalised states (B, T, D). T is at most the context."""
        T = ids_BT.shape[1]
        cos, sin = self.cos[:T], self.sin[:T]
        x_BTD = self.model.embed_tokens(ids_BT)
        for block in self.model.blocks():
            x_BTD = block(x_BTD, cos, sin)
        out: Tensor = self.model.norm(x_BTD)
        return out

    def forward(self, ids_BT: Tensor) -> Tensor:
        """Logits (B, T, V): position t's are for the token at t + 1."""
        return self.head(self.hidden(ids_BT))

    def new_cache(self, rows: int, room: int) -> Cache:
        c = self.config
        shape = (c.layers, rows, c.heads, room, c.head_size)
        keys = torch.zeros(shape, device=self.cos.device)
        return Cache(keys, torch.zeros_like(keys), torch.zeros(rows, dtype=torch.long, device=self.cos.device))

    def extend(self, ids_BT: Tensor, cache: Cache, new_B: Tensor) -> Tensor:
        """Read `new_B` further tokens of each row (the rest of ids_BT is padding); logits (B, V) after the last.

        The cache is advanced in place. Each row's tokens stand at that row's own positions.
        """
        B, T = ids_BT.shape
        rows_B1 = torch.arange(B, device=ids_BT.device)[:, None]
        at_BT = (cache.lengths_B[:, None] + torch.arange(T, device=ids_BT.device)).clamp(max=self.config.context - 1)
        at_BT = at_BT.clamp(max=cache.keys.shape[3] - 1)
        S = int(at_BT.max()) + 1
        seen_B1TS = (torch.arange(S, device=ids_BT.device) <= at_BT[:, :, None])[:, None]
        cos, sin = self.cos[at_BT][:, None], self.sin[at_BT][:, None]
        x_BTD = self.model.embed_tokens(ids_BT)
        for i, block in enumerate(self.model.blocks()):
            q, k, v = block.self_attn.project(block.input_layernorm(x_BTD), cos, sin)
            cache.keys[i][rows_B1, :, at_BT] = k.transpose(1, 2).to(cache.keys.dtype)
            cache.values[i][rows_B1, :, at_BT] = v.transpose(1, 2).to(cache.values.dtype)
            y = F.scaled_dot_product_attention(
                q, cache.keys[i, :, :, :S].to(q.dtype), cache.values[i, :, :, :S].to(q.dtype), attn_mask=seen_B1TS
            )
            x_BTD = x_BTD + block.self_attn.o_proj(y.transpose(1, 2).flatten(2))
            x_BTD = x_BTD + block.mlp(block.post_attention_layernorm(x_BTD))
        cache.lengths_B += new_B
        last_BD = x_BTD[torch.arange(B, device=ids_BT.device), new_B - 1]
        return self.head(self.model.norm(last_BD))


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Causal attention, all (B, H, T, K).

    SDPA; but on the CPU its bfloat16 kernels take 2.2 to 2.7 times as long, forward and backward, as two
    batched products with a softmax between them (T = 192 to 320, K = 32, AMX), so there it is these.
    """
    if q.dtype != torch.bfloat16 or q.device.type != "cpu":
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
