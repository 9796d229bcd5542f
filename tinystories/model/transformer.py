"""The decoder, one for all presets: what its blocks are made of is its config's choice (by default Llama's).

Names of modules are those of transformers' LlamaForCausalLM, so that its weights need no translation.
Shape suffixes: B rows, T positions, S key positions, D width, H heads, K size of a head, V vocabulary.
"""

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tinystories.model.config import ModelConfig
from tinystories.model.decoder import Decoder
from tinystories.model.layers import Attention, Block, dropout_of, norm_of, rope_tables, sinusoids


@dataclass
class Cache:
    """Keys and values of the positions seen so far.

    keys, values: (layers, B, H, S, K), S the positions there is room for.
    lengths_B: positions filled in each row; the rest is never attended to.
    """

    keys: Tensor
    values: Tensor
    lengths_B: Tensor


class Trunk(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.width)
        if config.positions == "learned":
            self.embed_positions = nn.Embedding(config.context, config.width)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = norm_of(config) if config.norm_place == "pre" else nn.Identity()

    def blocks(self) -> list[Block]:
        return cast(list[Block], list(self.layers))


class Transformer(Decoder):
    config: ModelConfig

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.model = Trunk(config)
        if not config.tied:
            self.lm_head = nn.Linear(config.width, config.vocab_size, bias=config.bias)
        self.drop = dropout_of(config.dropout)
        turned = config.head_size if config.positions == "rotary" else 0
        cos, sin = rope_tables(config.context, turned, config.rope_theta)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        added = config.width if config.positions == "sinusoidal" else 0
        self.register_buffer("places", sinusoids(config.context, added), persistent=False)
        self.cos: Tensor
        self.sin: Tensor
        self.places: Tensor
        self.apply(self._initialise)

    def _initialise(self, module: nn.Module) -> None:
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=self.config.width**-0.5)
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        if isinstance(module, Block):  # the residual stream keeps its size over the depth (GPT-2)
            nn.init.normal_(module.mlp.down_proj.weight, std=0.02 / (2 * self.config.layers) ** 0.5)
        if isinstance(module, Attention):
            # what is attended to is handed on as it is (after arXiv:2305.09828, where images want its negative): to
            # copy a name, attention has to learn where to look and no more; docs/benchmarks/training.md
            nn.init.orthogonal_(module.v_proj.weight)
            module.o_proj.weight.data.copy_(module.v_proj.weight.data.T)

    def head(self, x_BTD: Tensor) -> Tensor:
        if self.config.tied:
            return F.linear(x_BTD, self.model.embed_tokens.weight)
        logits: Tensor = self.lm_head(x_BTD)
        return logits

    def head_parameters(self) -> tuple[Tensor, Tensor | None]:
        """The head's matrix (V, D) and bias (V), for who applies it in parts."""
        if self.config.tied:
            return self.model.embed_tokens.weight, None
        return self.lm_head.weight, self.lm_head.bias

    def embed(self, ids_BT: Tensor, at: Tensor) -> Tensor:
        """What the first block reads; `at`, (T,) or (B, T), says where the tokens stand."""
        x_BTD: Tensor = self.model.embed_tokens(ids_BT)
        if self.config.positions == "learned":
            x_BTD = x_BTD + self.model.embed_positions(at)
        elif self.config.positions == "sinusoidal":
            x_BTD = x_BTD * self.config.width**0.5 + self.places[at]
        dropped: Tensor = self.drop(x_BTD)
        return dropped

    def hidden(self, ids_BT: Tensor) -> Tensor:
        """The last layer's normalised states (B, T, D). T is at most the context."""
        T = ids_BT.shape[1]
        cos, sin = self.cos[:T], self.sin[:T]
        x_BTD = self.embed(ids_BT, torch.arange(T, device=ids_BT.device))
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
        x_BTD = self.embed(ids_BT, at_BT)
        for i, block in enumerate(self.model.blocks()):

            def attention(h_BTD: Tensor, i: int = i, own: Attention = block.self_attn) -> Tensor:
                q, k, v = own.project(h_BTD, cos, sin)
                cache.keys[i][rows_B1, :, at_BT] = k.transpose(1, 2).to(cache.keys.dtype)
                cache.values[i][rows_B1, :, at_BT] = v.transpose(1, 2).to(cache.values.dtype)
                y = F.scaled_dot_product_attention(
                    q, cache.keys[i, :, :, :S].to(q.dtype), cache.values[i, :, :, :S].to(q.dtype), attn_mask=seen_B1TS
                )
                out: Tensor = own.o_proj(y.transpose(1, 2).flatten(2))
                return out

            x_BTD = block.around(x_BTD, attention)
        cache.lengths_B += new_B
        last_BD = x_BTD[torch.arange(B, device=ids_BT.device), new_B - 1]
        return self.head(self.model.norm(last_BD))
