"""The window encoder: each token is told from the 50 before it, which see each other in both directions.

Shape suffixes: B rows, T positions, N windows, W places of a window, D width, V vocabulary.
"""

from dataclasses import dataclass, replace
from typing import Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tinystories.model.config import ModelConfig
from tinystories.model.decoder import Decoder
from tinystories.model.layers import Attention, Block, dropout_of, norm_of

AT_ONCE: Final = 1024  # windows read at once where no gradient is kept: what fits a laptop's memory


@dataclass(frozen=True)
class WindowConfig:
    """parts: of what the blocks are made; its context is the longest row, its dropout stands between the groups.

    groups: the feed-forward width of each group of layers, all groups of the same number of layers.
    window: tokens seen. pinned: ids of tags that, standing behind <bos>, stay in every window; those of a config
    without them slide out of it as the rest does.
    """

    parts: ModelConfig
    groups: tuple[int, ...]
    window: int = 50
    pinned: tuple[int, ...] = ()

    @property
    def vocab_size(self) -> int:
        return self.parts.vocab_size

    @property
    def context(self) -> int:
        return self.parts.context

    @property
    def parameters(self) -> int:
        """Number of weights, a tied embedding counted once."""
        bare = replace(self.parts, layers=0, context=self.window)
        each = self.parts.layers // len(self.groups)
        blocks = sum(replace(bare, layers=each, ffn=ffn).parameters - bare.parameters for ffn in self.groups)
        return bare.parameters + blocks


class WindowEncoder(Decoder):
    """Token ids in, logits out; position t sees the `window` tokens that end with it, and pinned tags.

    At a row's beginning the window is padded on the left, and the padding is masked. A token's place is its place
    in the window, so the last one always has the last.
    """

    config: WindowConfig

    def __init__(self, config: WindowConfig) -> None:
        super().__init__()
        self.config, parts = config, config.parts
        each = parts.layers // len(config.groups)
        self.embed_tokens = nn.Embedding(parts.vocab_size, parts.width)
        self.embed_positions = nn.Embedding(config.window, parts.width)
        self.layers = nn.ModuleList(
            Block(replace(parts, ffn=ffn, dropout=0.0)) for ffn in config.groups for _ in range(each)
        )
        self.between = dropout_of(parts.dropout)
        self.norm = norm_of(parts) if parts.norm_place == "pre" else nn.Identity()
        if not parts.tied:
            self.lm_head = nn.Linear(parts.width, parts.vocab_size, bias=parts.bias)
        self.apply(_initialise)

    def head(self, x_BTD: Tensor) -> Tensor:
        if self.config.parts.tied:
            return F.linear(x_BTD, self.embed_tokens.weight)
        logits: Tensor = self.lm_head(x_BTD)
        return logits

    def head_parameters(self) -> tuple[Tensor, Tensor | None]:
        if self.config.parts.tied:
            return self.embed_tokens.weight, None
        return self.lm_head.weight, self.lm_head.bias

    def hidden(self, ids_BT: Tensor) -> Tensor:
        """States (B, T, D) of the last place of each position's window."""
        B, T = ids_BT.shape
        ids_NW, seen_NW = self.windows(ids_BT, torch.arange(T, device=ids_BT.device).expand(B, T))
        if torch.is_grad_enabled():
            return self._encode(ids_NW, seen_NW).view(B, T, -1)
        starts = range(0, len(ids_NW), AT_ONCE)
        parts = [self._encode(ids_NW[i : i + AT_ONCE], seen_NW[i : i + AT_ONCE]) for i in starts]
        return torch.cat(parts).view(B, T, -1)

    def forward(self, ids_BT: Tensor) -> Tensor:
        """Logits (B, T, V): position t's are for the token at t + 1."""
        return self.head(self.hidden(ids_BT))

    def after(self, ids_BT: Tensor, lengths_B: Tensor) -> Tensor:
        """Logits (B, V) after the first `lengths_B` tokens of each row; a window a row is all that is read."""
        return self.head(self._encode(*self.windows(ids_BT, lengths_B[:, None] - 1)))

    def windows(self, ids_BT: Tensor, ends_BE: Tensor) -> tuple[Tensor, Tensor]:
        """(ids (N, W), whether it is seen (N, W)) of the windows that end at `ends_BE`, row by row."""
        W, pinned = self.config.window, self.config.pinned
        slots_W = torch.arange(W, device=ids_BT.device)
        at_BEW = ends_BE[:, :, None] - (W - 1) + slots_W
        if pinned:
            # tags stand at places 1 to n; a window that begins after place 1 has lost one, and gets all at its left
            is_tag_BT = (ids_BT[:, 1:, None] == torch.tensor(pinned, device=ids_BT.device)).any(-1)
            tags_B11 = is_tag_BT.int().cumprod(dim=1).sum(dim=1)[:, None, None]
            lost_BE1 = (ends_BE - (W - 1) > 1)[:, :, None]
            at_BEW = torch.where(lost_BE1 & (slots_W < tags_B11), slots_W + 1, at_BEW)
        ids_BEW = ids_BT.gather(1, at_BEW.clamp(min=0).flatten(1)).view_as(at_BEW)
        return ids_BEW.flatten(0, 1), (at_BEW >= 0).flatten(0, 1)

    def _encode(self, ids_NW: Tensor, seen_NW: Tensor) -> Tensor:
        """(N, D) of each window's last place; the last layer is computed there alone."""
        x_NWD = self.embed_tokens(ids_NW) + self.embed_positions.weight
        seen_N11W = seen_NW[:, None, None]
        blocks = cast(list[Block], list(self.layers))
        each = len(blocks) // len(self.config.groups)
        for i, block in enumerate(blocks):
            if i and i % each == 0:
                x_NWD = self.between(x_NWD)
            context_NWD = x_NWD if block.post else block.input_layernorm(x_NWD)
            asking = x_NWD if i + 1 < len(blocks) else x_NWD[:, -1:]

            def attention(h: Tensor, own: Attention = block.self_attn, seen: Tensor = context_NWD) -> Tensor:
                return _attend(own, h, seen, seen_N11W)

            x_NWD = block.around(asking, attention)
        out: Tensor = self.norm(x_NWD[:, 0])
        return out


def _attend(own: Attention, asking: Tensor, seen_NWD: Tensor, mask_N11W: Tensor) -> Tensor:
    """Attention of `asking` (N, 1 or W, D) to all of the window that is seen."""
    q, k, v = (
        project(x).unflatten(-1, (own.heads, -1)).transpose(1, 2)
        for project, x in ((own.q_proj, asking), (own.k_proj, seen_NWD), (own.v_proj, seen_NWD))
    )
    y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask_N11W)
    out: Tensor = own.o_proj(y.transpose(1, 2).flatten(2))
    return out


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
