"""Any causal language model of transformers behind the methods of our own decoder.

Fine-tuning, scoring and generation ask a model for `hidden`, `head` and its context, and so they run
GPT-2, Llama, Mistral, Qwen, ... alike. Our own folders load here too: they are stock Llama folders.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from torch import Tensor

from tinystories.errors import ModelError
from tinystories.model.decoder import Decoder

_PROBE = 8  # tokens of the check that states and head give the model's own logits


@dataclass(frozen=True)
class HostedConfig:
    vocab_size: int
    context: int
    parameters: int


class Hosted(Decoder):
    """`lm` is an instance of a class that AutoModelForCausalLM knows; peft may have put adapters into it."""

    config: HostedConfig

    def __init__(self, lm: Any) -> None:
        super().__init__()
        self.lm = lm
        self.config = HostedConfig(
            vocab_size=int(lm.get_input_embeddings().weight.shape[0]),
            context=positions(lm.config),
            parameters=sum(weight.numel() for weight in lm.parameters()),
        )

    def hidden(self, ids_BT: Tensor) -> Tensor:
        out: Tensor = self.lm.base_model(input_ids=ids_BT, use_cache=False).last_hidden_state
        return out

    def head(self, x_BTD: Tensor) -> Tensor:
        out: Tensor = self.lm.get_output_embeddings()(x_BTD)
        return out

    def forward(self, ids_BT: Tensor) -> Tensor:
        return self.head(self.hidden(ids_BT))


def positions(config: Any) -> int:
    """How many positions a model of this transformers config has. Raises ModelError where the config doesn't say."""
    for name in ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length"):
        value = getattr(config, name, None)
        if isinstance(value, int) and value > 0:
            return value
    raise ModelError(f"a {config.model_type} model whose config.json does not say how many positions it has")


def load_hosted(folder: Path, device: str = "cpu") -> Hosted:
    """The model in `folder`, in fp32 and evaluation mode; nothing is fetched and no code of the folder is run.

    Raises ModelError for a folder that holds no causal language model with weights in safetensors, or
    one that does something to its logits after the head.
    """
    be_quiet()
    from transformers import AutoModelForCausalLM

    try:
        lm = AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, trust_remote_code=False, dtype=torch.float32
        )
    except (OSError, ValueError, KeyError, SafetensorError, RuntimeError, json.JSONDecodeError) as error:
        raise ModelError(
            f"{folder} can't be read as a causal language model of transformers ({one_line(error)}); "
            "it takes config.json, model.safetensors and the tokenizer's files"
        ) from None
    hosted = Hosted(cast(Any, lm).eval())
    _refuse_other_logits(hosted, folder)
    return hosted.to(device)


@torch.inference_mode()
def _refuse_other_logits(hosted: Hosted, folder: Path) -> None:
    """A soft cap or a scale after the head would be left out by whoever asks for states and head."""
    ids_BT = torch.arange(min(_PROBE, hosted.config.vocab_size))[None]
    own = hosted.lm(input_ids=ids_BT, use_cache=False).logits
    if not torch.allclose(hosted(ids_BT), own, atol=1e-4, rtol=1e-4):
        raise ModelError(
            f"{folder}: models of type {hosted.lm.config.model_type} change their logits after the head "
            "(a cap or a scale), which is not supported here"
        )


def be_quiet() -> None:
    """No telemetry, no bars over our messages. Has to come before transformers is imported."""
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def one_line(error: BaseException) -> str:
    """The first line of an error's message, shortened."""
    return (" ".join(str(error).strip().splitlines()[:1]) or type(error).__name__)[:200]
