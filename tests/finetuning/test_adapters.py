"""Adapters: where they go in each architecture, how many parameters learn, and that merging changes nothing."""

from pathlib import Path

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from tinystories.finetuning.adapters import (
    AdapterSettings,
    attach,
    hosted,
    merged,
    save_adapter,
    targets_of,
    trainable_parameters,
    training_memory,
)
from tinystories.finetuning.bases import load_base
from tinystories.finetuning.marks import add_marks, make_room

# layers, width, heads, parameters of the models on the hub
SHAPES = {
    "distilgpt2": (6, 768, 12, 81_912_576),
    "gpt2": (12, 768, 12, 124_439_808),
    "gpt2-medium": (24, 1024, 16, 354_823_168),
    "gpt2-large": (36, 1280, 20, 774_030_080),
    "gpt2-xl": (48, 1600, 25, 1_557_611_200),
}


def untied(vocabulary: int) -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        tie_word_embeddings=False,
    )  # fmt: skip
    return LlamaForCausalLM(config)


@pytest.mark.parametrize("name", SHAPES)
def test_targets_parameters_and_memory_of_the_real_shapes(name: str) -> None:
    layers, width, heads, parameters = SHAPES[name]
    with torch.device("meta"):  # shapes without numbers: gpt2-xl would take 6 GB
        lm = GPT2LMHeadModel(GPT2Config(n_layer=layers, n_embd=width, n_head=heads))
        assert sum(weight.numel() for weight in lm.parameters()) == parameters
        assert targets_of(lm) == (["c_attn", "c_fc", "c_proj"], True)
        adapted = attach(lm, AdapterSettings(rank=8))
    # A and B of the four matrices: (1 + 3) + (1 + 1) + (1 + 4) + (4 + 1) widths, times the rank
    learning = layers * 8 * 16 * width
    assert trainable_parameters(adapted) == learning
    assert training_memory(adapted) == 4 * (parameters + learning) + 12 * learning


def test_llamas_matrices_are_found_and_its_head_is_none_of_them() -> None:
    found = ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"]
    assert targets_of(untied(90)) == (found, False)


@pytest.mark.parametrize("kind", ["gpt2", "ours", "untied"])
def test_merged_gives_the_adapters_logits_new_tokens_included(kind: str, gpt2: Path, ours: Path) -> None:
    """Embedding and head are one matrix before and after; a new token's row has to arrive in both."""
    torch.manual_seed(1)
    if kind == "untied":
        lm, new = untied(90).eval(), (88, 89)
    else:
        base = load_base(str({"gpt2": gpt2, "ours": ours}[kind]))
        marks = add_marks(base.tokenizer, chat=True)
        lm, new = make_room(base.model, marks.new).lm, marks.new
    # in double precision, where 1e-5 leaves no room for an error that is more than rounding
    adapted = attach(lm, AdapterSettings(rank=4, dropout=0.1), new).double()
    with torch.no_grad():
        for weight in adapted.parameters():
            if weight.requires_grad:
                weight.add_(0.3 * torch.randn_like(weight))
    before = lm.get_input_embeddings().weight.shape
    ids_BT = torch.cat([torch.randint(0, before[0], (2, 9)), torch.tensor([new[:2], new[-2:]])], dim=1)
    model = hosted(adapted).eval()
    one = merged(adapted)
    with torch.inference_mode():
        logits = model(ids_BT)
        assert torch.allclose(one(ids_BT).logits, logits, atol=1e-5)
    tied = one.get_output_embeddings().weight is one.get_input_embeddings().weight
    assert tied == (kind != "untied") == one.config.tie_word_embeddings
    assert not [name for name in one.state_dict() if "lora" in name or "token_adapter" in name]


def test_only_the_adapters_and_the_rows_of_new_tokens_learn(gpt2: Path) -> None:
    base = load_base(str(gpt2))
    marks = add_marks(base.tokenizer)
    lm = make_room(base.model, marks.new).lm
    before = {name: weight.clone() for name, weight in lm.named_parameters()}
    adapted = attach(lm, AdapterSettings(rank=2, dropout=0.0), marks.new)
    optimiser = torch.optim.AdamW([w for w in adapted.parameters() if w.requires_grad], lr=0.1)
    ids_BT = torch.tensor([[marks.begin, 5, 6, 7, marks.end]])
    for _ in range(2):
        adapted(ids_BT, labels=ids_BT).loss.backward()
        optimiser.step()
    after = dict(merged(adapted).named_parameters())
    changed = {name for name, weight in before.items() if not torch.equal(after[name], weight)}
    assert {name.split(".")[-2] for name in changed} == {"c_attn", "c_fc", "c_proj", "wte"}
    assert not [name for name in changed if name.endswith("bias")]
    moved = (after["transformer.wte.weight"] != before["transformer.wte.weight"]).any(dim=1).nonzero()[:, 0]
    assert set(moved.tolist()) <= set(marks.new) and marks.begin in moved


def test_an_adapters_files_are_the_same_bytes_and_peft_reads_them(gpt2: Path, tmp_path: Path) -> None:
    from peft import PeftModel

    torch.manual_seed(2)
    adapted = attach(load_base(str(gpt2)).model.lm, AdapterSettings(rank=2))
    with torch.no_grad():
        for weight in adapted.parameters():
            if weight.requires_grad:
                weight.add_(torch.randn_like(weight))
    save_adapter(adapted, tmp_path / "a", "gpt2-tiny")
    save_adapter(adapted, tmp_path / "b", "gpt2-tiny")
    files = sorted(file.name for file in (tmp_path / "a").iterdir())
    assert files == ["adapter_config.json", "adapter_model.safetensors"]
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    again = PeftModel.from_pretrained(load_base(str(gpt2)).model.lm, tmp_path / "a").eval()
    ids_BT = torch.arange(12)[None]
    with torch.inference_mode():
        assert torch.allclose(again(ids_BT).logits, adapted.eval()(ids_BT).logits, atol=1e-6)
