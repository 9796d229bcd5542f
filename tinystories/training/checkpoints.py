"""Work in progress: a folder a checkpoint, written aside and renamed, so it is whole or not there."""

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from tinystories.errors import TrainingError
from tinystories.files import read_json, write_json

_NAME = re.compile(r"step-(\d{8})")


@dataclass(frozen=True)
class Checkpoint:
    weights: Mapping[str, Tensor]
    optimiser: Mapping[str, Tensor]
    state: Mapping[str, Any]


def save_checkpoint(folder: Path, step: int, checkpoint: Checkpoint, keep: int) -> Path:
    """Write `folder`/step-N and remove all but the newest `keep`. Raises TrainingError when the disk is full."""
    final = folder / f"step-{step:08d}"
    aside = folder / f".{final.name}.{os.getpid()}.tmp"
    try:
        aside.mkdir(parents=True, exist_ok=True)
        save_file(
            {n: t.detach().cpu().contiguous() for n, t in checkpoint.weights.items()}, aside / "model.safetensors"
        )
        save_file(dict(checkpoint.optimiser), aside / "optimiser.safetensors")
        write_json(aside / "state.json", checkpoint.state)
        for file in aside.iterdir():
            with file.open("rb") as stream:
                os.fsync(stream.fileno())
        if final.exists():
            shutil.rmtree(final)
        aside.rename(final)
    except (OSError, SafetensorError) as error:  # safetensors' own class says that a disk is full
        shutil.rmtree(aside, ignore_errors=True)
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise TrainingError(f"can't write checkpoint {final} ({reason}): free some space and start again") from None
    for old in complete_checkpoints(folder)[:-keep]:
        shutil.rmtree(old)
    return final


def complete_checkpoints(folder: Path) -> list[Path]:
    """All whole checkpoints, oldest first."""
    return sorted(p for p in folder.glob("step-*") if _NAME.fullmatch(p.name))


def load_newest(folder: Path, tidy: bool = True) -> Checkpoint | None:
    """The newest checkpoint; None when there is none. If `tidy`, what an interrupted save left is removed."""
    for unfinished in folder.glob(".step-*.tmp") if tidy else ():
        shutil.rmtree(unfinished)
    found = complete_checkpoints(folder)
    if not found:
        return None
    newest = found[-1]
    return Checkpoint(
        load_file(newest / "model.safetensors"),
        load_file(newest / "optimiser.safetensors"),
        read_json(newest / "state.json"),
    )
