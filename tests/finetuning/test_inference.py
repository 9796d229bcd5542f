"""The old project's inference: its TOML file and its options, through `tinystories generate`."""

import csv
import json
from pathlib import Path

import pytest

from tests.finetuning.test_commands import INFERENCE, run
from tinystories import StoryModel
from tinystories.errors import RequestError, TrainingError


@pytest.fixture
def config(gpt2: Path, tmp_path: Path) -> Path:
    path = tmp_path / "inference.toml"
    text = INFERENCE.replace('"models/tales"', f'"{gpt2}"').replace('"stories.csv"', f'"{tmp_path / "stories.csv"}"')
    path.write_text(text)
    return path


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_file_with_q_n_and_rnd_writes_a_csv(config: Path, tmp_path: Path) -> None:
    done = run("generate", "--config", config, "-q", "The cat", "-n", 3, "-rnd", 5)
    assert done.stdout == "" and "length_penalty is of beam search" in done.stderr
    told = rows(tmp_path / "stories.csv")
    assert len(told) == 3 and all(row["text"].startswith("The cat") for row in told)
    asked = json.loads(told[0]["request"])
    expected = {
        "prompt": "The cat", "max_tokens": 60, "temperature": 0.7, "top_k": 50, "top_p": 0.9,
        "repetition_penalty": 1.1, "avoid": ["war", "gun"], "seed": 5,
    }  # fmt: skip
    assert {key: asked[key] for key in expected} == expected
    assert [json.loads(row["request"])["index"] for row in told] == [0, 1, 2]
    assert all(json.loads(row["met"])["prompt"] for row in told)


def test_the_files_quantized_and_device_say_how_the_model_is_run(config: Path, gpt2: Path, tmp_path: Path) -> None:
    def nats(*more: object) -> list[str]:
        run("generate", "The cat", "--config", config, "--max-tokens", 8, "-n", 2, *more)
        return [row["nats"] for row in rows(tmp_path / "stories.csv")]

    text = config.read_text()
    in_int8 = nats()
    config.write_text(text.replace("quantized = true", "quantized = false"))
    assert nats("--quantized") == in_int8 != nats()
    config.write_text(text.replace('device = "cpu"', 'device = "auto"').replace("quantized = true", ""))
    assert nats()
    config.write_text(text.replace('device = "cpu"', 'device = "mps"'))
    with pytest.raises(TrainingError, match="mps is not available"):
        nats()


def test_what_the_folder_knows_already_may_stand_in_the_file_and_changes_nothing(config: Path, tmp_path: Path) -> None:
    def told() -> bytes:
        run("generate", "The cat", "--config", config, "--max-tokens", 8)
        return (tmp_path / "stories.csv").read_bytes()

    before = told()
    known = ("lora_peft", "model_name", "starter", "ender")
    lines = [line for line in config.read_text().splitlines() if not line.startswith(known)]
    config.write_text("\n".join(lines))
    assert told() == before and len(lines) < len(INFERENCE.strip().splitlines())


def test_many_requests_too_are_answered_in_int8(gpt2: Path, tmp_path: Path) -> None:
    asked = tmp_path / "asked.jsonl"
    asked.write_text('{"prompt": "The cat", "max_tokens": 8}\n')

    def nats(*options: object) -> float:
        return float(json.loads(run("generate", *options, "--model", gpt2, "--json").stdout)["nats"])

    one = ("The cat", "--max-tokens", 8)
    in_int8 = nats(*one, "--quantized")
    assert nats("--requests", asked, "--quantized") == pytest.approx(in_int8, abs=1e-5)
    assert nats("--requests", asked) == pytest.approx(nats(*one), abs=1e-5) != pytest.approx(in_int8, abs=1e-5)


def test_the_command_line_comes_before_the_file(config: Path, gpt2: Path, tmp_path: Path) -> None:
    out = tmp_path / "other.csv"
    run(
        "generate",
        "The dog",
        "--config",
        config,
        "--temperature",
        0.2,
        "--max-tokens",
        4,
        "--out",
        out,
        "--model",
        gpt2,
    )
    [row] = rows(out)
    asked = json.loads(row["request"])
    assert (asked["temperature"], asked["max_tokens"], asked["top_k"]) == (0.2, 4, 50)
    assert not (tmp_path / "stories.csv").exists()


def test_with_beams_the_files_length_penalty_holds(config: Path, tmp_path: Path) -> None:
    text = config.read_text()
    for line in ("temperature = 0.7", "top_k = 50", "top_p = 0.9", "repetition_penalty = 1.1"):
        text = text.replace(line, "")
    config.write_text(text)
    run("generate", "The cat", "--config", config, "--beams", 2, "--max-tokens", 5)
    [row] = rows(tmp_path / "stories.csv")
    assert json.loads(row["request"])["length_penalty"] == 0.5


def test_quantized_writes_stories_of_a_model_in_int8(gpt2: Path) -> None:
    done = run("generate", "The cat", "--model", gpt2, "--quantized", "--json", "--max-tokens", 12, "-n", 2)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == 2 and all(story["text"].startswith("The cat") for story in told)
    exact = StoryModel.load(gpt2).score(["The cat slept. Tom was glad."])[0].nats
    assert StoryModel.load(gpt2, quantized=True).score(["The cat slept. Tom was glad."])[0].nats == pytest.approx(
        exact, rel=0.01
    )


def test_what_contradicts_itself_is_told(gpt2: Path, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="PROMPT and -q both"):
        run("generate", "One", "-q", "Two", "--model", gpt2)
    with pytest.raises(RequestError, match="--stream prints"):
        run("generate", "One", "--stream", "--out", tmp_path / "a.csv", "--model", gpt2)
    with pytest.raises(RequestError, match=r"ends with \.csv"):
        run("generate", "One", "--out", tmp_path / "a.txt", "--model", gpt2)
