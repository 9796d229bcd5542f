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
from tinystories.model.layouts import Config, config_from_hub, from_disk, hub_config, model_of, to_disk
from tinystories.model.transformer import Transformer
from tinystories.model.windows import WindowEncoder
from tinystories.requests.absorbed import FORMATS
from tinystories.requests.controls import BOS, EOS, PAD, STORY
from tinystories.requests.formats import MIXED, PLAIN, Format
from tinystories.text.tokenizer import StoryTokenizer

CONFIG: Final = "config.json"
WEIGHTS: Final = "model.safetensors"
FINGERPRINT: Final = "fingerprint.json"
FORM: Final = "request_format"  # of config.json
_ENDS: Final = (("bos", BOS), ("eos", EOS), ("pad", PAD))


@dataclass(frozen=True)
class GenerationDefaults:
    """How stories are sampled unless a request says otherwise. eos_after: see generation.requests; null = not."""

    temperature: float = 0.8
    top_k: int = 0
    top_p: float = 0.95
    max_new_tokens: int = 480
    eos_after: int | None = None

    def to_json(self) -> dict[str, Any]:
        """What generation_config.json says of it; nothing that transformers has no name for, unless it is used."""
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class LoadedModel:
    config: Config
    model: Transformer | WindowEncoder
    tokenizer: StoryTokenizer
    generation: GenerationDefaults
    folder: Path
    fingerprint: str
    form: Format = MIXED


def save_model(
    folder: Path,
    model: Transformer | WindowEncoder,
    tokenizer: StoryTokenizer,
    *,
    card: str,
    fingerprint: Mapping[str, Any],
    generation: GenerationDefaults | None = None,
    form: str = MIXED.name,
) -> None:
    """Write the whole folder; weights as fp32. config.json comes last, as the sign that the rest is there.

    `fingerprint` says what the model was made from, with a key "fingerprint"; `form` names the format of requests
    that it was trained in, and stands in config.json where it is not the mixed one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).unlink(missing_ok=True)
    state = to_disk(model.config, model.state_dict())
    weights = {name: t.detach().to("cpu", torch.float32).contiguous() for name, t in state.items()}
    with atomic(folder / WEIGHTS) as temporary:
        save_file(weights, temporary, metadata={"format": "pt"})
    tokenizer.save(folder / "tokenizer.json")
    write_json(folder / "tokenizer_config.json", _tokenizer_config(model.config, tokenizer))
    settings = (generation or GenerationDefaults()).to_json()
    ids = {f"{name}_token_id": tokenizer.control(token) for name, token in _ENDS}
    write_json(folder / "generation_config.json", {**settings, **ids, "do_sample": True})
    write_json(folder / FINGERPRINT, fingerprint)
    write_text(folder / "README.md", card)
    told = {} if form == MIXED.name else {FORM: form}
    write_json(folder / CONFIG, {**hub_config(model.config, ids), **told})


def load_model(folder: Path | str, device: str = "cpu") -> LoadedModel:
    """Read a model folder, ready to use (fp32, evaluation mode): ours, or Llama or GPT-2 as transformers has them.

    Raises ModelError when there is none, when it is damaged or of a kind not known here.
    """
    folder = Path(folder)
    if not (folder / CONFIG).is_file():
        raise ModelError(f"no model in {folder}: type `make repro` to train one, or name a model folder with --model")
    described = read_json(folder / CONFIG)
    config = config_from_hub(described, str(folder / CONFIG))
    tokenizer = StoryTokenizer.load(folder)
    model = model_of(config)
    try:
        model.load_state_dict(from_disk(config, load_file(folder / WEIGHTS)))
    except (OSError, SafetensorError, RuntimeError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{folder / WEIGHTS} does not hold this model's weights ({reason}): train or copy it again"
        ) from None
    known = set(GenerationDefaults.__dataclass_fields__)
    stored = read_json(folder / "generation_config.json") if (folder / "generation_config.json").is_file() else {}
    generation = GenerationDefaults(**{key: value for key, value in stored.items() if key in known})
    made_from = read_json(folder / FINGERPRINT)["fingerprint"] if (folder / FINGERPRINT).is_file() else ""
    form = described.get(FORM, MIXED.name if tokenizer.knows(STORY) else PLAIN.name)
    if form not in FORMATS:
        raise ModelError(
            f"{folder / CONFIG}: {FORM} {form!r} is not known here; this version reads {', '.join(FORMATS)}"
        )
    return LoadedModel(config, model.to(device).eval(), tokenizer, generation, folder, made_from, FORMATS[form])


def _tokenizer_config(config: Config, tokenizer: StoryTokenizer) -> dict[str, Any]:
    names = {f"{name}_token": tokenizer.token(tokenizer.control(token)) for name, token in _ENDS}
    return {
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": config.context, **names,
        "clean_up_tokenization_spaces": False,
    }  # fmt: skip
