"""What a model looks at is what its own forward pass looks at; the map of words is of words that it has."""

import numpy as np
import pytest
import torch

from tests.generation.conftest import folder, loaded, texts, tokenizer
from tinystories.errors import ModelError
from tinystories.evaluation.insight import attention, word_map
from tinystories.model.folder import LoadedModel

__all__ = ["folder", "loaded", "texts", "tokenizer"]


def test_each_token_looks_at_itself_and_what_is_before_it(loaded: LoadedModel) -> None:
    looks = attention(loaded, "Tom had a red kite.")
    layers, heads, count, _ = looks.weights.shape
    assert (layers, heads, count) == (2, 2, len(looks.tokens))
    assert looks.tokens[0] == "<bos>" and "".join(looks.tokens[1:]) == "Tom had a red kite."
    np.testing.assert_allclose(looks.weights.sum(axis=-1), 1, atol=1e-5)
    assert np.triu(looks.weights, 1).max() == 0


def test_it_is_the_attention_of_the_forward_pass(loaded: LoadedModel) -> None:
    """Weights times values, through the output, is what the first block's attention gives."""
    model, text = loaded.model, "Tom had a red kite."
    ids = torch.tensor([[1, *loaded.tokenizer.encode(text)]])
    block = model.model.blocks()[0]
    h = block.input_layernorm(model.embed(ids, torch.arange(ids.shape[1])))
    cos, sin = model.cos[: ids.shape[1]], model.sin[: ids.shape[1]]
    _, _, v = block.self_attn.project(h, cos, sin)
    weights = torch.from_numpy(attention(loaded, text).weights[0])[None]
    mine = block.self_attn.o_proj((weights @ v).transpose(1, 2).flatten(2))
    torch.testing.assert_close(mine, block.self_attn(h, cos, sin), atol=1e-5, rtol=1e-4)


def test_the_map_has_the_words_that_are_one_token_and_the_widest_direction_first(loaded: LoadedModel) -> None:
    words, places = word_map(loaded, ["the", "he", "she", "and", "was", "qzxv"])
    assert "qzxv" not in words and places.shape == (len(words), 2)
    assert places[:, 0].var() >= places[:, 1].var()
    with pytest.raises(ModelError, match="a map needs three"):
        word_map(loaded, ["qzxv"])


def test_a_text_that_does_not_fit_is_told_in_one_line(loaded: LoadedModel) -> None:
    with pytest.raises(ModelError, match="does not fit"):
        attention(loaded, "Tom ran. " * 500)
