"""A model in int8: small, near the original, and for GPT-2's (in, out) matrices too."""

from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel

from tests.builders import small_tokenizer, story_tokens
from tinystories.errors import ModelError
from tinystories.generation.quantized import Int8Linear, quantize, weight_bytes
from tinystories.model.config import ModelConfig
from tinystories.model.folder import load_model
from tinystories.model.transformer import Transformer
from tinystories.requests.mixed import plain
from tinystories.training.loss import sequence_nats


@pytest.mark.parametrize("tied", [True, False])
def test_the_size_falls_by_half_or_more_and_the_logits_stay_near(tied: bool) -> None:
    torch.manual_seed(0)
    model = Transformer(ModelConfig(600, width=64, layers=2, heads=2, ffn=128, context=64, tied=tied)).eval()
    small = quantize(model)
    assert weight_bytes(small) < 0.5 * weight_bytes(model)
    ids_BT = torch.randint(0, 600, (2, 40))
    with torch.inference_mode():
        exact, near = model(ids_BT), small(ids_BT)
    # 8 bits of weights and 7 of what they are multiplied by: an error of about 1 % of the spread of the logits
    assert (exact - near).std() < 0.05 * exact.std()
    assert not [m for m in small.modules() if isinstance(m, nn.Linear | nn.Embedding) and m.weight.shape[0] == 600]


def test_gpt2s_conv1d_is_brought_to_int8_too(tmp_path: Path) -> None:
    """torch's own dynamic quantization passes over Conv1D, and the size stays what it was."""
    torch.manual_seed(0)
    tokenizer = small_tokenizer()
    config = GPT2Config(vocab_size=tokenizer.vocab_size, n_embd=64, n_layer=2, n_head=2, n_positions=64)
    GPT2LMHeadModel(config).save_pretrained(tmp_path)
    tokenizer.save(tmp_path / "tokenizer.json")
    model = load_model(tmp_path).model
    small = quantize(model)
    assert sum(isinstance(module, Int8Linear) for module in small.modules()) == 2 * 6 + 1
    assert weight_bytes(small) < 0.5 * weight_bytes(model)


def test_a_text_is_scored_alike() -> None:
    torch.manual_seed(0)
    tokenizer = small_tokenizer()
    model = Transformer(ModelConfig(tokenizer.vocab_size, width=64, layers=2, heads=2, ffn=128, context=128)).eval()
    examples = [plain(tokenizer, story) for story in story_tokens(tokenizer, 4)]
    exact = [one.nats for one in sequence_nats(model, examples, 128)]
    near = [one.nats for one in sequence_nats(quantize(model), examples, 128)]
    assert near == pytest.approx(exact, rel=2e-3)


def test_what_is_no_decoder_of_ours_is_refused() -> None:
    with pytest.raises(ModelError, match="--quantized"):
        quantize(nn.Linear(2, 2))
