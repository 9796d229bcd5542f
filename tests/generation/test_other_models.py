"""Models of other architectures, as transformers has them: asked like our own, or refused in one line."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    BertConfig,
    BloomConfig,
    GPTNeoConfig,
    GPTNeoXConfig,
    LlamaConfig,
    MambaConfig,
    OPTConfig,
    Qwen2Config,
)

from tests.builders import sample
from tinystories import StoryModel
from tinystories.errors import ModelError, RequestError
from tinystories.files import read_json, write_json
from tinystories.text.tokenizer import StoryTokenizer

END = "<|endoftext|>"
ROWS = 500  # more than the tokenizer fills, as padded vocabularies have
SIZES = {"hidden_size": 32, "num_attention_heads": 4, "max_position_embeddings": 96}
LAYERS = {"num_hidden_layers": 2, "intermediate_size": 48}
KINDS: dict[str, Any] = {
    "gpt_neo": lambda: GPTNeoConfig(
        hidden_size=32, num_heads=4, num_layers=2, attention_types=[[["global", "local"], 1]], window_size=8,
        max_position_embeddings=96, vocab_size=ROWS,
    ),
    "gpt_neox": lambda: GPTNeoXConfig(vocab_size=ROWS, **SIZES, **LAYERS),
    "opt": lambda: OPTConfig(vocab_size=ROWS, **SIZES, num_hidden_layers=2, ffn_dim=48, word_embed_proj_dim=32),
    "llama, grouped heads": lambda: LlamaConfig(vocab_size=ROWS, num_key_value_heads=2, **SIZES, **LAYERS),
    "llama, scaled positions": lambda: LlamaConfig(
        vocab_size=ROWS, **SIZES, **LAYERS,
        rope_parameters={"rope_type": "linear", "factor": 2.0, "rope_theta": 10_000.0},
    ),
    "qwen2": lambda: Qwen2Config(vocab_size=ROWS, num_key_value_heads=2, **SIZES, **LAYERS),
}  # fmt: skip


@pytest.fixture(scope="module")
def tokenizer() -> StoryTokenizer:
    return StoryTokenizer.train([row["story"] for row in sample(30)], "bpe", 420, [END])


def folder_of(config: Any, tokenizer: StoryTokenizer, folder: Path) -> Path:
    """A model with random weights, wide enough that it does not say the same token for ever."""
    torch.manual_seed(0)
    end = tokenizer.control(END)
    config.bos_token_id, config.eos_token_id, config.pad_token_id = end, end, None
    lm = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for weight in lm.parameters():
            if weight.dim() > 1:
                weight.normal_(std=0.3)
    lm.save_pretrained(folder)
    tokenizer.save(folder / "tokenizer.json")
    write_json(folder / "tokenizer_config.json", {"bos_token": END, "eos_token": {"content": END}})
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_it_writes_what_transformers_writes_and_scores_what_it_wrote(
    kind: str, tokenizer: StoryTokenizer, tmp_path: Path
) -> None:
    folder = folder_of(KINDS[kind](), tokenizer, tmp_path / "lm")
    model, lm = StoryModel.load(folder), AutoModelForCausalLM.from_pretrained(folder).eval()
    prompt = [tokenizer.control(END), *tokenizer.encode("Once upon a time")]
    _, cache = model.engine.prefill([prompt, prompt[:2]], 20)
    cache = model.engine.keep(cache, [1, 0, 0])
    more_BV = model.engine.step(torch.tensor([5, 6, 7]), cache)
    for row, ids in enumerate(([*prompt[:2], 5], [*prompt, 6], [*prompt, 7])):
        with torch.inference_mode():
            assert torch.allclose(more_BV[row], lm(torch.tensor([ids])).logits[0, -1], atol=1e-3), row
    [story] = model.generate(prompt="Once upon a time", max_tokens=12, temperature=0)
    assert story.text.startswith("Once upon a time") and len(story.text) > len("Once upon a time")
    [again, other] = model.generate(prompt="Once", max_tokens=12, seed=3, count=2)
    assert again.text == model.generate(prompt="Once", max_tokens=12, seed=3)[0].text != other.text
    [score] = model.score([story.text])
    ids = torch.tensor([[prompt[0], *tokenizer.encode(story.text), prompt[0]]])
    with torch.inference_mode():
        nats = torch.nn.functional.cross_entropy(lm(ids).logits[0, :-1], ids[0, 1:], reduction="sum")
    assert score.nats == pytest.approx(nats.item(), rel=1e-4)


def test_constraints_hold_and_wishes_that_it_never_learned_are_refused(
    tokenizer: StoryTokenizer, tmp_path: Path
) -> None:
    model = StoryModel.load(folder_of(KINDS["gpt_neox"](), tokenizer, tmp_path / "lm"))
    stories = model.generate(prompt="Once", avoid=["the", "and"], max_words=9, max_tokens=20, count=3)
    assert all(story.met.keys() == {"prompt", "avoid:the", "avoid:and", "max_words"} for story in stories)
    assert all(all(story.met.values()) for story in stories)
    assert len(model.generate(prompt="Once", beams=3, max_tokens=6, count=2)) == 2
    with pytest.raises(RequestError, match="a model without control tokens takes a beginning"):
        model.generate(tags=["Twist"])
    with pytest.raises(ModelError, match="--quantized"):
        StoryModel.load(tmp_path / "lm", quantized=True)


REFUSED: dict[str, tuple[Any, str]] = {
    "no number of positions": (
        lambda: BloomConfig(vocab_size=ROWS, hidden_size=32, n_head=4, n_layer=2), "how many positions"
    ),
    "a state in place of a cache": (
        lambda: MambaConfig(vocab_size=ROWS, hidden_size=32, num_hidden_layers=2, state_size=4, max_seq_len=96),
        "token by token",
    ),
    "states that are changed before the head": (
        lambda: BertConfig(
            vocab_size=ROWS, hidden_size=32, num_attention_heads=4, num_hidden_layers=2, intermediate_size=48,
            max_position_embeddings=96, is_decoder=True,
        ), "change their logits",
    ),
}  # fmt: skip


@pytest.mark.parametrize("why", REFUSED)
def test_an_architecture_that_cannot_be_asked_is_one_line(why: str, tokenizer: StoryTokenizer, tmp_path: Path) -> None:
    make, said = REFUSED[why]
    folder_of(make(), tokenizer, tmp_path)
    with pytest.raises(ModelError, match=said) as caught:
        StoryModel.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_folder_that_lacks_weights_a_tokenizer_or_an_end_is_one_line(
    tokenizer: StoryTokenizer, tmp_path: Path
) -> None:
    folder = folder_of(KINDS["gpt_neox"](), tokenizer, tmp_path / "lm")
    weights = load_file(folder / "model.safetensors")
    held = dict(list(weights.items())[:-3])
    save_file(held, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"hold [\d,]+ of the model's [\d,]+ weights: copy it again"):
        StoryModel.load(folder)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    StoryModel.load(folder)
    write_json(folder / "tokenizer_config.json", {"bos_token": END, "eos_token": "</s>"})
    with pytest.raises(ModelError, match="no token that ends a text"):
        StoryModel.load(folder)
    stored = read_json(folder / "tokenizer.json")
    write_json(folder / "tokenizer.json", {**stored, "decoder": {"type": "Metaspace"}})
    with pytest.raises(ModelError, match="not a byte-level tokenizer"):
        StoryModel.load(folder)


def test_a_damaged_config_of_ours_is_not_guessed_at(tokenizer: StoryTokenizer, tmp_path: Path) -> None:
    folder = folder_of(KINDS["llama, grouped heads"](), tokenizer, tmp_path)
    stored = read_json(folder / "config.json")
    del stored["num_hidden_layers"], stored["num_key_value_heads"]
    write_json(folder / "config.json", stored)
    with pytest.raises(ModelError, match="is incomplete"):
        StoryModel.load(folder)
