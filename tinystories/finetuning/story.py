"""Fine-tuning inside the pipeline: a base in training, and the model of ours that comes out of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from tinystories.errors import ModelError
from tinystories.files import fingerprint, read_json
from tinystories.finetuning.adapters import AdapterSettings, attach, merged
from tinystories.finetuning.marks import make_room
from tinystories.model.config import ModelConfig
from tinystories.model.hosted import Hosted, load_hosted
from tinystories.model.layouts import config_from_hub, from_disk, layout_of
from tinystories.model.transformer import Transformer
from tinystories.params import FinetuneParams
from tinystories.text.tokenizer import StoryTokenizer


class Tuned(Hosted):
    """A base with adapters in it; `adapted` is peft's model around it, None where all weights learn."""

    def __init__(self, lm: Any, adapted: Any | None) -> None:
        super().__init__(lm)
        self._adapted = (adapted,)  # in a tuple: its weights are those of `lm`, and stand there once

    @property
    def adapted(self) -> Any | None:
        return self._adapted[0]

    def finished_lm(self) -> Any:
        """The model as transformers has it, adapters merged, on the CPU; what trains stays as it is."""
        return merged(self.adapted).to("cpu") if self.adapted is not None else self.lm.to("cpu")

    def finished(self) -> Transformer:
        """The same as a model of ours. The base must be one that `base_config` takes."""
        lm = self.finished_lm()
        config = config_from_hub(lm.config.to_dict(), lm.config.model_type)
        assert isinstance(config, ModelConfig), "asked by base_config"
        model = Transformer(config)
        state = {name: weight for name, weight in lm.state_dict().items() if name != "lm_head.weight" or _untied(lm)}
        model.load_state_dict(from_disk(config, state))
        return model.eval()


def adapt(lm: Any, full: bool, settings: AdapterSettings, new_tokens: tuple[int, ...], seed: int) -> Tuned:
    """What is to be trained: all of `lm`, or adapters in it and the rows of new tokens."""
    torch.manual_seed(seed)
    if full:
        lm.requires_grad_(True)
        return Tuned(lm, None)
    adapted = attach(lm, settings, new_tokens)
    return Tuned(adapted.get_base_model(), adapted)


def tuned_model(folder: Path, tokenizer: StoryTokenizer, params: FinetuneParams, seed: int) -> Tuned:
    """The base in `folder` with room for the controls that only `tokenizer` has, ready to be trained."""
    model = load_hosted(folder)
    known = StoryTokenizer.load(folder).vocab_size
    new = tuple(range(known, tokenizer.vocab_size))
    settings = AdapterSettings(params.rank, params.alpha, params.dropout)
    return adapt(make_room(model, new).lm, params.method == "full", settings, new, seed)


def base_config(folder: Path, tokenizer: StoryTokenizer) -> ModelConfig:
    """The base as one of our own decoders, with room for the tokenizer. Raises ModelError where there is none."""
    file = folder / "config.json"
    if not file.is_file():
        raise ModelError(
            f"finetune.base: no model in {folder}: `cp -r models/current models/base` keeps the current model as a "
            "base (models/current itself is what train writes anew)"
        )
    config = config_from_hub(read_json(file), str(file))
    if not isinstance(config, ModelConfig) or layout_of(config) == "tinystories":
        raise ModelError(
            f"finetune.base: {folder} is neither a Llama nor a GPT-2, and can't be tuned: name another base"
        )
    return replace(config, vocab_size=max(config.vocab_size, tokenizer.vocab_size))


def base_fingerprint(folder: Path) -> str:
    """Of what a base is: its shape and its weights."""
    return fingerprint(folder / "config.json", *sorted(folder.glob("*.safetensors")))


def _untied(lm: Any) -> bool:
    return lm.get_output_embeddings().weight is not lm.get_input_embeddings().weight
