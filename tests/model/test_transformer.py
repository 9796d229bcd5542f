"""The decoder: causal, counted, the same with and without a cache, the same as transformers' Llama."""

from pathlib import Path

import pytest
import torch

from tests.builders import small_tokenizer
from tinystories.errors import ModelError
from tinystories.files import read_json, write_json
from tinystories.model.config import ModelConfig
from tinystories.model.folder import GenerationDefaults, load_model, save_model
from tinystories.model.layers import attend
from tinystories.model.transformer import Transformer

CONFIG = ModelConfig(vocab_size=600, width=32, layers=2, heads=4, ffn=48, context=64)


@pytest.fixture
def model() -> Transformer:
    torch.manual_seed(0)
    model = Transformer(CONFIG)
    for p in model.parameters():  # norms away from 1, so that leaving one out shows
        p.data += 0.1 * torch.randn_like(p)
    return model.eval()


@pytest.fixture
def ids() -> torch.Tensor:
    return torch.randint(0, 600, (3, 40), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("t", [0, 1, 20, 39])
def test_a_changed_token_changes_no_logit_before_it(model: Transformer, ids: torch.Tensor, t: int) -> None:
    changed = ids.clone()
    changed[:, t] = (changed[:, t] + 1) % 600
    before, after = model(ids), model(changed)
    assert torch.equal(before[:, :t], after[:, :t])
    assert not torch.allclose(before[:, t:], after[:, t:])


def test_rows_never_see_each_other(model: Transformer, ids: torch.Tensor) -> None:
    changed = ids.clone()
    changed[1] = 7
    assert torch.equal(model(ids)[[0, 2]], model(changed)[[0, 2]])


def test_the_number_of_parameters_is_what_the_config_says(model: Transformer) -> None:
    assert sum(p.numel() for p in model.parameters()) == CONFIG.parameters


def test_bfloat16_attention_on_the_cpu_agrees_with_sdpa() -> None:
    q, k, v = torch.randn(3, 2, 4, 33, 16, generator=torch.Generator().manual_seed(0))
    exact = attend(q, k, v)
    rough = attend(q.bfloat16(), k.bfloat16(), v.bfloat16())
    assert torch.allclose(exact, rough.float(), atol=0.05)  # bfloat16 keeps 8 bits: 2^-8 of values up to about 4
    assert torch.equal(rough[:, :, :5], attend(q.bfloat16()[:, :, :5], k.bfloat16()[:, :, :5], v.bfloat16()[:, :, :5]))


def test_the_cache_gives_the_logits_of_the_whole_text(model: Transformer, ids: torch.Tensor) -> None:
    whole = model(ids)
    cache = model.new_cache(3, 40)
    lengths = torch.tensor([5, 12, 1])
    logits = model.extend(ids[:, :12], cache, lengths)
    for row, n in enumerate(lengths.tolist()):
        assert torch.allclose(logits[row], whole[row, n - 1], atol=1e-5)
    for _ in range(10):
        at = cache.lengths_B.clone()
        logits = model.extend(ids[torch.arange(3), at][:, None], cache, torch.ones(3, dtype=torch.long))
        for row in range(3):
            assert torch.allclose(logits[row], whole[row, at[row]], atol=1e-5)


def save(folder: Path, model: Transformer) -> None:
    save_model(folder, model, small_tokenizer(), card="# tiny\n", fingerprint={"fingerprint": "ab" * 8})


def test_a_saved_model_loads_with_the_same_logits(model: Transformer, ids: torch.Tensor, tmp_path: Path) -> None:
    save(tmp_path, model)
    loaded = load_model(tmp_path)
    assert torch.equal(loaded.model(ids), model(ids))
    assert loaded.config == CONFIG and loaded.fingerprint == "ab" * 8 and loaded.generation == GenerationDefaults()


def test_transformers_loads_the_folder_unasked_with_the_same_logits_and_ids(
    model: Transformer, ids: torch.Tensor, tmp_path: Path
) -> None:
    transformers = pytest.importorskip("transformers")
    save(tmp_path, model)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    assert type(theirs).__name__ == "LlamaForCausalLM"
    assert torch.allclose(theirs(ids).logits, model(ids), atol=1e-4)
    text = 'One day, Tim said, "Hi 😀!"'
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert tokenizer(text, add_special_tokens=False).input_ids == small_tokenizer().encode(text)
    assert tokenizer.eos_token == "<eos>" and tokenizer.pad_token_id != tokenizer.eos_token_id


def test_no_model_there_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="make repro"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("model_type", "mamba", "model_type 'mamba'"),
        ("num_key_value_heads", 2, "num_key_value_heads"),
        ("intermediate_size", 64, "weights"),
    ],
)
def test_a_folder_of_another_kind_is_refused_in_one_line(
    key: str, value: object, message: str, model: Transformer, tmp_path: Path
) -> None:
    save(tmp_path, model)
    write_json(tmp_path / "config.json", {**read_json(tmp_path / "config.json"), key: value})
    with pytest.raises(ModelError, match=message) as caught:
        load_model(tmp_path)
    assert "\n" not in str(caught.value)


def test_truncated_weights_are_one_clear_line(model: Transformer, tmp_path: Path) -> None:
    save(tmp_path, model)
    weights = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        load_model(tmp_path)


@pytest.mark.parametrize("positions", ["rotary", "learned", "sinusoidal"])
def test_at_first_each_block_hands_on_what_it_attends_to_as_it_is(positions: str) -> None:
    # with small random matrices instead, names are not copied for thousands of steps: docs/benchmarks/training.md
    model = Transformer(
        ModelConfig(vocab_size=90, width=32, layers=2, heads=4, ffn=48, context=16, positions=positions)
    )
    for block in model.model.blocks():
        handed_on = block.self_attn.o_proj.weight @ block.self_attn.v_proj.weight
        assert torch.allclose(handed_on, torch.eye(32), atol=1e-5)


def test_at_first_an_embedding_has_the_length_of_one() -> None:
    torch.manual_seed(0)
    model = Transformer(ModelConfig(vocab_size=500, width=64, layers=2, heads=4, ffn=96, context=32))
    assert model.model.embed_tokens.weight.norm(dim=1).mean().item() == pytest.approx(1.0, rel=0.03)
