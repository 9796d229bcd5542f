"""Names and config.json of a model on disk: transformers' Llama or GPT-2 where it is one, else our own."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any, Final, Literal

import torch
from torch import Tensor

from tinystories.errors import ModelError
from tinystories.model.config import ModelConfig
from tinystories.model.transformer import Transformer
from tinystories.model.windows import WindowConfig, WindowEncoder

Layout = Literal["llama", "gpt2", "tinystories", "tinystories-windows"]
Config = ModelConfig | WindowConfig
State = dict[str, Tensor]

CLASSES: Final[dict[Layout, str]] = {
    "llama": "LlamaForCausalLM",
    "gpt2": "GPT2LMHeadModel",
    "tinystories": "TinyStoriesTransformer",  # in no library but this one, as the next
    "tinystories-windows": "TinyStoriesWindowEncoder",
}
# of a block: our name, GPT-2's, and whether its matrix stands as (in, out) there (transformers' Conv1D)
_GPT2_BLOCK: Final = (
    ("input_layernorm", "ln_1", False),
    ("self_attn.o_proj", "attn.c_proj", True),
    ("post_attention_layernorm", "ln_2", False),
    ("mlp.up_proj", "mlp.c_fc", True),
    ("mlp.down_proj", "mlp.c_proj", True),
)
_GPT2_QKV: Final = ("q_proj", "k_proj", "v_proj")
_GPT2_AROUND: Final = (
    ("model.embed_tokens.weight", "wte.weight"),
    ("model.embed_positions.weight", "wpe.weight"),
    ("model.norm.weight", "ln_f.weight"),
    ("model.norm.bias", "ln_f.bias"),
)
_TANH_GELU: Final = ("gelu_new", "gelu_pytorch_tanh", "gelu_fast")


def layout_of(config: Config) -> Layout:
    """The stock class that computes what the config says, if there is one; dropout is training's matter."""
    if isinstance(config, WindowConfig):
        return "tinystories-windows"
    c = config
    kind = (c.positions, c.norm, c.norm_place, c.activation, c.bias)
    if kind == ("rotary", "rms", "pre", "swiglu", False):
        return "llama"
    return "gpt2" if (*kind, c.tied) == ("learned", "layer", "pre", "gelu", True, True) else "tinystories"


def describe(config: Config) -> str:
    """The architecture in a line, for the model card."""
    c, layout = config.parts if isinstance(config, WindowConfig) else config, layout_of(config)
    if layout == "llama":
        parts = ["RMSNorm", "RoPE", "SwiGLU"]
    else:
        names = {"rms": "RMSNorm", "layer": "LayerNorm", "swiglu": "SwiGLU", "gelu": "GELU", "relu": "ReLU"}
        parts = [f"{c.norm_place}-{names[c.norm]}", f"{c.positions} positions", names[c.activation]]
    if isinstance(config, WindowConfig):
        parts.append(f"windows of {config.window}, {'tags in each' if config.pinned else 'tags slide out'}")
    text = f"{CLASSES[layout]} ({', '.join([*parts, 'tied embeddings' if c.tied else 'a head of its own'])})"
    return text if layout in ("llama", "gpt2") else f"{text}, which no other library reads: use tinystories"


def to_disk(config: Config, state: Mapping[str, Tensor]) -> State:
    """The weights under the names, and in the orientation, of the model's layout."""
    if isinstance(config, ModelConfig) and layout_of(config) == "gpt2":
        return _to_gpt2(config, state)
    return dict(state)


def from_disk(config: Config, stored: Mapping[str, Tensor]) -> State:
    """The inverse of `to_disk`; what GPT-2 folders hold beside weights (masks, a second copy of the head) is left."""
    if isinstance(config, ModelConfig) and layout_of(config) == "gpt2":
        return _from_gpt2(config, stored)
    return dict(stored)


def hub_config(config: Config, ids: Mapping[str, int]) -> dict[str, Any]:
    """config.json. `ids` are bos_token_id, eos_token_id, pad_token_id."""
    layout = layout_of(config)
    known: dict[str, Any] = {"architectures": [CLASSES[layout]], "model_type": layout, "dtype": "float32"}
    known["vocab_size"] = config.vocab_size
    if isinstance(config, WindowConfig):
        return {**asdict(config), **known, **ids}
    c = config
    if layout == "llama":  # rope in both spellings, of transformers 4 and 5
        return {
            **known, "hidden_size": c.width, "intermediate_size": c.ffn,
            "num_hidden_layers": c.layers, "num_attention_heads": c.heads, "num_key_value_heads": c.heads,
            "head_dim": c.head_size, "max_position_embeddings": c.context, "rms_norm_eps": c.norm_eps,
            "rope_theta": c.rope_theta, "rope_parameters": {"rope_type": "default", "rope_theta": c.rope_theta},
            "hidden_act": "silu", "attention_bias": False, "mlp_bias": False, "attention_dropout": 0.0,
            "initializer_range": 0.02, "tie_word_embeddings": c.tied, "use_cache": True, **ids,
        }  # fmt: skip
    if layout == "gpt2":
        return {
            **known, "n_embd": c.width, "n_inner": c.ffn, "n_layer": c.layers, "n_head": c.heads,
            "n_positions": c.context, "n_ctx": c.context, "layer_norm_epsilon": c.norm_eps,
            "activation_function": "gelu_new", "resid_pdrop": c.dropout, "embd_pdrop": c.dropout, "attn_pdrop": 0.0,
            "initializer_range": 0.02, "tie_word_embeddings": True, "use_cache": True, **ids,
        }  # fmt: skip
    return {**asdict(c), **known, **ids}


def model_of(config: Config) -> Transformer | WindowEncoder:
    """A model with fresh weights."""
    return WindowEncoder(config) if isinstance(config, WindowConfig) else Transformer(config)


def config_from_hub(stored: Mapping[str, Any], where: str) -> Config:
    """The config of a folder. Raises ModelError, one line, for a kind or a choice that is not known here."""
    kind = stored.get("model_type")
    readers: dict[Layout, Callable[[Mapping[str, Any], str], Config]] = {
        "llama": _llama,
        "gpt2": _gpt2,
        "tinystories": _own,
        "tinystories-windows": _windows,
    }
    if kind not in readers:
        raise ModelError(f"{where}: model_type {kind!r} is not known here; this version reads {', '.join(readers)}")
    try:
        return readers[kind](stored, where)
    except (KeyError, TypeError) as error:
        raise ModelError(f"{where} is incomplete ({error}): copy the whole folder again") from None


def _llama(stored: Mapping[str, Any], where: str) -> ModelConfig:
    heads, width = stored["num_attention_heads"], stored["hidden_size"]
    _refuse(
        where,
        ("num_key_value_heads", stored.get("num_key_value_heads", heads), (heads,)),
        ("head_dim", stored.get("head_dim") or width // heads, (width // heads,)),
        ("hidden_act", stored.get("hidden_act", "silu"), ("silu",)),
        ("attention_bias", stored.get("attention_bias", False), (False,)),
        ("mlp_bias", stored.get("mlp_bias", False), (False,)),
        ("rope_type", (stored.get("rope_parameters") or {}).get("rope_type", "default"), ("default",)),
    )
    theta = (stored.get("rope_parameters") or {}).get("rope_theta") or stored.get("rope_theta", 10_000.0)
    return ModelConfig(
        vocab_size=stored["vocab_size"], width=width, layers=stored["num_hidden_layers"], heads=heads,
        ffn=stored["intermediate_size"], context=stored["max_position_embeddings"], rope_theta=float(theta),
        norm_eps=stored.get("rms_norm_eps", 1e-5), tied=stored.get("tie_word_embeddings", False),
    )  # fmt: skip


def _gpt2(stored: Mapping[str, Any], where: str) -> ModelConfig:
    _refuse(
        where,
        ("activation_function", stored.get("activation_function", "gelu_new"), _TANH_GELU),
        ("tie_word_embeddings", stored.get("tie_word_embeddings", True), (True,)),
        ("scale_attn_weights", stored.get("scale_attn_weights", True), (True,)),
        ("scale_attn_by_inverse_layer_idx", stored.get("scale_attn_by_inverse_layer_idx", False), (False,)),
        ("add_cross_attention", stored.get("add_cross_attention", False), (False,)),
    )
    width = stored["n_embd"]
    return ModelConfig(
        vocab_size=stored["vocab_size"], width=width, layers=stored["n_layer"], heads=stored["n_head"],
        ffn=stored.get("n_inner") or 4 * width, context=stored["n_positions"],
        norm_eps=stored.get("layer_norm_epsilon", 1e-5), positions="learned", norm="layer", activation="gelu",
        bias=True, dropout=stored.get("resid_pdrop", 0.1),
    )  # fmt: skip


def _own(stored: Mapping[str, Any], where: str) -> ModelConfig:
    return ModelConfig(**{name: stored[name] for name in ModelConfig.__dataclass_fields__})


def _windows(stored: Mapping[str, Any], where: str) -> WindowConfig:
    parts, (groups, pinned) = _own(stored["parts"], where), (tuple(stored[name]) for name in ("groups", "pinned"))
    return WindowConfig(parts, groups, stored["window"], pinned)


def _refuse(where: str, *choices: tuple[str, Any, Iterable[Any]]) -> None:
    unlike = [name for name, value, ours in choices if value not in ours]
    if unlike:
        raise ModelError(f"{where}: {', '.join(unlike)} as given there can't be read by this version")


def _to_gpt2(config: ModelConfig, state: Mapping[str, Tensor]) -> State:
    out = {f"transformer.{theirs}": state[ours] for ours, theirs in _GPT2_AROUND}
    for i in range(config.layers):
        block, h = f"model.layers.{i}", f"transformer.h.{i}"
        for ours, theirs, turned in _GPT2_BLOCK:
            weight = state[f"{block}.{ours}.weight"]
            out[f"{h}.{theirs}.weight"] = weight.T if turned else weight
            out[f"{h}.{theirs}.bias"] = state[f"{block}.{ours}.bias"]
        parts = [f"{block}.self_attn.{name}" for name in _GPT2_QKV]
        out[f"{h}.attn.c_attn.weight"] = torch.cat([state[f"{part}.weight"].T for part in parts], dim=1)
        out[f"{h}.attn.c_attn.bias"] = torch.cat([state[f"{part}.bias"] for part in parts])
    return out


def _from_gpt2(config: ModelConfig, stored: Mapping[str, Tensor]) -> State:
    bare = {name.removeprefix("transformer."): weight for name, weight in stored.items()}
    out = {ours: bare[theirs] for ours, theirs in _GPT2_AROUND}
    for i in range(config.layers):
        block, h = f"model.layers.{i}", f"h.{i}"
        for ours, theirs, turned in _GPT2_BLOCK:
            weight = bare[f"{h}.{theirs}.weight"]
            out[f"{block}.{ours}.weight"] = weight.T if turned else weight
            out[f"{block}.{ours}.bias"] = bare[f"{h}.{theirs}.bias"]
        weights = bare[f"{h}.attn.c_attn.weight"].T.chunk(3)
        biases = bare[f"{h}.attn.c_attn.bias"].chunk(3)
        for name, weight, bias in zip(_GPT2_QKV, weights, biases, strict=True):
            out[f"{block}.self_attn.{name}.weight"], out[f"{block}.self_attn.{name}.bias"] = weight, bias
    return out
