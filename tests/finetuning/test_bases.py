"""Where a base may be, and what is said where there is none."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tinystories.errors import ModelError
from tinystories.finetuning.bases import base_folder, load_base

NAMES = ("distilgpt2", "gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl")


def offline(program: str, root: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(cache), "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=cache, env=env, capture_output=True, text=True, check=False)


def test_offline_a_name_of_the_hub_is_one_line_that_says_how_to_get_it(root: Path, tmp_path: Path) -> None:
    program = f"""
from tinystories.errors import ModelError
from tinystories.finetuning.bases import base_folder
for name in {NAMES!r}:
    try:
        base_folder(name)
    except ModelError as error:
        print(error)
"""
    lines = offline(program, root, tmp_path).stdout.splitlines()
    assert len(lines) == len(NAMES)
    for name, line in zip(NAMES, lines, strict=True):
        assert line.startswith(f"{name} is no folder here, and the hub can't be reached for it")
        assert f"`hf download {name} --local-dir models/{name}`" in line and f"--base models/{name}" in line


def test_a_base_in_the_hubs_cache_is_found_offline(gpt2: Path, root: Path, tmp_path: Path) -> None:
    snapshot = tmp_path / "hub/models--distilgpt2/snapshots" / ("0" * 40)
    shutil.copytree(gpt2, snapshot)
    (tmp_path / "hub/models--distilgpt2/refs").mkdir()
    (tmp_path / "hub/models--distilgpt2/refs/main").write_text("0" * 40)
    program = "from tinystories.finetuning.bases import load_base; print(load_base('distilgpt2').model.config.context)"
    done = offline(program, root, tmp_path)
    assert done.stdout == "64\n", done.stderr


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere", "a/b/c"])
def test_a_folder_that_is_not_there_is_told(name: str) -> None:
    with pytest.raises(ModelError, match="no folder"):
        base_folder(name)


def test_a_folder_without_a_model_or_a_tokenizer_is_told(gpt2: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model in"):
        base_folder(str(tmp_path))
    for name in ("config.json", "model.safetensors"):
        shutil.copy(gpt2 / name, tmp_path)
    with pytest.raises(ModelError, match="tokenizer"):
        load_base(str(tmp_path))


def test_gpt2s_older_layout_without_tokenizer_json_is_read(gpt2: Path, tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors"):
        shutil.copy(gpt2 / name, tmp_path)
    model = json.loads((gpt2 / "tokenizer.json").read_text())["model"]
    vocabulary = {**model["vocab"], "<|endoftext|>": model["vocab"].get("<|endoftext|>", 0)}
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary))
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    (tmp_path / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    base = load_base(str(tmp_path))
    assert base.tokenizer.eos_token == "<|endoftext|>"
    assert base.tokenizer.decode(base.tokenizer("The cat slept.").input_ids) == "The cat slept."
