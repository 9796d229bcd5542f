"""The model folder: what train writes, in the layout that transformers, vLLM and llama.cpp read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from tinystories.errors import ModelError
from tinystories.files import atomic, read_json, write_json, write_text
from tinystories.model.transformer import ModelConfig, Transformer
from tinystories.requests.controls import BOS, BOS_ID, EOS, EOS_ID, PAD, PAD_ID
from tinystories.text.tokenizer import StoryTokenizer

CONFIG: Final = "config.json"
WEIGHTS: Final = "model.safetensors"
FINGERPRINT: Final = "fingerprint.json"


@dataclass(frozen=True)
class GenerationDefaults:
    """How stories are sampled unless a request says otherwise."""

    temperature: float = 0.8
    top_k: int = 0
    top_p: float = 0.95
    max_new_tokens: int = 480


@dataclass(frozen=True)
class LoadedModel:
    config: ModelConfig
    model: Transformer
    tokenizer: StoryTokenizer
    generation: GenerationDefaults
    folder: Path
    fingerprint: str


def save_model(
    folder: Path,
    model: Transformer,
    tokenizer: StoryTokenizer,
    *,
    card: str,
    fingerprint: Mapping[str, Any],
    generation: GenerationDefaults | None = None,
) -> None:
    """Write the whole folder; weights as fp32. config.json comes last, as the sign that the rest is there.

    `fingerprint` says what the model was made from, with a key "fingerprint".
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).unlink(missing_ok=True)
    weights = {name: t.detach().to("cpu", torch.float32).contiguous() for name, t in model.state_dict().items()}
    with atomic(folder / WEIGHTS) as temporary:
        save_file(weights, temporary, metadata={"format": "pt"})
    tokenizer.save(folder / "tokenizer.json")
    write_json(folder / "tokenizer_config.json", _tokenizer_config(model.config))
    settings = asdict(generation or GenerationDefaults())
    ids = {"bos_token_id": BOS_ID, "eos_token_id": EOS_ID, "pad_token_id": PAD_ID}
    write_json(folder / "generation_config.json", {**settings, **ids, "do_sample": True})
    write_json(folder / FINGERPRINT, fingerprint)
    write_text(folder / "README.md", card)
    write_json(folder / CONFIG, _hub_config(model.config))


def load_model(folder: Path | str, device: str = "cpu") -> LoadedModel:
    """Read a model folder, ready to use (fp32, evaluation mode).

    Raises ModelError when there is none, when it is damaged or of a kind not known here.
    """
    folder = Path(folder)
    if not (folder / CONFIG).is_file():
        raise ModelError(f"no model in {folder}: type `make repro` to train one, or name a model folder with --model")
    config = _config_from_hub(read_json(folder / CONFIG), folder)
    tokenizer = StoryTokenizer.load(folder)
    model = Transformer(config)
    try:
        model.load_state_dict(load_file(folder / WEIGHTS))
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{folder / WEIGHTS} does not hold this model's weights ({reason}): train or copy it again"
        ) from None
    known = set(GenerationDefaults.__dataclass_fields__)
    stored = read_json(folder / "generation_config.json") if (folder / "generation_config.json").is_file() else {}
    generation = GenerationDefaults(**{key: value for key, value in stored.items() if key in known})
    made_from = read_json(folder / FINGERPRINT)["fingerprint"] if (folder / FINGERPRINT).is_file() else ""
    return LoadedModel(config, model.to(device).eval(), tokenizer, generation, folder, made_from)


def _hub_config(c: ModelConfig) -> dict[str, Any]:
    """config.json of transformers' LlamaForCausalLM; rope in both spellings, of version 4 and 5."""
    return {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "float32",
        "vocab_size": c.vocab_size, "hidden_size": c.width, "intermediate_size": c.ffn,
        "num_hidden_layers": c.layers, "num_attention_heads": c.heads, "num_key_value_heads": c.heads,
        "head_dim": c.head_size, "max_position_embeddings": c.context, "rms_norm_eps": c.norm_eps,
        "rope_theta": c.rope_theta, "rope_parameters": {"rope_type": "default", "rope_theta": c.rope_theta},
        "hidden_act": "silu", "attention_bias": False, "mlp_bias": False, "attention_dropout": 0.0,
        "initializer_range": 0.02, "tie_word_embeddings": True, "use_cache": True,
        "bos_token_id": BOS_ID, "eos_token_id": EOS_ID, "pad_token_id": PAD_ID,
    }  # fmt: skip


def _config_from_hub(stored: Mapping[str, Any], folder: Path) -> ModelConfig:
    kind = stored.get("model_type")
    if kind != "llama":
        raise ModelError(f"{folder / CONFIG}: model_type {kind!r} is not known here; this version reads llama")
    heads, width = stored["num_attention_heads"], stored["hidden_size"]
    unlike = [
        name
        for name, value, ours in (
            ("num_key_value_heads", stored.get("num_key_value_heads", heads), heads),
            ("head_dim", stored.get("head_dim") or width // heads, width // heads),
            ("tie_word_embeddings", stored.get("tie_word_embeddings", False), True),
            ("hidden_act", stored.get("hidden_act", "silu"), "silu"),
            ("attention_bias", stored.get("attention_bias", False), False),
            ("mlp_bias", stored.get("mlp_bias", False), False),
            ("rope_type", (stored.get("rope_parameters") or {}).get("rope_type", "default"), "default"),
        )
        if value != ours
    ]
    if unlike:
        raise ModelError(f"{folder / CONFIG}: {', '.join(unlike)} as given there can't be read by this version")
    theta = (stored.get("rope_parameters") or {}).get("rope_theta") or stored.get("rope_theta", 10_000.0)
    return ModelConfig(
        vocab_size=stored["vocab_size"], width=width, layers=stored["num_hidden_layers"], heads=heads,
        ffn=stored["intermediate_size"], context=stored["max_position_embeddings"], rope_theta=float(theta),
        norm_eps=stored.get("rms_norm_eps", 1e-5),
    )  # fmt: skip


def _tokenizer_config(config: ModelConfig) -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": config.context,
        "bos_token": BOS, "eos_token": EOS, "pad_token": PAD, "clean_up_tokenization_spaces": False,
    }  # fmt: skip
