"""Fine-tuning from end to end on tiny bases: what is learned, what is kept, what is written."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.finetuning.conftest import TALES
from tinystories import StoryModel
from tinystories.errors import ModelError, SourceError, TrainingError
from tinystories.finetuning import tune
from tinystories.finetuning.adapters import AdapterSettings
from tinystories.finetuning.rows import write_rows
from tinystories.finetuning.tune import TuneSettings, finetune
from tinystories.model.hosted import load_hosted

QUICK = TuneSettings(steps=4, batch_tokens=256, threads=1, adapter=AdapterSettings(rank=2, dropout=0.1))
LEARN = TuneSettings(full=True, steps=150, batch_tokens=512, lr=1e-2, threads=1)


@pytest.fixture(scope="module")
def learned(gpt2: Path, tales: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A GPT-2 that has really learned the eight tales."""
    out = tmp_path_factory.mktemp("tuned") / "tales"
    return out, finetune(tales, str(gpt2), out, LEARN, validation=tales)


def test_a_tuned_model_writes_what_it_learned_and_stops_by_itself(learned: tuple[Path, dict[str, Any]]) -> None:
    out, metrics = learned
    assert metrics["validation_loss"] < 0.4 * metrics["validation_loss_before"]
    model = StoryModel.load(out)
    for start, tale in (("The cat", TALES[0]), ("The fox", TALES[4])):
        [story] = model.generate(prompt=start, temperature=0)
        assert (story.text, story.stopped) == (tale, "eos")
    assert all(story.stopped == "eos" and story.text in TALES for story in model.generate(count=5, top_k=1, seed=2))


def test_the_folder_loads_in_transformers_and_names_its_marks(learned: tuple[Path, dict[str, Any]]) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    out, metrics = learned
    tokenizer, lm = AutoTokenizer.from_pretrained(out), AutoModelForCausalLM.from_pretrained(out)
    assert len({tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token}) == 3
    assert metrics["new_tokens"] == 2
    ids = tokenizer(f"{tokenizer.bos_token}The cat", return_tensors="pt").input_ids
    said = tokenizer.decode(lm.generate(ids, do_sample=False, max_new_tokens=30)[0], skip_special_tokens=True)
    assert said == TALES[0]
    names = {file.name for file in out.iterdir()}
    assert {"config.json", "model.safetensors", "README.md", "fingerprint.json", "generation_config.json"} <= names
    assert ".work" not in names and not [name for name in names if name.endswith((".bin", ".pt", ".pkl"))]


@pytest.mark.parametrize("kind", ["gpt2", "ours"])
def test_lora_is_the_base_and_its_adapter(kind: str, gpt2: Path, ours: Path, tales: Path, tmp_path: Path) -> None:
    base = {"gpt2": gpt2, "ours": ours}[kind]
    metrics = finetune(tales, str(base), tmp_path / "out", replace(QUICK, steps=30, lr=1e-2), validation=tales)
    assert metrics["validation_loss"] < metrics["validation_loss_before"]
    assert metrics["trainable_parameters"] < metrics["parameters"] / 5
    adapter = (tmp_path / "out/adapter/adapter_model.safetensors").stat().st_size
    assert adapter < (tmp_path / "out/model.safetensors").stat().st_size / 2
    before, after = load_file(base / "model.safetensors"), load_file(tmp_path / "out/model.safetensors")
    same = [name for name, weight in before.items() if torch.equal(weight, after[name][: len(weight)])]
    assert {name for name in before if "norm" in name or "ln_" in name or name.endswith("bias")} <= set(same)
    story = StoryModel.load(tmp_path / "out").generate(prompt="The cat", max_tokens=4)[0]
    assert story.text.startswith("The cat")


def test_our_own_base_stays_a_model_of_ours(ours: Path, tales: Path, tmp_path: Path) -> None:
    """Its tokenizer is the base's byte for byte, and tags and sentences can still be asked for."""
    finetune(tales, str(ours), tmp_path / "out", QUICK)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (tmp_path / "out" / name).read_bytes() == (ours / name).read_bytes()
    [story] = StoryModel.load(tmp_path / "out").generate(first="Tom ran.", last="All was well.", max_tokens=5)
    assert story.met == {"first": True, "last": True}


def test_the_same_inputs_give_the_same_bytes_and_going_on_equals_not_having_stopped(
    gpt2: Path, tales: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(name: str, stop_after: int | None = None) -> Path:
        def on_step(step: int, steps: int) -> None:
            if step == stop_after:
                raise KeyboardInterrupt

        finetune(tales, str(gpt2), tmp_path / name, QUICK, on_step=on_step)
        return tmp_path / name

    whole = run("whole")
    monkeypatch.setattr(tune, "CHECKPOINT_EVERY", 2)
    with pytest.raises(KeyboardInterrupt):
        run("again", stop_after=3)
    said: list[str] = []
    finetune(tales, str(gpt2), tmp_path / "again", QUICK, say=said.append)
    assert "resumed from step 2" in said
    for name in ("model.safetensors", "adapter/adapter_model.safetensors", "config.json", "fingerprint.json"):
        assert (tmp_path / "again" / name).read_bytes() == (whole / name).read_bytes(), name


def test_a_model_is_saved_after_each_epoch(gpt2: Path, tales: Path, tmp_path: Path) -> None:
    settings = replace(QUICK, steps=None, epochs=2, batch_tokens=64, save_per_epoch=True)
    metrics = finetune(tales, str(gpt2), tmp_path / "out", settings)
    first, second = load_hosted(tmp_path / "out/epoch-1"), load_hosted(tmp_path / "out/epoch-2")
    last = load_hosted(tmp_path / "out")
    ids_BT = torch.arange(9)[None]
    assert metrics["epochs"] == 2
    assert torch.equal(second(ids_BT), last(ids_BT)) and not torch.equal(first(ids_BT), last(ids_BT))
    assert json.loads((tmp_path / "out/epoch-1/fingerprint.json").read_text())["epochs"] == 1


@pytest.mark.parametrize(("asked", "context"), [(-1, None), (16, 16), (500, 64)])
def test_length_is_the_datas_or_what_is_asked_and_never_beyond_the_models_positions(
    asked: int, context: int | None, gpt2: Path, tales: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    metrics = finetune(tales, str(gpt2), tmp_path / "out", replace(QUICK, steps=1, max_length=asked), say=said.append)
    assert metrics["context"] == context or (context is None and 8 < metrics["context"] < 40)
    clamped = [message for message in said if "beyond the model's 64 positions" in message]
    assert len(clamped) == (asked == 500)


def test_rows_longer_than_the_length_are_read_in_windows_and_lose_nothing(gpt2: Path, tales: Path) -> None:
    learned, _ = tune.split_rows(tales, tales, QUICK, lambda message: None)
    from tinystories.finetuning.bases import load_base
    from tinystories.finetuning.marks import add_marks
    from tinystories.finetuning.rows import encode
    from tinystories.text.tokenizer import StoryTokenizer

    base = load_base(str(gpt2))
    marks = add_marks(base.tokenizer)
    examples = encode(learned, StoryTokenizer.copy_of(base.tokenizer.backend_tokenizer), marks)
    walk = tune.Examples(examples, context=6, batch_tokens=64, seed=1)
    pieces = walk.examples(0, 0)
    assert max(map(len, pieces)) <= 7
    assert sum(piece.targets for piece in pieces) == sum(example.targets for example in examples)


def test_chat_teaches_the_assistant_to_answer_and_to_stop(ours: Path, chat: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    out = tmp_path / "out"
    metrics = finetune(chat, str(ours), out, replace(LEARN, steps=120), validation=chat)
    assert metrics["new_tokens"] == 3
    tokenizer, lm = AutoTokenizer.from_pretrained(out), AutoModelForCausalLM.from_pretrained(out)
    messages = [{"role": "user", "content": "Who sang."}]
    ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=False)
    answer = lm.generate(ids, do_sample=False, max_new_tokens=40)[0, ids.shape[1] :].tolist()
    assert answer[-1] == tokenizer.eos_token_id
    assert tokenizer.decode(answer, skip_special_tokens=True) == TALES[2]


def test_rows_are_held_out_by_what_they_say(gpt2: Path, tmp_path: Path) -> None:
    rows = [f"Tale number {i}." for i in range(200)]
    write_rows(tmp_path / "a.csv", rows)
    write_rows(tmp_path / "b.csv", rows[::-1])
    one = tune.split_rows(tmp_path / "a.csv", None, QUICK, print)
    other = tune.split_rows(tmp_path / "b.csv", None, QUICK, print)
    assert set(one[1]) == set(other[1]) and not set(one[0]) & set(one[1])
    assert 3 <= len(one[1]) <= 20  # binomial, mean 10, standard deviation 3


def test_what_cannot_be_done_is_told_before_anything_is_trained(
    gpt2: Path, ours: Path, tales: Path, chat: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="already holds a model"):
        finetune(tales, str(gpt2), ours, QUICK)
    with pytest.raises(ModelError, match="already holds a model"):
        finetune(tales, str(gpt2), gpt2, QUICK)
    with pytest.raises(SourceError, match="texts on one side and chat on the other"):
        finetune(tales, str(gpt2), tmp_path / "out", QUICK, validation=chat)
    write_rows(tmp_path / "one.csv", ["Alone."])
    with pytest.raises(TrainingError, match="one row is too few"):
        finetune(tmp_path / "one.csv", str(gpt2), tmp_path / "out", QUICK)
    assert not (tmp_path / "out/config.json").exists()
