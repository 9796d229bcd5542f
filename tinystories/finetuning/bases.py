"""The model that fine-tuning starts from: a folder, a model of this project's MLflow, or a name on the hub."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import tinystories
from tinystories.errors import ModelError
from tinystories.model.hosted import Hosted, be_quiet, load_hosted, one_line

ADDRESSES: Final = ("runs:/", "models:/")
_TIMEOUT: Final = 20.0  # seconds to wait for the hub's answer
_FILES: Final = [
    "config.json", "generation_config.json", "model*.safetensors", "model.safetensors.index.json",
    "tokenizer*", "vocab.json", "merges.txt", "special_tokens_map.json", "chat_template.jinja",
]  # fmt: skip
_TOKENIZERS: Final = ("tokenizer.json", "vocab.json", "tokenizer.model", "spiece.model")


@dataclass(frozen=True)
class Base:
    """model in evaluation mode; tokenizer as transformers has it."""

    folder: Path
    model: Hosted
    tokenizer: Any


def load_base(name: str, device: str = "cpu") -> Base:
    """The base called `name`, on `device`. Raises ModelError, one line, that says how to get one."""
    folder = base_folder(name)
    model = load_hosted(folder, device)
    return Base(folder, model, load_tokenizer(folder))


def base_folder(name: str) -> Path:
    """Where the base lies; a name on the hub is fetched, or found in the hub's cache."""
    if name.startswith(ADDRESSES):
        return tinystories.fetch(name)
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelError(f"no model in {folder}: a base is a folder with config.json and model.safetensors")
        return folder
    if name.startswith((".", "/", "~")) or name.count("/") > 1 or folder.exists():
        raise ModelError(f"no folder {name}: name a model folder, or a model of the hub such as distilgpt2")
    return _from_hub(name)


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a base, as transformers has it. Raises ModelError where it is missing or of no fast kind."""
    be_quiet()
    from transformers import AutoTokenizer

    if not any((folder / name).is_file() for name in _TOKENIZERS):  # transformers would make up an empty one
        raise ModelError(f"{folder} has no tokenizer: copy tokenizer.json, or vocab.json and merges.txt, there too")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{folder} has no tokenizer that transformers can read ({one_line(error)}): copy the folder again"
        ) from None
    if not tokenizer.is_fast:
        raise ModelError(f"{folder} has a tokenizer without tokenizer.json, which this version can't use")
    return tokenizer


def _from_hub(name: str) -> Path:
    be_quiet()
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HTTPError  # type: ignore[attr-defined]  # of its HTTP library

    unreachable = ""
    try:
        HfApi().model_info(name, timeout=_TIMEOUT)  # fails at once where a download would try again and again
    except HfHubHTTPError as error:
        raise ModelError(f"{name}: the hub refuses it ({one_line(error)}); check the spelling") from None
    except (HTTPError, OSError, ValueError) as error:
        unreachable = one_line(error)
    try:
        return Path(snapshot_download(name, allow_patterns=_FILES, local_files_only=bool(unreachable)))
    except (HfHubHTTPError, HTTPError, OSError, ValueError) as error:
        short = name.rsplit("/", maxsplit=1)[-1]
        raise ModelError(
            f"{name} is no folder here, and the hub can't be reached for it ({unreachable or one_line(error)}): on a "
            f"machine with a network type `hf download {name} --local-dir models/{short}`, bring that folder here "
            f"and say --base models/{short}"
        ) from None
