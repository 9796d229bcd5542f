"""Fine-tuning: a base, rows of text or chat, and the training loop that everything here is trained by."""

import hashlib
import json
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import tinystories
from tinystories.errors import ModelError, SourceError, TrainingError
from tinystories.files import fingerprint
from tinystories.finetuning.adapters import AdapterSettings, trainable_parameters
from tinystories.finetuning.bases import Base, load_base
from tinystories.finetuning.folder import write_folder
from tinystories.finetuning.marks import add_marks, make_room
from tinystories.finetuning.rows import Row, encode, read_rows
from tinystories.finetuning.spelling import ENDER, STARTER
from tinystories.finetuning.story import adapt, base_fingerprint
from tinystories.params import TrainParams
from tinystories.requests.example import Example, windows
from tinystories.text.tokenizer import StoryTokenizer
from tinystories.training.hardware import prepare
from tinystories.training.loop import Trainer
from tinystories.training.order import Walk

Device = Literal["auto", "cpu", "cuda", "mps"]
HELD_OUT = 20  # without a file of its own, every so many-th row (by hash) is watched and not learned from
CHECKPOINT_EVERY = 50  # steps
WATCHED = 200  # rows measured before, in and after training at most


@dataclass(frozen=True)
class TuneSettings:
    """How to fine-tune.

    full: all weights learn, else an adapter. epochs: passes over the rows; steps, where given, comes first.
    batch_tokens: positions of a step. lr: peak learning rate of AdamW; null = 1e-3 for LoRA, 5e-5 for full.
    max_length: tokens that are learned from at once, -1 = those of the longest row; longer rows are read in
        windows. save_per_epoch: a whole model folder after each epoch, OUT/epoch-N.
    starter, ender: what stands around each text in the file.
    """

    full: bool = False
    adapter: AdapterSettings = field(default_factory=AdapterSettings)
    epochs: float = 3.0
    steps: int | None = None
    batch_tokens: int = 4096
    lr: float | None = None
    max_length: int = -1
    save_per_epoch: bool = False
    seed: int = 1
    device: Device = "auto"
    threads: int | None = None
    starter: str = STARTER
    ender: str = ENDER

    @property
    def rate(self) -> float:
        return self.lr if self.lr is not None else 5e-5 if self.full else 1e-3


@dataclass(frozen=True)
class Examples(Walk):
    """Fixed examples in a new order each epoch, long ones in windows."""

    examples_: Sequence[Example]
    context: int
    batch_tokens: int
    seed: int

    @property
    def count(self) -> int:
        return len(self.examples_)

    def pieces(self, i: int, epoch: int) -> list[Example]:
        return windows(self.examples_[i], self.context + 1)  # a row holds all but the last token


def finetune(
    data: Path,
    base: str,
    out: Path,
    settings: TuneSettings,
    validation: Path | None = None,
    say: Callable[[str], None] = lambda message: None,
    on_step: Callable[[int, int], None] = lambda step, steps: None,
) -> dict[str, Any]:
    """Fine-tune `base` on `data` into the model folder `out`; returns what it took and what it brought.

    Typed again after an interruption it goes on where it was. Raises ModelError for a base that can't be read
    and an `out` that is taken, SourceError for data without text, TrainingError where there is nothing to
    train on, SystemExit(143) after SIGTERM.
    """
    _refuse_taken(out, base)
    params = _train_params(settings)
    device, precision = prepare(params)
    learned, watched = split_rows(data, validation, settings, say)
    start = load_base(base)
    marks = add_marks(start.tokenizer, settings.starter, settings.ender, chat=not isinstance(learned[0], str))
    tokenizer = StoryTokenizer.copy_of(start.tokenizer.backend_tokenizer)
    examples, held_out = encode(learned, tokenizer, marks), encode(watched, tokenizer, marks)
    context = _context(examples, settings.max_length, start.model.config.context, say)
    made_from = _provenance(data, validation, start, settings)
    model = adapt(make_room(start.model, marks.new).lm, settings.full, settings.adapter, marks.new, settings.seed)
    walk = Examples(examples, context, settings.batch_tokens, settings.seed)
    work = out / ".work" / made_from["fingerprint"]
    tuner = Trainer(model, walk, held_out, params, work, device, precision, say)
    before = tuner.validate()
    per_epoch, _ = walk.per_epoch()
    steps = tuner.resume() or settings.steps or max(1, round(settings.epochs * per_epoch))

    def write(folder: Path, epoch: float) -> None:
        write_folder(folder, model.finished_lm(), start, marks, model.adapted, {**made_from, "epochs": round(epoch, 3)})

    def after_step(step: int) -> None:
        on_step(step, steps)
        epoch = int(step / per_epoch + 1e-9)
        if settings.save_per_epoch and step == math.ceil(epoch * per_epoch - 1e-9) and epoch:
            write(out / f"epoch-{epoch}", epoch)
            model.to(device)
            say(f"epoch {epoch}: saved {out / f'epoch-{epoch}'}")

    tuner.run(steps, on_step=after_step)
    write(out, steps / per_epoch)
    shutil.rmtree(out / ".work", ignore_errors=True)
    curve, after = tuner.progress.curve, tuner.progress.validation
    assert after is not None, "the last step is measured"
    return {
        "base": base, "out": str(out), "method": "full" if settings.full else "lora",
        "parameters": start.model.config.parameters, "trainable_parameters": trainable_parameters(model),
        "new_tokens": len(marks.new), "rows": len(examples), "validation_rows": len(held_out), "context": context,
        "steps": steps, "epochs": round(steps / per_epoch, 3), "train_loss": curve[-1]["train_loss"],
        "validation_loss_before": before.nats_per_token, "validation_loss": after.nats_per_token, "device": device.type,
    }  # fmt: skip


def split_rows(
    data: Path, validation: Path | None, settings: TuneSettings, say: Callable[[str], None]
) -> tuple[list[Row], list[Row]]:
    """Rows to learn from, and rows to watch: of their own file, or every twentieth by hash."""
    rows = read_rows(data, settings.starter, settings.ender)
    if validation is not None:
        watched = read_rows(validation, settings.starter, settings.ender)
    else:
        drawn = [int(hashlib.sha256(repr(row).encode()).hexdigest(), 16) for row in rows]
        chosen = [i for i, draw in enumerate(drawn) if draw % HELD_OUT == 0]
        chosen = chosen or [min(range(len(rows)), key=drawn.__getitem__)]
        watched, apart = [rows[i] for i in chosen], set(chosen)
        rows = [row for i, row in enumerate(rows) if i not in apart]
        say(f"{len(watched)} of the rows are held out to measure on; --validation FILE names others")
    if not rows:
        raise TrainingError(f"{data}: one row is too few to learn from and to measure on; give more")
    if len({isinstance(row, str) for row in (*rows, *watched)}) > 1:
        raise SourceError(f"{validation}: texts on one side and chat on the other; both files have to be of one kind")
    return rows, watched[:WATCHED]


def _context(examples: Sequence[Example], wanted: int, positions: int, say: Callable[[str], None]) -> int:
    longest = max(map(len, examples)) - 1  # a row holds all but the last token
    context = longest if wanted == -1 else wanted
    if context > positions:
        say(f"length {context} is beyond the model's {positions} positions: longer rows are read in windows of those")
    return min(context, positions)


def _refuse_taken(out: Path, base: str) -> None:
    if (out / "config.json").exists():
        raise ModelError(f"{out} already holds a model: name another folder, or remove it")
    if out.exists() and not out.is_dir():
        raise ModelError(f"{out} is a file: name a folder")


def _provenance(data: Path, validation: Path | None, base: Base, settings: TuneSettings) -> dict[str, Any]:
    """What the model follows from, and its fingerprint; `threads` change no more than the last digits."""
    contents = {
        "base": base_fingerprint(base.folder),
        "data": fingerprint(data), "validation": fingerprint(validation) if validation else None,
        "finetune": asdict(settings), "version": tinystories.__version__,
    }  # fmt: skip
    digest = hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()[:16]
    return {"fingerprint": digest, "made_from": {**contents, "base_name": base.folder.resolve().name}}


def _train_params(settings: TuneSettings) -> TrainParams:
    return TrainParams(
        steps=settings.steps, epochs=None if settings.steps else settings.epochs, tokens=None, minutes=None,
        batch_tokens=settings.batch_tokens, accumulate=1, parallel="ddp", optimizer="adamw", lr=settings.rate,
        lr_matrices=settings.rate, lr_embeddings=settings.rate, weight_decay=0.0, warmup=0.05, schedule="cosine",
        clip=1.0, precision="auto", compile=False, device=settings.device, threads=settings.threads, validate_every=100,
        validation_stories=WATCHED, checkpoint_every=CHECKPOINT_EVERY, keep_checkpoints=1,
    )  # fmt: skip
