"""On disk a model has the names of the stock class that computes the same; GPT-2 folders load from anywhere."""

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.builders import small_tokenizer
from tinystories.errors import ModelError
from tinystories.files import read_json, write_json
from tinystories.generation.story_model import StoryModel
from tinystories.model.config import ModelConfig
from tinystories.model.folder import load_model, save_model
from tinystories.model.layouts import layout_of
from tinystories.model.transformer import Transformer
from tinystories.requests.controls import CONTROL_TOKENS
from tinystories.text.tokenizer import GPT2_END, StoryTokenizer

LLAMA = ModelConfig(vocab_size=600, width=32, layers=2, heads=4, ffn=48, context=64)
GPT2 = replace(LLAMA, positions="learned", norm="layer", activation="gelu", bias=True)
POST = replace(LLAMA, positions="sinusoidal", norm="layer", norm_place="post", activation="relu", bias=True, tied=False)


def shaken(config: ModelConfig) -> Transformer:
    torch.manual_seed(0)
    model = Transformer(config)
    for p in model.parameters():  # norms away from 1 and biases away from 0, so that leaving one out shows
        p.data += 0.1 * torch.randn_like(p)
    return model.eval()


@pytest.fixture
def ids() -> torch.Tensor:
    return torch.randint(0, 600, (3, 40), generator=torch.Generator().manual_seed(1))


def save(folder: Path, model: Transformer) -> None:
    save_model(folder, model, small_tokenizer(), card="# tiny\n", fingerprint={"fingerprint": "ab" * 8})


def every_config() -> list[ModelConfig]:
    choices = itertools.product(
        ("rotary", "learned", "sinusoidal"), ("rms", "layer"), ("pre", "post"), ("swiglu", "gelu", "relu"),
        (False, True), (False, True),
    )  # fmt: skip
    names = ("positions", "norm", "norm_place", "activation", "bias", "tied")
    return [replace(LLAMA, **dict(zip(names, choice, strict=True))) for choice in choices]


def test_any_choice_of_parts_counts_its_parameters_sees_no_future_and_agrees_with_its_cache(ids: torch.Tensor) -> None:
    changed = ids.clone()
    changed[:, 20] = (changed[:, 20] + 1) % 600
    for config in every_config():
        model = shaken(config)
        assert sum(p.numel() for p in model.parameters()) == config.parameters, config
        with torch.inference_mode():
            whole, other = model(ids), model(changed)
            assert torch.equal(whole[:, :20], other[:, :20]) and not torch.allclose(whole[:, 20], other[:, 20]), config
            cache = model.new_cache(3, 40)
            model.extend(ids[:, :30], cache, torch.tensor([30, 30, 30]))
            logits = model.extend(ids[:, 30:31], cache, torch.ones(3, dtype=torch.long))
        assert torch.allclose(logits, whole[:, 30], atol=1e-4), config


def test_any_choice_of_parts_is_saved_and_loaded_with_the_same_logits(ids: torch.Tensor, tmp_path: Path) -> None:
    for n, config in enumerate(every_config()[::5]):
        model = shaken(config)
        save(tmp_path / str(n), model)
        loaded = load_model(tmp_path / str(n))
        assert loaded.config == config
        assert torch.equal(loaded.model(ids), model(ids)), config


@pytest.mark.parametrize("config", [LLAMA, replace(LLAMA, tied=False), GPT2], ids=["llama", "untied llama", "gpt2"])
def test_transformers_reads_what_is_stock_with_the_same_logits(
    config: ModelConfig, ids: torch.Tensor, tmp_path: Path
) -> None:
    transformers = pytest.importorskip("transformers")
    model = shaken(config)
    save(tmp_path, model)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    stock = {"llama": "LlamaForCausalLM", "gpt2": "GPT2LMHeadModel"}[layout_of(config)]
    assert type(theirs).__name__ == stock
    assert torch.allclose(theirs(ids).logits, model(ids), atol=1e-4)


def test_what_no_stock_class_computes_says_so(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    save(tmp_path, shaken(POST))
    assert read_json(tmp_path / "config.json")["model_type"] == "tinystories"
    with pytest.raises(ValueError, match="tinystories"):
        transformers.AutoConfig.from_pretrained(tmp_path)


def a_gpt2_of_transformers(folder: Path, **choices: Any) -> Any:
    """A random GPT-2 as transformers saves it, with GPT-2's two tokenizer files for a small vocabulary."""
    transformers = pytest.importorskip("transformers")
    own = json.loads(small_tokenizer()._tokenizer.to_str())["model"]
    words = [token for token in own["vocab"] if token not in CONTROL_TOKENS]
    vocabulary = {token: n for n, token in enumerate([*words, GPT2_END])}
    torch.manual_seed(3)
    config = transformers.GPT2Config(
        vocab_size=len(vocabulary), n_embd=32, n_layer=2, n_head=4, n_positions=64, bos_token_id=len(words),
        eos_token_id=len(words), **choices,
    )  # fmt: skip
    model = transformers.GPT2LMHeadModel(config).eval()
    for p in model.parameters():
        p.data += 0.1 * torch.randn_like(p)
    model.save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    merges = "\n".join(" ".join(pair) if isinstance(pair, list) else pair for pair in own["merges"])
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}\n")
    return model


@pytest.mark.parametrize("inner", [None, 48])
def test_any_gpt2_folder_loads_with_the_logits_of_transformers(inner: int | None, tmp_path: Path) -> None:
    theirs = a_gpt2_of_transformers(tmp_path, n_inner=inner)
    ours = load_model(tmp_path)
    ids = torch.randint(0, ours.config.vocab_size, (2, 64), generator=torch.Generator().manual_seed(2))
    assert torch.allclose(theirs(ids).logits, ours.model(ids), atol=1e-4)
    assert ours.config.parameters == sum(p.numel() for p in theirs.parameters())


def test_gpt2s_tokens_are_those_of_transformers_and_its_end_is_no_text(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    a_gpt2_of_transformers(tmp_path)
    theirs = transformers.GPT2TokenizerFast.from_pretrained(tmp_path)
    ours = StoryTokenizer.load(tmp_path)
    text = 'One day, Tim said, "Hi 😀!"\n\nHe  had 12 cats. It\'s fun.'
    assert ours.encode(text) == theirs(text).input_ids
    assert ours.decode(ours.encode(text)) == text
    end = ours.control("<eos>")
    assert ours.token(end) == GPT2_END and end not in ours.encode(GPT2_END)
    assert ours.decode(ours.encode(GPT2_END)) == GPT2_END
    assert not ours.knows("<story>")


def test_a_gpt2_that_was_trained_elsewhere_tells_and_scores_stories(tmp_path: Path) -> None:
    a_gpt2_of_transformers(tmp_path)
    model = StoryModel.load(tmp_path)
    (story,) = model.generate(prompt="Once upon a time", max_tokens=20, seed=1)
    assert story.text.startswith("Once upon a time") and GPT2_END not in story.text
    (score,) = model.score(["Tom had a kite."])
    assert score.nats > 0


@pytest.mark.parametrize(
    ("key", "value"),
    [("activation_function", "relu"), ("scale_attn_by_inverse_layer_idx", True), ("add_cross_attention", True)],
)
def test_a_gpt2_that_computes_otherwise_is_refused_in_one_line(key: str, value: object, tmp_path: Path) -> None:
    save(tmp_path, shaken(GPT2))
    write_json(tmp_path / "config.json", {**read_json(tmp_path / "config.json"), key: value})
    with pytest.raises(ModelError, match=key) as caught:
        load_model(tmp_path)
    assert "\n" not in str(caught.value)


def test_damaged_tokenizer_files_and_missing_weights_are_one_line(tmp_path: Path) -> None:
    save(tmp_path / "model", shaken(GPT2))
    config = tmp_path / "model/config.json"
    write_json(config, {key: value for key, value in read_json(config).items() if key != "n_layer"})
    with pytest.raises(ModelError, match="incomplete"):
        load_model(tmp_path / "model")
    (tmp_path / "vocab.json").write_text('{"a": 0}')
    (tmp_path / "merges.txt").write_text("a b\n")
    with pytest.raises(ModelError, match=r"vocab\.json and merges\.txt are damaged"):
        StoryTokenizer.load(tmp_path)


def test_dropout_acts_in_training_and_nowhere_else(ids: torch.Tensor) -> None:
    model = shaken(replace(POST, dropout=0.3))
    assert torch.equal(model(ids), model(ids))
    model.train()
    assert not torch.equal(model(ids), model(ids))
