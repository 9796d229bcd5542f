"""`tinystories dataprep` and `tinystories finetune`: options, the old project's config files, what is refused."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.builders import sample
from tinystories.cli import app
from tinystories.commands.configs import DataprepConfig, FinetuneConfig, InferenceConfig, read_config
from tinystories.errors import (
    ModelError,
    ParamsError,
    RequestError,
    SourceError,
    TinyStoriesError,
    TrainingError,
)

DATAPREP = """
ndata = 20
train_fraction = 0.8
split_random_seed = 3
input_name = "{source}"
starter = "<s>"
ender = "</s>"
outname = "{out}"
"""
FINETUNE = """
input_file = "{data}"
lora_peft = true
model_folder = "{out}"
save_per_epoch = true
max_seq_len = 32
model_name = "{base}"
device = "cpu"
"""
INFERENCE = """
output_file = "stories.csv"
lora_peft = true
model_folder = "models/tales"
model_name = "gpt2"
quantized = true
device = "cpu"
starter = "<|startoftext|>"
ender = "<|endoftext|>"
[hyper-parameters]
max_new_tokens = 60
temperature = 0.7
top_k = 50
top_p = 0.9
repetition_penalty = 1.1
length_penalty = 0.5
bad_words = ["war", "gun"]
"""


def run(*arguments: object) -> Any:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if isinstance(done.exception, TinyStoriesError):
        raise done.exception
    assert done.exception is None, done.exception
    return done


def texts(path: Path) -> list[str]:
    with path.open(newline="") as stream:
        return [row["text"] for row in csv.DictReader(stream)]


@pytest.fixture
def stories(tmp_path: Path) -> Path:
    path = tmp_path / "stories.jsonl"
    path.write_text("".join(json.dumps({"story": row["story"]}) + "\n" for row in sample(40)))
    return path


def test_dataprep_draws_texts_by_the_seed_and_parts_them(stories: Path, tmp_path: Path) -> None:
    done = run("dataprep", stories, "--out", tmp_path / "a", "--count", 20, "--train-fraction", 0.8, "--seed", 3)
    assert done.stdout.split() == [str(tmp_path / "a-train.csv"), str(tmp_path / "a-validation.csv")]
    train, validation = texts(tmp_path / "a-train.csv"), texts(tmp_path / "a-validation.csv")
    assert (len(train), len(validation), len({*train, *validation})) == (16, 4, 20)
    known = {f"<|startoftext|> {row['story'].strip()} <|endoftext|>" for row in sample(40)}
    assert {*train, *validation} <= known

    run("dataprep", stories, "--out", tmp_path / "b", "--count", 20, "--train-fraction", 0.8, "--seed", 3)
    assert (tmp_path / "b-train.csv").read_bytes() == (tmp_path / "a-train.csv").read_bytes()
    run("dataprep", stories, "--out", tmp_path / "c", "--count", 20, "--train-fraction", 0.8, "--seed", 4)
    assert texts(tmp_path / "c-train.csv") != train


def test_dataprep_takes_the_sample_where_nothing_is_named(tmp_path: Path) -> None:
    run("dataprep", "--out", tmp_path / "a", "--train-fraction", 1)
    assert len(texts(tmp_path / "a-train.csv")) == 1260
    assert not (tmp_path / "a-validation.csv").exists()


def test_dataprep_takes_the_old_projects_file_as_it_is(stories: Path, tmp_path: Path) -> None:
    config = tmp_path / "dataprep.toml"
    config.write_text(DATAPREP.format(source=stories, out=tmp_path / "old"))
    run("dataprep", "--config", config)
    train = texts(tmp_path / "old-train.csv")
    assert len(train) == 16 and all(text.startswith("<s> ") and text.endswith(" </s>") for text in train)
    run(
        "dataprep", stories, "--out", tmp_path / "typed", "--count", 20, "--train-fraction", 0.8, "--seed", 3,
        "--starter", "<s>", "--ender", "</s>",
    )  # fmt: skip
    for part in ("train", "validation"):  # each key is an option, and says the same
        assert (tmp_path / f"typed-{part}.csv").read_bytes() == (tmp_path / f"old-{part}.csv").read_bytes()
    run("dataprep", "--config", config, "--out", tmp_path / "new", "--count", 10)  # the command line comes first
    assert len(texts(tmp_path / "new-train.csv")) == 8
    config.write_text(config.read_text().replace("ndata = 20", "ndata = -1"))
    run("dataprep", "--config", config)
    assert len(texts(tmp_path / "old-train.csv")) == 32


def test_finetune_takes_the_old_projects_file_as_it_is(gpt2: Path, tales: Path, tmp_path: Path) -> None:
    config = tmp_path / "finetune.toml"
    config.write_text(FINETUNE.format(data=tales, out=tmp_path / "tuned", base=gpt2))
    done = run("finetune", "--config", config, "--epochs", 2, "--threads", 1, "--json")
    metrics = json.loads(done.stdout)
    assert (metrics["method"], metrics["context"], metrics["device"]) == ("lora", 32, "cpu")
    assert (tmp_path / "tuned/epoch-1/config.json").is_file() and (tmp_path / "tuned/adapter").is_dir()


def test_the_files_lora_peft_and_device_say_what_the_options_say(gpt2: Path, tales: Path, tmp_path: Path) -> None:
    config = tmp_path / "finetune.toml"
    text = FINETUNE.format(data=tales, out=tmp_path / "tuned", base=gpt2)
    config.write_text(text.replace("lora_peft = true", "lora_peft = false").replace("save_per_epoch = true", ""))
    asked = ("finetune", "--config", config, "--steps", 1, "--threads", 1, "--json")
    assert json.loads(run(*asked).stdout)["method"] == "full"
    assert json.loads(run(*asked, "--lora", "--out", tmp_path / "lora").stdout)["method"] == "lora"
    config.write_text(text.replace('"cpu"', '"mps"'))  # which a Linux machine never has
    for more in ((), ("--device", "mps")):
        with pytest.raises(TrainingError, match="mps is not available"):
            run(*asked, *more, "--out", tmp_path / "nowhere")
    assert json.loads(run(*asked, "--device", "auto", "--out", tmp_path / "auto").stdout)["device"] in ("cpu", "cuda")


def test_every_option_of_finetune_arrives(gpt2: Path, tales: Path, tmp_path: Path) -> None:
    done = run(
        "finetune", tales, "--base", gpt2, "--out", tmp_path / "out", "--validation", tales, "--rank", 3, "--alpha", 6,
        "--dropout", 0.2, "--steps", 3, "--lr", 0.01, "--batch-tokens", 128, "--max-length", 16, "--seed", 5,
        "--device", "cpu", "--threads", 1, "--starter", "[", "--ender", "]", "--json",
    )  # fmt: skip
    metrics = json.loads(done.stdout)
    assert (metrics["steps"], metrics["rows"], metrics["validation_rows"]) == (3, 8, 8)
    made_from = json.loads((tmp_path / "out/fingerprint.json").read_text())["made_from"]
    asked = made_from["finetune"]
    assert asked["adapter"] == {"rank": 3, "alpha": 6.0, "dropout": 0.2}
    assert (asked["lr"], asked["batch_tokens"], asked["max_length"], asked["seed"]) == (0.01, 128, 16, 5)
    assert (asked["starter"], asked["ender"], asked["full"]) == ("[", "]", False)
    adapter = json.loads((tmp_path / "out/adapter/adapter_config.json").read_text())
    assert (adapter["r"], adapter["lora_alpha"], adapter["lora_dropout"], adapter["fan_in_fan_out"]) == (
        3,
        6,
        0.2,
        True,
    )
    done = run(
        "finetune", tales, "--base", gpt2, "--out", tmp_path / "full", "--full", "--epochs", 1, "--save-per-epoch",
        "--json",
    )  # fmt: skip
    assert json.loads(done.stdout)["method"] == "full" and not (tmp_path / "full/adapter").exists()
    assert [folder.name for folder in (tmp_path / "full").glob("epoch-*")] == ["epoch-1"]


def test_the_inference_files_keys_are_known(tmp_path: Path) -> None:
    (tmp_path / "inference.toml").write_text(INFERENCE)
    config = read_config(tmp_path / "inference.toml", InferenceConfig)
    assert config.hyper_parameters.bad_words == ["war", "gun"] and config.quantized


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (DataprepConfig, "ndat = 3\nseeds = 4", "unknown keys: ndat, seeds; this file takes ndata, train_fraction"),
        (FinetuneConfig, "epochs = 3", "unknown keys: epochs; this file takes input_file, lora_peft"),
        (InferenceConfig, "[hyper-parameters]\ntop_q = 1", "unknown keys: hyper-parameters.top_q"),
        (FinetuneConfig, 'device = "tpu"', "device: Input should be"),
        (FinetuneConfig, "device = ", "is not TOML"),
    ],
)
def test_a_wrong_config_is_one_line(kind: Any, text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(ParamsError) as caught:
        read_config(tmp_path / "a.toml", kind)
    assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["dataprep"], RequestError, "say where to"),
        (["dataprep", "nowhere.txt", "--out", "a"], SourceError, "nowhere.txt"),
        (["dataprep", "--out", "a", "--count", "0"], RequestError, "at least 1"),
        (["dataprep", "--out", "a", "--train-fraction", "1.5"], RequestError, "at most 1"),
        (["finetune"], RequestError, "finetune needs a CSV, --base, --out"),
        (["finetune", "nowhere.csv", "--base", "b", "--out", "o"], SourceError, "type `tinystories dataprep`"),
        (["finetune", "CSV", "--base", "b", "--out", "o", "--max-length", "0"], RequestError, "max-length"),
        (["finetune", "CSV", "--base", "b", "--out", "o", "--epochs", "0"], RequestError, "epochs"),
        (["finetune", "CSV", "--base", "b", "--out", "o", "--lr", "-1"], RequestError, "lr"),
        (["finetune", "CSV", "--base", "b", "--out", "o", "--device", "tpu"], RequestError, "device"),
        (["finetune", "CSV", "--base", "./nowhere", "--out", "o"], ModelError, "no folder ./nowhere"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    arguments: list[str], error: type[Exception], message: str, tales: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error) as caught:
        run(*[str(tales) if argument == "CSV" else argument for argument in arguments])
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_dataprep_loads_no_torch(root: Path, tmp_path: Path) -> None:
    program = f"""
import sys
from tinystories.cli import app
try:
    app(["dataprep", "--out", {str(tmp_path / "a")!r}])
except SystemExit as end:
    assert end.code in (0, None)
assert "torch" not in sys.modules and "transformers" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
