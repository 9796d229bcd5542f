"""Checkpoints are whole or not there."""

from pathlib import Path

import pytest
import torch

from tinystories.errors import TrainingError
from tinystories.training import checkpoints
from tinystories.training.checkpoints import Checkpoint, complete_checkpoints, load_newest, save_checkpoint


def checkpoint(step: int) -> Checkpoint:
    return Checkpoint({"w": torch.full((3,), float(step))}, {"w/step": torch.tensor(float(step))}, {"step": step})


def test_the_newest_ones_are_kept_and_the_newest_is_loaded(tmp_path: Path) -> None:
    for step in (5, 10, 100):
        save_checkpoint(tmp_path, step, checkpoint(step), keep=2)
    assert [p.name for p in complete_checkpoints(tmp_path)] == ["step-00000010", "step-00000100"]
    loaded = load_newest(tmp_path)
    assert loaded is not None and loaded.state == {"step": 100}
    assert loaded.weights["w"].tolist() == [100.0] * 3 and loaded.optimiser["w/step"].item() == 100.0


def test_what_an_interrupted_save_left_is_neither_loaded_nor_kept(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 5, checkpoint(5), keep=2)
    unfinished = tmp_path / ".step-00000010.123.tmp"
    unfinished.mkdir()
    (unfinished / "model.safetensors").write_bytes(b"half")
    loaded = load_newest(tmp_path)
    assert loaded is not None and loaded.state == {"step": 5}
    assert not unfinished.exists()


def test_nothing_there_is_no_checkpoint(tmp_path: Path) -> None:
    assert load_newest(tmp_path) is None


def test_a_full_disk_is_one_clear_line_and_the_last_checkpoint_stays_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_checkpoint(tmp_path, 5, checkpoint(5), keep=1)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "save_file", full)
    with pytest.raises(TrainingError, match="No space left on device"):
        save_checkpoint(tmp_path, 10, checkpoint(10), keep=1)
    loaded = load_newest(tmp_path)
    assert loaded is not None and loaded.state == {"step": 5}
    assert [p.name for p in tmp_path.iterdir()] == ["step-00000005"]
