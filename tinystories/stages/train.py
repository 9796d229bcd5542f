"""Stage 5: train the model on the tokens; what is unfinished lies in .work and is gone on from."""

import hashlib
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import tinystories
from tinystories.errors import TrainingError
from tinystories.files import fingerprint, write_json, write_text
from tinystories.finetuning.story import Tuned, base_config, base_fingerprint, tuned_model
from tinystories.model.card import card
from tinystories.model.config import ModelConfig
from tinystories.model.decoder import Decoder
from tinystories.model.folder import GenerationDefaults, save_model
from tinystories.model.layouts import Config, describe, model_of
from tinystories.model.transformer import Transformer
from tinystories.model.windows import WindowConfig, WindowEncoder
from tinystories.params import BUDGETS, Params
from tinystories.paths import Paths
from tinystories.requests.absorbed import FORMATS
from tinystories.requests.controls import TAG_TOKEN
from tinystories.requests.mixed import Weights, plain
from tinystories.requests.stored import StoredStories
from tinystories.text.tokenizer import StoryTokenizer
from tinystories.training.budget import seconds_per_step, steps_of
from tinystories.training.distributed import leave
from tinystories.training.hardware import prepare
from tinystories.training.loop import OnLog, Trainer, trained_weights
from tinystories.training.order import Order

TUNING = tuple(f"finetuning/{name}.py" for name in ("adapters", "marks", "spelling", "story"))
CODE = ("model", "requests", "training", *TUNING, "stages/train.py")  # what a half-trained model must agree with
SIZES = ("width", "layers", "heads", "ffn", "context")  # of a model that is tuned: its base's, whatever params say


@dataclass(frozen=True)
class Material:
    """All that training starts from."""

    tokenizer: StoryTokenizer
    train: StoredStories
    validation: StoredStories
    model: Config


def run(
    params: Params,
    paths: Paths,
    on_log: OnLog | None = None,
    on_step: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] = lambda message: None,
) -> dict[str, Any]:
    """data/tokens -> models/current; returns the metrics, also written to reports/metrics/train.json.

    on_log(step, values) hears each row of the curve, on_step(step, steps) every step, `say` messages.
    Raises TrainingError when there is nothing to train on or the loss diverges, SystemExit(143) after SIGTERM.
    """
    started = time.monotonic()
    material = _material(params, paths)
    made_from = provenance(params, paths)
    work = paths.work / f"train-{_code_fingerprint(made_from['fingerprint'])}"
    trainer = _trainer(params, paths, material, work, say)
    steps = trainer.resume()
    if steps is None:
        steps = steps_of(params.train, trainer.order, trainer, lambda: time.monotonic() - started)
        if params.train.minutes is not None:
            trainer.say(
                f"{params.train.minutes:g} minutes are {steps} steps here; the equal, repeatable line: steps: {steps}"
            )
            trainer.save(steps)  # the number is frozen, whatever happens next
    trainer.run(steps, on_log, (lambda step: on_step(step, steps)) if on_step else None)
    metrics = _metrics(params, material, trainer, steps)
    whole = trainer.whole_model()
    model = whole.finished() if isinstance(whole, Tuned) else whole
    trainer.group.wait()
    leave()
    if not trainer.group.first:
        return metrics
    _write_curve(paths.curve, trainer.progress.curve)
    facts = _facts(params, material, metrics)
    assert isinstance(model, Transformer | WindowEncoder)
    save_model(
        paths.model, model, material.tokenizer, card=card("TinyStories model", facts), fingerprint=made_from,
        generation=generation_defaults(params), form=params.requests.format,
    )  # fmt: skip
    write_json(paths.train_metrics, metrics)
    shutil.rmtree(work, ignore_errors=True)
    return metrics


def dry_run(params: Params, paths: Paths) -> dict[str, Any]:
    """What training would take: parameters, epochs over the data, steps, memory; minutes, from a few measured steps."""
    material = _material(params, paths)
    trainer = _trainer(params, paths, material, paths.work / "dry-run", lambda message: None)
    batches, tokens = trainer.order.per_epoch()
    seconds = seconds_per_step(trainer)
    minutes = params.train.minutes
    steps = (
        max(1, int(minutes * 60 / seconds)) if minutes else steps_of(params.train, trainer.order, trainer, lambda: 0.0)
    )
    weights = material.model.parameters
    logits = params.train.batch_tokens / params.train.accumulate * material.model.vocab_size
    activations = (
        params.train.batch_tokens
        / params.train.accumulate
        * params.model.layers
        * (12 * params.model.width + 4 * _widest(params.model.ffn))
        * (params.model.window or 1)
    )
    states = 2 if params.train.optimizer == "adamw" else 1.5
    return {
        "parameters": weights,
        "steps": steps,
        "tokens": round(steps * tokens / batches),
        "epochs": round(steps / batches, 2),
        "stories": len(material.train),
        "memory_bytes": round(4 * (weights * (2 + states) + 3 * logits + activations)),
        "seconds_per_step": round(seconds, 4),
        "minutes": float(f"{steps * seconds / 60:.3g}"),
    }


def _material(params: Params, paths: Paths) -> Material:
    tokenizer = StoryTokenizer.load(paths.tokens)
    train = StoredStories(paths.tokens, "train")
    validation = StoredStories(paths.tokens, "validation")
    if not len(train) or not len(validation):
        raise TrainingError(
            f"{paths.tokens}: {len(train)} training and {len(validation)} validation stories; both need at least one"
        )
    tags = tuple(tokenizer.control(token) for token in TAG_TOKEN.values())
    shape: Config = model_config(params, tokenizer.vocab_size, tags)
    if params.finetune.method != "none":
        shape = base_config(_base(params, paths), tokenizer)
    return Material(tokenizer, train, validation, shape)


def _base(params: Params, paths: Paths) -> Path:
    assert params.finetune.base is not None, "params are validated"
    return paths.root / Path(params.finetune.base).expanduser()


def model_config(params: Params, vocab_size: int, tags: tuple[int, ...] = ()) -> Config:
    """The model that params ask for, with as many tokens as the tokenizer has; `tags` are the ids of its tags."""
    m = params.model
    parts = ModelConfig(
        vocab_size, m.width, m.layers, m.heads, _widest(m.ffn), m.context, positions=m.positions, norm=m.norm,
        norm_place=m.norm_place, activation=m.activation, bias=m.bias, tied=m.tied, dropout=m.dropout,
    )  # fmt: skip
    if m.window is None:
        return parts
    groups = (m.ffn,) if isinstance(m.ffn, int) else tuple(m.ffn)
    return WindowConfig(parts, groups, m.window, tags if params.requests.tags == "window" else ())


def generation_defaults(params: Params) -> GenerationDefaults:
    """How the model writes where nothing is asked, for its folder."""
    g = params.generate
    return GenerationDefaults(g.temperature, g.top_k, g.top_p, g.max_tokens, g.eos_after)


def _widest(ffn: int | list[int]) -> int:
    return ffn if isinstance(ffn, int) else max(ffn)


def _shown(ffn: int | list[int]) -> int | str:
    return ffn if isinstance(ffn, int) else ", ".join(map(str, ffn))


def _trainer(params: Params, paths: Paths, material: Material, work: Path, say: Callable[[str], None]) -> Trainer:
    device, precision = prepare(params.train)
    torch.manual_seed(params.seed)
    r, t = params.requests, params.train
    order = Order(
        material.train, material.tokenizer, Weights(r.plain, r.controls, r.between, r.drop),
        material.model.context, t.batch_tokens, params.seed, FORMATS[r.format],
    )  # fmt: skip
    # the same stories each time: by id, which is a hash, so no matter how many others there are
    by_id = sorted(range(len(material.validation)), key=material.validation.story_ids.__getitem__)
    watched = [plain(material.tokenizer, material.validation[i]) for i in by_id[: t.validation_stories]]
    if params.finetune.method == "none":
        model: Decoder = model_of(material.model)
    else:
        model = tuned_model(_base(params, paths), material.tokenizer, params.finetune, params.seed)
    return Trainer(model, order, watched, t, work, device, precision, say)


def provenance(params: Params, paths: Paths) -> dict[str, Any]:
    """What the model follows from: parameters, tokens, tokenizer, package version; and their fingerprint."""
    contents = {
        "seed": params.seed,
        "model": params.model.model_dump(),
        "requests": params.requests.model_dump(),
        "train": params.train.model_dump(),
        "tokens": fingerprint(paths.tokens),
        "tokenizer": fingerprint(paths.tokens / "tokenizer.json"),
        "version": tinystories.__version__,
    }
    if params.finetune.method != "none":
        base = _base(params, paths)
        shape = base_config(base, StoryTokenizer.load(paths.tokens))
        sizes = {name: getattr(shape, name) for name in SIZES}
        tuning = {**params.finetune.model_dump(), "base": base_fingerprint(base)}
        contents |= {"model": params.model.model_dump() | sizes, "finetune": tuning}
    digest = hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()[:16]
    return {"fingerprint": digest, "made_from": contents}


def _code_fingerprint(made_from: str) -> str:
    package = Path(tinystories.__file__).parent
    sources = [
        p
        for name in CODE
        for p in ([package / name] if name.endswith(".py") else sorted((package / name).glob("*.py")))
    ]
    return fingerprint(made_from, *sources)


def _metrics(params: Params, material: Material, trainer: Trainer, steps: int) -> dict[str, Any]:
    progress = trainer.progress
    assert progress.validation is not None, "the last step is always measured"
    tuned = isinstance(trainer.model, Tuned)
    batches, _ = trainer.order.per_epoch()
    given = {name: getattr(params.train, name) for name in BUDGETS if getattr(params.train, name) is not None}
    return {
        "parameters": material.model.parameters,
        **({"trainable_parameters": sum(w.numel() for w in trained_weights(trainer.model).values())} if tuned else {}),
        "stories": len(material.train),
        "steps": steps,
        "tokens": progress.tokens,
        "epochs": round(steps / batches, 3),
        "train_loss": progress.curve[-1]["train_loss"],
        "validation_loss": progress.validation.nats_per_token,
        "validation_nats_per_story": progress.validation.nats_per_story,
        "validation_stories": len(trainer.validation),
        "precision": str(trainer.precision).removeprefix("torch."),
        "optimizer": params.train.optimizer,
        "device": trainer.device.type,
        "threads": torch.get_num_threads(),
        **({"processes": trainer.group.size} if trainer.group.size > 1 else {}),
        "budget": given,
        "budget_line": f"steps: {steps}",
        "reproducible": params.train.minutes is None and trainer.device.type == "cpu",
    }


def _rates(params: Params) -> dict[str, float]:
    """The peak learning rates that the optimiser uses."""
    names = ("lr",) if params.train.optimizer == "adamw" else ("lr_matrices", "lr_embeddings")
    return {name: getattr(params.train, name) for name in names}


def _facts(params: Params, material: Material, metrics: dict[str, Any]) -> dict[str, str | int | float]:
    """For the model card: what is known when training ends."""
    tuned = params.finetune.method != "none"
    m, r = params.model, params.requests
    if tuned and isinstance(material.model, ModelConfig):
        m = m.model_copy(update={name: getattr(material.model, name) for name in SIZES})
    return {
        "architecture": describe(material.model),
        **({"finetuned": f"{params.finetune.method}, from {params.finetune.base}"} if tuned else {}),
        **{"parameters": material.model.parameters, "vocab_size": material.model.vocab_size},
        **{"width": m.width, "layers": m.layers, "heads": m.heads, "ffn": _shown(m.ffn), "context": m.context},
        "training_stories": len(material.train), "validation_stories": len(material.validation),
        "training_tokens": metrics["tokens"],
        **({"format": r.format} if r.format != "mixed" else {}),
        "requests": f"plain {r.plain:g}, controls {r.controls:g}, between sentences {r.between:g}, drop {r.drop:g}",
        **{key: metrics[key] for key in ("steps", "epochs", "precision", "optimizer")},
        "batch_tokens": params.train.batch_tokens, **_rates(params),
        "validation_loss": round(metrics["validation_loss"], 4), "seed": params.seed,
        "reproducible": "yes" if metrics["reproducible"] else "no (a budget in minutes, or not on the CPU)",
    }  # fmt: skip


def _write_curve(path: Path, curve: list[dict[str, Any]]) -> None:
    columns = ("step", "train_loss", "validation_loss", "lr")
    rows = [",".join("" if row[name] is None else f"{row[name]}" for name in columns) for row in curve]
    write_text(path, "\n".join([",".join(columns), *rows]) + "\n")
