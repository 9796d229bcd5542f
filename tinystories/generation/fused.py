"""The default decoder with as few operations a token as possible; what it computes is `model.transformer`'s.

Matrices that read the same vector are one, the weights of the norms are multiplied into them, and rows
stand side by side at their ends, so that a step writes one column of the cache and reads what is filled.
Shape suffixes: B rows, T positions, S key positions, D width, H heads, K size of a head, F inner size, N = B or
B x T.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tinystories.model.config import ModelConfig
from tinystories.model.folder import LoadedModel
from tinystories.model.layers import Norm
from tinystories.model.transformer import Transformer

_LLAMA: Final = {
    "positions": "rotary", "norm": "rms", "norm_place": "pre", "activation": "swiglu", "bias": False, "tied": True,
}  # fmt: skip


@dataclass
class _Layer:
    """read: queries, keys and values (3D, D). gate: gate and up (2F, D). The norms' weights are in both."""

    read: Tensor
    out: Tensor
    gate: Tensor
    down: Tensor


@dataclass
class Columns:
    """Keys and values (B, H, S, K) of each layer; row b's own first position stands in column pads_B[b].

    filled: columns in use. mask (B, 1, 1, S): -inf where a row has nothing; None if all rows are equally long.
    """

    keys: list[Tensor]
    values: list[Tensor]
    pads_B: Tensor
    mask: Tensor | None
    filled: int


def fits(loaded: LoadedModel) -> bool:
    """Whether the fused engine runs this model: the default shape, on the CPU."""
    model = loaded.model
    if not isinstance(model, Transformer) or model.cos.device.type != "cpu":
        return False
    return all(getattr(model.config, name) == value for name, value in _LLAMA.items())


class FusedEngine:
    """An engine (generation/engine.py) for `fits` models.

    precision: of weights and of what they are multiplied with. float32, or bfloat16: many rows go faster on a CPU that
    computes in it, and a token's logits are right to two digits or three.
    """

    def __init__(self, loaded: LoadedModel, precision: torch.dtype = torch.float32) -> None:
        model = loaded.model
        assert fits(loaded) and isinstance(model, Transformer)
        self._config: ModelConfig = model.config
        self.context, self.vocab_size = model.config.context, model.config.vocab_size
        self._precision = precision
        trunk, K = model.model, self._config.head_size
        pairs = torch.arange(K).view(2, K // 2).T.flatten()  # halves side by side become neighbours: complex numbers
        places = torch.cat([pairs + K * head for head in range(self._config.heads)])
        self._layers = []
        with torch.inference_mode():
            for block in trunk.blocks():
                attention, mlp = block.self_attn, block.mlp
                turned = [attention.q_proj.weight[places], attention.k_proj.weight[places]]
                read = torch.cat([*turned, attention.v_proj.weight]) * _weight(block.input_layernorm)
                gate = torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight]) * _weight(block.post_attention_layernorm)
                parts = (read, attention.o_proj.weight, gate, mlp.down_proj.weight)
                self._layers.append(_Layer(*(part.to(precision).contiguous() for part in parts)))
            self._embed = trunk.embed_tokens.weight.detach()
            self._head = (self._embed * _weight(trunk.norm)).to(precision)
            half = model.cos[:, : K // 2], model.sin[:, : K // 2]
            self._turns = torch.complex(*half)  # (context, K / 2)

    @torch.inference_mode()
    def prefill(self, prompts: Sequence[Sequence[int]], room: int) -> tuple[Tensor, Columns]:
        T = max(map(len, prompts))
        pads = [T - len(prompt) for prompt in prompts]
        ids_BT = torch.tensor([[0] * pad + list(prompt) for pad, prompt in zip(pads, prompts, strict=True)])
        cache = self._new_cache(pads, T + room)
        at_BT = (torch.arange(T) - cache.pads_B[:, None]).clamp(min=0)
        seen = None
        if cache.mask is not None:
            there_B1T = (torch.arange(T) >= cache.pads_B[:, None])[:, None]
            seen = (there_B1T & torch.ones(T, T, dtype=torch.bool).tril() | torch.eye(T, dtype=torch.bool))[:, None]
        x_ND = self._embed[ids_BT.flatten()]
        turns = self._turns[at_BT.flatten()]
        for layer, keys, values in zip(self._layers, cache.keys, cache.values, strict=True):
            parts = self._read(layer, x_ND, turns)
            q, k, v = (part.reshape(-1, T, *part.shape[1:]).transpose(1, 2) for part in parts)
            keys[:, :, :T], values[:, :, :T] = k, v
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=seen, is_causal=seen is None)
            x_ND = self._onward(layer, x_ND, y.transpose(1, 2).flatten(2).flatten(0, 1))
        cache.filled = T
        return self._logits(x_ND.view(-1, T, x_ND.shape[-1])[:, -1]), cache

    @torch.inference_mode()
    def step(self, ids_B: Tensor, cache: Columns) -> Tensor:
        if len(ids_B) == 1 and self._precision == torch.float32:
            return self._step_one(int(ids_B[0]), cache)
        at = cache.filled
        x_BD = self._embed[ids_B]
        turns = self._turns[at - cache.pads_B]
        mask = None if cache.mask is None else cache.mask[..., : at + 1]
        for layer, keys, values in zip(self._layers, cache.keys, cache.values, strict=True):
            q, k, v = self._read(layer, x_BD, turns)
            keys[:, :, at], values[:, :, at] = k, v
            x_BD = self._onward(layer, x_BD, _attend(q, keys, values, mask, at + 1))
        cache.filled = at + 1
        return self._logits(x_BD)

    @torch.inference_mode()
    def keep(self, cache: Columns, rows: Sequence[int]) -> Columns:
        used, left = cache.filled, len(rows)
        moves = [(place, row) for place, row in enumerate(rows) if place != row]
        if all(row >= place for place, row in moves) and len(set(rows)) == left:  # into places that have been read
            for part in (*cache.keys, *cache.values):
                for place, row in moves:
                    part[place, :, :used] = part[row, :, :used]
            keys, values = ([part[:left] for part in parts] for parts in (cache.keys, cache.values))
        else:
            keys, values = ([part[list(rows)] for part in parts] for parts in (cache.keys, cache.values))
        mask = None if cache.mask is None else cache.mask[list(rows)]
        return Columns(keys, values, cache.pads_B[list(rows)], mask, used)

    def _new_cache(self, pads: Sequence[int], columns: int) -> Columns:
        c = self._config
        shape = (len(pads), c.heads, columns, c.head_size)
        keys, values = ([torch.empty(shape) for _ in self._layers] for _ in range(2))
        mask = None
        if any(pads):
            there = torch.arange(columns) >= torch.tensor(pads)[:, None]
            mask = torch.where(there, 0.0, -torch.inf)[:, None, None]
        return Columns(keys, values, torch.tensor(pads), mask, 0)

    def _normed(self, x_ND: Tensor) -> Tensor:
        """RMSNorm without its weight, as products take it."""
        length_N1: Tensor = torch.linalg.vector_norm(x_ND, dim=-1, keepdim=True)
        scale_N1 = length_N1.square_().div_(x_ND.shape[-1]).add_(self._config.norm_eps).rsqrt_()
        return x_ND.mul(scale_N1).to(self._precision)

    def _read(self, layer: _Layer, x_ND: Tensor, turns_NK: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Turned queries and keys, and values, each (N, H, K); turns (N, K / 2), complex."""
        heads, K = self._config.heads, self._config.head_size
        read = F.linear(self._normed(x_ND), layer.read).float().view(-1, 3, heads, K)
        pairs = torch.view_as_complex(read.view(-1, 3, heads, K // 2, 2))[:, :2]
        q, k = torch.view_as_real(pairs * turns_NK[:, None, None]).flatten(-2).unbind(1)
        return q, k, read[:, 2]

    def _onward(self, layer: _Layer, x_ND: Tensor, y_ND: Tensor) -> Tensor:
        """What attention read, added, and what the feed-forward part makes of it."""
        x_ND = x_ND + F.linear(y_ND.to(self._precision), layer.out)
        # rows as columns: so wide a product takes a quarter less time, and its halves lie one after the other
        gate_FN, up_FN = torch.mm(layer.gate, self._normed(x_ND).t()).chunk(2)
        return x_ND + F.linear(F.silu(gate_FN).mul_(up_FN).t(), layer.down)

    def _logits(self, x_BD: Tensor) -> Tensor:
        return F.linear(self._normed(x_BD), self._head).float()

    def _step_one(self, identity: int, cache: Columns) -> Tensor:
        """`step` for one row: vectors, so that each product is one call and its norm a number that scales it."""
        c, at = self._config, cache.filled
        heads, K, D, inner = c.heads, c.head_size, c.width, c.ffn
        x_D, turns = self._embed[identity], self._turns[at - int(cache.pads_B[0])]
        nothing = x_D.new_empty(())
        mask = None if cache.mask is None else cache.mask[..., : at + 1]
        for layer, keys, values in zip(self._layers, cache.keys, cache.values, strict=True):
            read = torch.addmv(nothing, layer.read, x_D, beta=0, alpha=self._scale(x_D))
            pairs = torch.view_as_complex(read[: 2 * D].view(2 * heads, K // 2, 2))
            turned = torch.view_as_real(pairs * turns).view(2, heads, K)
            keys.select(2, at)[0].copy_(turned[1])
            values.select(2, at)[0].copy_(read[2 * D :].view(heads, K))
            y = F.scaled_dot_product_attention(
                turned[0].view(1, heads, 1, K), keys.narrow(2, 0, at + 1), values.narrow(2, 0, at + 1), attn_mask=mask
            )
            x_D = torch.addmv(x_D, layer.out, y.view(D))
            gate = torch.addmv(nothing, layer.gate, x_D, beta=0, alpha=self._scale(x_D))
            x_D = torch.addmv(x_D, layer.down, F.silu(gate[:inner]).mul_(gate[inner:]))
        cache.filled = at + 1
        return torch.addmv(nothing, self._head, x_D, beta=0, alpha=self._scale(x_D))[None]

    def _scale(self, x_D: Tensor) -> float:
        """What RMSNorm multiplies by."""
        return float((float(torch.dot(x_D, x_D)) / self._config.width + self._config.norm_eps) ** -0.5)


def _attend(q_BHK: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, filled: int) -> Tensor:
    """(B, D) what each row's query reads of the cache's `filled` columns."""
    rows, heads, K = q_BHK.shape
    # two products of batches of vectors and matrices take two thirds of F.scaled_dot_product_attention's time
    keys, values = (part.view(rows * heads, -1, K)[:, :filled] for part in (keys, values))
    query, scale = q_BHK.reshape(-1, 1, K), K**-0.5
    if mask is None:
        scores = torch.bmm(query.mul(scale), keys.transpose(1, 2))
    else:
        seen = mask.expand(rows, heads, 1, filled).reshape(-1, 1, filled)
        scores = torch.baddbmm(seen, query, keys.transpose(1, 2), alpha=scale)
    return torch.bmm(scores.softmax(-1), values).view(rows, -1)


def _weight(norm: nn.Module) -> Tensor:
    assert isinstance(norm, Norm)
    return norm.weight
