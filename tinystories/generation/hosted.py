"""Any causal language model of transformers, asked like our own: GPT-Neo, GPT-NeoX, OPT, Llama with grouped heads, ...

Each row has a key-value cache of its own, in whatever form the architecture keeps one: so no row needs padding, which
every architecture treats otherwise, and rows are run one after the other.
"""

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, cast

import torch
from torch import Tensor

from tinystories.errors import ModelError
from tinystories.files import read_json
from tinystories.generation.chat import form_of
from tinystories.model.folder import CONFIG, FINGERPRINT, GenerationDefaults, LoadedModel, load_model
from tinystories.model.hosted import Hosted, load_hosted
from tinystories.model.layouts import CLASSES, config_from_hub
from tinystories.requests.formats import PLAIN
from tinystories.text.tokenizer import GPT2_END, StoryTokenizer

_PROBE: Final = 8  # tokens that are read at once and in two parts
_HEADER: Final = 8  # bytes of a safetensors file that say how long its header is


class HostedEngine:
    """`model` is one of model.hosted, in fp32."""

    def __init__(self, model: Hosted) -> None:
        self._model = model
        self.context, self.vocab_size = model.config.context, model.config.vocab_size
        self._device = next(model.parameters()).device

    def prefill(self, prompts: Sequence[Sequence[int]], room: int) -> tuple[Tensor, list[Any]]:
        assert min(map(len, prompts)) > 0, "a prompt holds at least a beginning"
        read = [self._read(prompt, None) for prompt in prompts]
        return torch.stack([logits_V for logits_V, _ in read]), [cache for _, cache in read]

    def step(self, ids_B: Tensor, cache: list[Any]) -> Tensor:
        read = [self._read([identity], row) for identity, row in zip(ids_B.tolist(), cache, strict=True)]
        cache[:] = [row for _, row in read]
        return torch.stack([logits_V for logits_V, _ in read])

    def keep(self, cache: list[Any], rows: Sequence[int]) -> list[Any]:
        return [copy.deepcopy(cache[row]) if row in rows[:place] else cache[row] for place, row in enumerate(rows)]

    @torch.inference_mode()
    def _read(self, ids: Sequence[int], cache: Any) -> tuple[Tensor, Any]:
        """Logits (V) after `ids`, which come after what `cache` holds; the cache with them."""
        ids_1T = torch.tensor([list(ids)], device=self._device)
        out = self._model.lm(input_ids=ids_1T, past_key_values=cache, use_cache=True)
        return out.logits[0, -1].float().cpu(), out.past_key_values


def load_any(folder: Path | str, device: str = "cpu") -> LoadedModel:
    """A folder of ours, or one with any causal language model of transformers that can be asked as ours are.

    Raises ModelError, one line, for what is none, or can't be.
    """
    folder = Path(folder)
    if not (folder / CONFIG).is_file() or _is_ours(folder):
        return form_of(load_model(folder, device))
    tokenizer = StoryTokenizer.load(folder)
    _refuse_without_ends(folder, tokenizer)
    model = load_hosted(folder, device)
    _refuse_missing_weights(folder, model)
    _refuse_what_reads_otherwise_in_parts(folder, model)
    if tokenizer.vocab_size > model.config.vocab_size:
        raise ModelError(f"{folder}: its tokenizer has more tokens than the model has rows: copy both from one place")
    made_from = read_json(folder / FINGERPRINT)["fingerprint"] if (folder / FINGERPRINT).is_file() else ""
    # what generation and scoring ask of a config and a model, these have as well
    config, decoder = cast(Any, model.config), cast(Any, model.eval())
    return form_of(LoadedModel(config, decoder, tokenizer, _defaults(folder), folder, made_from, PLAIN))


def _is_ours(folder: Path) -> bool:
    """Whether our decoder computes what config.json says; a damaged config of a kind that it knows is ours to tell."""
    described = read_json(folder / CONFIG)
    if described.get("model_type") not in CLASSES:
        return False
    try:
        config_from_hub(described, str(folder / CONFIG))
    except ModelError as error:
        return "can't be read by this version" not in str(error)
    return True


def _defaults(folder: Path) -> GenerationDefaults:
    file = folder / "generation_config.json"
    stored = read_json(file) if file.is_file() else {}
    known = GenerationDefaults.__dataclass_fields__.keys()
    return GenerationDefaults(**{key: stored[key] for key in known if stored.get(key) is not None})


def _refuse_without_ends(folder: Path, tokenizer: StoryTokenizer) -> None:
    file = folder / "tokenizer_config.json"
    stored = read_json(file) if file.is_file() else {}
    for end in ("bos", "eos"):
        named = stored.get(f"{end}_token") or GPT2_END
        spelled = named["content"] if isinstance(named, dict) else named
        if not tokenizer.knows(f"<{end}>") and not tokenizer.knows(spelled):
            raise ModelError(
                f"{folder}: no token that {'begins' if end == 'bos' else 'ends'} a text ({end}_token in "
                "tokenizer_config.json): fine-tune the model first, which gives it one"
            )


def _refuse_missing_weights(folder: Path, model: Hosted) -> None:
    """transformers fills what a folder lacks with random numbers."""
    stored = sum(_numbers(file) for file in folder.glob("*.safetensors"))
    if stored < model.config.parameters:
        raise ModelError(
            f"{folder}: its files hold {stored:,} of the model's {model.config.parameters:,} weights: copy it again"
        )


def _numbers(file: Path) -> int:
    """How many numbers the tensors of a safetensors file have, by its header."""
    with file.open("rb") as stream:
        header = json.loads(stream.read(int.from_bytes(stream.read(_HEADER), "little")))
    total = 0
    for name, tensor in header.items():
        if name != "__metadata__":
            size = 1
            for length in tensor["shape"]:
                size *= length
            total += size
    return total


def _refuse_what_reads_otherwise_in_parts(folder: Path, model: Hosted) -> None:
    """A model that sees later tokens, or whose cache is no key-value cache, would write other stories than it means."""
    engine = HostedEngine(model)
    ids = [i % model.config.vocab_size for i in range(1, min(_PROBE, model.config.context) + 1)]
    try:
        whole, _ = engine.prefill([ids], 0)
        _, cache = engine.prefill([ids[:-1]], 1)
        parts = engine.step(torch.tensor(ids[-1:]), cache)
    except (TypeError, AttributeError, ValueError, RuntimeError) as error:
        raise ModelError(f"{_kind(folder, model)} can't be read token by token ({_line(error)})") from None
    if not torch.allclose(whole, parts, atol=1e-3, rtol=1e-3):
        raise ModelError(f"{_kind(folder, model)} reads a text otherwise token by token: it can't write stories here")


def _kind(folder: Path, model: Hosted) -> str:
    return f"{folder}: a model of type {model.lm.config.model_type}"


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
