"""The folder that fine-tuning writes: a whole model that loads everywhere, and the adapter beside it."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tinystories.files import read_json, write_json, write_text
from tinystories.finetuning.adapters import save_adapter
from tinystories.finetuning.bases import Base
from tinystories.finetuning.marks import Marks, name_marks
from tinystories.model.folder import GenerationDefaults

ADAPTER: Final = "adapter"
_TOKENIZER: Final = ("tokenizer.json", "tokenizer_config.json")

_CARD: Final = """\
---
library_name: transformers
pipeline_tag: text-generation
tags: [tinystories, fine-tuned]
---

# {name}

{base} fine-tuned by `tinystories finetune` ({method}). The folder holds the whole model{adapter}. What it was made
from, with all settings, is in fingerprint.json.

```sh
tinystories generate --model FOLDER "A beginning"
```

It knows what its base knew and what its data added, with the limits of both; the base's licence holds for it too.
"""


def write_folder(
    folder: Path, lm: Any, base: Base, marks: Marks, adapted: Any | None, made_from: Mapping[str, Any]
) -> None:
    """Write `lm`, merged and on the CPU, with its tokenizer; config.json comes last, as the sign that all is there."""
    aside = folder / ".writing"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    name_marks(lm.config, marks)
    stored = _generation_config(base.folder, marks)
    lm.generation_config = type(lm.generation_config)()
    lm.save_pretrained(aside, safe_serialization=True)
    _write_tokenizer(aside, base, marks)
    write_json(aside / "generation_config.json", stored)
    write_json(aside / "fingerprint.json", made_from)
    method = "all its weights" if adapted is None else "LoRA, merged"
    note = "" if adapted is None else "; the adapter alone is in adapter/"
    write_text(
        aside / "README.md",
        _CARD.format(name=folder.name, base=base.folder.resolve().name, method=method, adapter=note),
    )
    if adapted is not None:
        shutil.rmtree(folder / ADAPTER, ignore_errors=True)
        save_adapter(adapted, folder / ADAPTER, base.folder.resolve().name)
    for file in sorted(aside.iterdir(), key=lambda file: file.name == "config.json"):
        file.replace(folder / file.name)
    aside.rmdir()


def _write_tokenizer(aside: Path, base: Base, marks: Marks) -> None:
    """The base's own files where nothing was added, so that they stay what they are."""
    if not marks.new and all((base.folder / name).is_file() for name in _TOKENIZER):
        for name in _TOKENIZER:
            shutil.copy(base.folder / name, aside / name)
        return
    base.tokenizer.save_pretrained(aside)


def _generation_config(folder: Path, marks: Marks) -> dict[str, Any]:
    """How the base is sampled, where its folder says so; else our defaults. And the marks."""
    file = folder / "generation_config.json"
    stored = read_json(file) if file.is_file() else {}
    known = {key: stored[key] for key in GenerationDefaults.__dataclass_fields__ if stored.get(key) is not None}
    ids = {"bos_token_id": marks.begin, "eos_token_id": marks.end, "pad_token_id": marks.pad}
    return {**GenerationDefaults().to_json(), **known, **ids, "do_sample": True}
