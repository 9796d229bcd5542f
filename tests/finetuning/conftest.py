"""Two tiny bases with random weights: one as the hub has GPT-2, one as our train writes it."""

import json
from pathlib import Path

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from tests.builders import sample, small_tokenizer
from tinystories.files import write_json
from tinystories.finetuning.rows import write_rows
from tinystories.model.config import ModelConfig
from tinystories.model.folder import save_model
from tinystories.model.transformer import Transformer
from tinystories.text.tokenizer import StoryTokenizer

END = "<|endoftext|>"
TALES = [f"The {animal} {deed}. {name} was glad." for animal, deed, name in (
    ("cat", "slept", "Tom"), ("dog", "ran", "Lily"), ("owl", "sang", "Ben"), ("hen", "ate", "Mia"),
    ("fox", "hid", "Sam"), ("cow", "danced", "Anna"), ("pig", "swam", "Max"), ("bee", "flew", "Zoe"),
)]  # fmt: skip


@pytest.fixture(scope="session")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One token ends texts, begins them and pads, as on the hub."""
    folder = tmp_path_factory.mktemp("bases") / "gpt2-tiny"
    tokenizer = StoryTokenizer.train([*TALES * 4, *(row["story"] for row in sample(20))], "bpe", 420, [END])
    end = tokenizer.control(END)
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=tokenizer.vocab_size, n_embd=32, n_layer=2, n_head=2, n_positions=64, bos_token_id=end,
        eos_token_id=end,
    )  # fmt: skip
    GPT2LMHeadModel(config).save_pretrained(folder)
    tokenizer.save(folder / "tokenizer.json")
    names = {"tokenizer_class": "GPT2Tokenizer", "bos_token": END, "eos_token": END, "unk_token": END}
    write_json(folder / "tokenizer_config.json", names)
    return folder


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bases") / "ours"
    torch.manual_seed(0)
    tokenizer = small_tokenizer()
    model = Transformer(ModelConfig(tokenizer.vocab_size, width=32, layers=2, heads=2, ffn=64, context=64))
    save_model(folder, model, tokenizer, card="", fingerprint={"fingerprint": "0" * 16})
    return folder


@pytest.fixture(scope="session")
def tales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "tales.csv"
    write_rows(path, TALES)
    return path


@pytest.fixture(scope="session")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "chat.jsonl"
    rows = [
        {"messages": [{"role": "user", "content": f"Who {tale.split()[2]}"}, {"role": "assistant", "content": tale}]}
        for tale in TALES
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
