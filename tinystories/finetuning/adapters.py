"""Low-rank adapters (LoRA, arXiv:2106.09685) by peft: where they go, how they are kept, how they become one with
the model."""

import copy
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from tinystories.errors import ModelError
from tinystories.files import read_json, write_json
from tinystories.model.hosted import Hosted


@dataclass(frozen=True)
class AdapterSettings:
    """The update of a matrix W is B A alpha / rank, A (rank, in) and B (out, rank); dropout is on what A reads."""

    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.05


def targets_of(lm: Any) -> tuple[list[str], bool]:
    """Names of all matrices inside the blocks, and whether they stand as (in, out), as GPT-2's Conv1D has them.

    Found from the architecture: every linear map except the head. Raises ModelError where there is none.
    """
    from transformers.pytorch_utils import Conv1D

    head = lm.get_output_embeddings()
    found = {
        name.rsplit(".", maxsplit=1)[-1]: isinstance(module, Conv1D)
        for name, module in lm.named_modules()
        if isinstance(module, nn.Linear | Conv1D) and module is not head
    }
    if not found or len(set(found.values())) > 1:
        raise ModelError(f"a {lm.config.model_type} model has no matrices that LoRA is known to fit: use --full")
    return sorted(found), any(found.values())


def attach(lm: Any, settings: AdapterSettings, new_tokens: Sequence[int] = ()) -> Any:
    """peft's model around `lm`, which gets adapters in place; nothing else than these and the rows of `new_tokens`
    has a gradient. Where embedding and head are one matrix, they stay one."""
    from peft import LoraConfig, get_peft_model

    targets, stands_in_out = targets_of(lm)
    config = LoraConfig(
        task_type="CAUSAL_LM", r=settings.rank, lora_alpha=settings.alpha, lora_dropout=settings.dropout,
        target_modules=targets, fan_in_fan_out=stands_in_out, bias="none",
        trainable_token_indices=_rows(lm, new_tokens),
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers by a name that will change
        return get_peft_model(lm, config)


def trainable_parameters(model: nn.Module) -> int:
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


def training_memory(model: nn.Module) -> int:
    """Bytes of all weights in fp32, and of gradient and AdamW's two moments of those that learn; activations apart."""
    return 4 * (sum(weight.numel() for weight in model.parameters()) + 3 * trainable_parameters(model))


def merged(adapted: Any) -> Any:
    """A copy of the model with the adapters' updates inside its matrices, and no trace of peft."""
    return copy.deepcopy(adapted).merge_and_unload()


def save_adapter(adapted: Any, folder: Path, base: str) -> None:
    """`folder` in peft's layout: adapter_config.json, adapter_model.safetensors; the same adapter, the same bytes."""
    for config in adapted.peft_config.values():
        config.base_model_name_or_path = base
    # embeddings are never an adapter's here; peft would ask the hub whether the base's vocabulary has changed
    adapted.save_pretrained(folder, safe_serialization=True, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # peft's form to fill in
    stored = read_json(folder / "adapter_config.json")
    # peft keeps names in sets, whose order differs from run to run
    write_json(
        folder / "adapter_config.json",
        {key: sorted(value) if key.endswith("_modules") and value else value for key, value in stored.items()},
    )


def hosted(adapted: Any) -> Hosted:
    """The adapted model behind our decoder's methods."""
    return Hosted(adapted.get_base_model())


def _rows(lm: Any, tokens: Sequence[int]) -> dict[str, list[int]] | None:
    """Which rows of which matrices learn: of the embedding, and of the head where it is a matrix of its own."""
    if not tokens:
        return None
    embedding, head = lm.get_input_embeddings(), lm.get_output_embeddings()
    own_head = head.weight is not embedding.weight
    names = {module: name.rsplit(".", maxsplit=1)[-1] for name, module in lm.named_modules()}
    return {names[module]: list(tokens) for module in ([embedding, head] if own_head else [embedding])}
