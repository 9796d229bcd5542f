"""A model of transformers behind the methods of our decoder: the same logits, and refused where they would not be."""

from pathlib import Path

import pytest
import torch
from transformers import Gemma2Config, Gemma2ForCausalLM, GPT2Config, GPT2LMHeadModel, Qwen2Config, Qwen2ForCausalLM

from tests.builders import small_tokenizer
from tinystories.errors import ModelError
from tinystories.model.folder import save_model
from tinystories.model.hosted import load_hosted
from tinystories.model.transformer import ModelConfig, Transformer

ENDS = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
SMALL = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, **ENDS}


def test_states_and_head_give_the_models_own_logits(tmp_path: Path) -> None:
    torch.manual_seed(0)
    gpt2 = GPT2LMHeadModel(GPT2Config(vocab_size=90, n_embd=32, n_layer=2, n_head=2, n_positions=24, **ENDS))
    qwen = Qwen2ForCausalLM(Qwen2Config(vocab_size=90, num_key_value_heads=1, max_position_embeddings=24, **SMALL))
    for lm in (gpt2.eval(), qwen.eval()):
        lm.save_pretrained(tmp_path / "lm")
        hosted = load_hosted(tmp_path / "lm")
        ids_BT = torch.randint(0, 90, (3, 11))
        assert (hosted.config.vocab_size, hosted.config.context) == (90, 24)
        with torch.inference_mode():
            assert torch.allclose(hosted(ids_BT), lm(ids_BT).logits, atol=1e-5)


def test_our_own_folder_is_one_of_them(tmp_path: Path) -> None:
    torch.manual_seed(0)
    tokenizer = small_tokenizer()
    ours = Transformer(ModelConfig(tokenizer.vocab_size, width=32, layers=2, heads=2, ffn=64, context=64)).eval()
    save_model(tmp_path, ours, tokenizer, card="", fingerprint={"fingerprint": ""})
    hosted = load_hosted(tmp_path)
    ids_BT = torch.randint(0, tokenizer.vocab_size, (2, 40))
    with torch.inference_mode():
        assert torch.allclose(hosted(ids_BT), ours(ids_BT), atol=1e-5)
    assert hosted.config.parameters == ours.config.parameters


def test_logits_that_are_changed_after_the_head_are_refused(tmp_path: Path) -> None:
    config = Gemma2Config(vocab_size=90, num_key_value_heads=1, head_dim=16, **SMALL, final_logit_softcapping=0.1)
    Gemma2ForCausalLM(config).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="gemma2 change their logits after the head"):
        load_hosted(tmp_path)


@pytest.mark.parametrize("text", ["{}", "no json", '{"model_type": "bert", "vocab_size": 9, "hidden_size": 12}'])
def test_what_is_no_causal_language_model_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ModelError, match="can't be read as a causal language model") as caught:
        load_hosted(tmp_path)
    assert "\n" not in str(caught.value)
