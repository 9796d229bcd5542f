"""What a model looks at, and where it puts its words: for plots, not for scores."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from tinystories.errors import ModelError
from tinystories.model.folder import LoadedModel
from tinystories.model.transformer import Transformer
from tinystories.requests.controls import BOS


@dataclass(frozen=True, eq=False)
class Looks:
    """tokens: T, <bos> first. weights: (layers, heads, T, T); row t says how t looks at 0..t, and sums to 1."""

    tokens: list[str]
    weights: NDArray[np.float32]


@torch.inference_mode()
def attention(loaded: LoadedModel, text: str) -> Looks:
    """How each token of `text` looks at those before it, in every layer and head (plain form).

    Raises ModelError for a model that is not one of ours, or a text that does not fit its context.
    """
    model = _ours(loaded)
    ids = [loaded.tokenizer.control(BOS), *loaded.tokenizer.encode(text)]
    if len(ids) > model.config.context:
        raise ModelError(f"a text of {len(ids)} tokens does not fit the model's {model.config.context}: give less")
    ids_BT = torch.tensor([ids], device=model.cos.device)
    cos, sin = model.cos[: len(ids)], model.sin[: len(ids)]
    later = torch.ones(len(ids), len(ids), dtype=torch.bool, device=ids_BT.device).triu(1)
    x_BTD = model.embed(ids_BT, torch.arange(len(ids), device=ids_BT.device))
    weights = []
    for block in model.model.blocks():
        h_BTD = x_BTD if block.post else block.input_layernorm(x_BTD)
        q, k, _ = block.self_attn.project(h_BTD, cos, sin)
        scores = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).masked_fill(later, -torch.inf)
        weights.append(scores.softmax(dim=-1)[0].cpu().numpy())
        x_BTD = block(x_BTD, cos, sin)
    return Looks([BOS, *(loaded.tokenizer.decode([i]) for i in ids[1:])], np.stack(weights))


@torch.inference_mode()
def word_map(loaded: LoadedModel, words: Sequence[str]) -> tuple[list[str], NDArray[np.float64]]:
    """The words that are one token (with the space before them), and the two directions in which their embeddings
    differ most (principal components): (N, 2). Raises ModelError where fewer than three are.
    """
    model = _ours(loaded)
    tokens = {word: loaded.tokenizer.encode(f" {word}") for word in words}
    single = {word: ids[0] for word, ids in tokens.items() if len(ids) == 1}
    if len(single) < 3:
        raise ModelError(f"{len(single)} of {len(words)} words are one token of this model; a map needs three")
    rows = model.model.embed_tokens.weight[list(single.values())].double().cpu().numpy()
    centred = rows - rows.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    return list(single), centred @ directions[:2].T


def _ours(loaded: LoadedModel) -> Transformer:
    if not isinstance(loaded.model, Transformer):
        raise ModelError(f"{loaded.folder}: this looks into models of this project only")
    return loaded.model
