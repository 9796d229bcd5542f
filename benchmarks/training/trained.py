"""Trainings for the tables of quality.py and scaling.py: each finished one is kept as a line of JSON and not repeated.

A budget in minutes becomes steps by the configuration's seconds a step, the least of three measurements, which are kept
as well. So other load on the machine, or another machine, changes how long a training takes and little or nothing of
its result; the seconds it really took stand beside. To have something measured again, remove its line from
trained.jsonl.

All budgets of a configuration share one path: `train.schedule: linear` holds the rate and lets it fall over the second
half, and the warmup is equally many steps for all, so a training of 10 minutes goes on from where the one of 5 minutes
let its rate fall. That is byte for byte what `tinystories train` makes of the line's `set` in one go.
"""

import json
import math
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from benchmarks.pages import machine
from benchmarks.presets.compare import prepare
from tinystories.evaluation.likelihood import likelihood, score
from tinystories.files import fingerprint, read_json, write_json, write_text
from tinystories.params import BUDGETS, Params, load_params
from tinystories.paths import Paths
from tinystories.requests.absorbed import FORMATS
from tinystories.requests.mixed import Weights
from tinystories.requests.stored import StoredStories
from tinystories.stages import extract, split, tokenize, validate
from tinystories.stages import train as train_stage
from tinystories.training.budget import seconds_per_step
from tinystories.training.checkpoints import complete_checkpoints
from tinystories.training.loop import Trainer
from tinystories.training.loss import sequence_nats

ROOT: Final = Path(__file__).resolve().parents[2]
WORK: Final = ROOT / ".work/trained"
KEPT: Final = Path(__file__).with_name("trained.jsonl")
WARMUP: Final = 20  # steps, whatever the budget
SAVE_EVERY: Final = 200  # steps
TEST_STORIES: Final = 1000
FIXED: Final = (
    "preset=story", "scale=laptop", "train.schedule=linear",
    "train.validation_stories=100", "train.validate_every=1000000", "train.checkpoint_every=1000000",
)  # fmt: skip
Line = Mapping[str, Any]


@dataclass(frozen=True)
class Recipe:
    """A row of a table: its name, and what it says otherwise than params.yaml with `scale: laptop`."""

    name: str
    overrides: tuple[str, ...] = ()

    def params(self, *budget: str) -> Params:
        return load_params(ROOT, [*FIXED, *self.overrides, *(budget or ("train.steps=1000",))])


def usual_batch() -> int:
    """Tokens of a step at scale laptop."""
    return Recipe("").params().train.batch_tokens


def project_of(stories: Path) -> Paths:
    """A project in .work with the tokens of `stories`, a file or a folder; made once."""
    project = Paths(WORK / "project")
    params = load_params(ROOT, [*FIXED, "train.steps=1", "source.kind=files", f"source.path={stories.resolve()}"])
    sections = {"partitions", "clean", "validate_", "tokenize"}
    asked = {"stories": fingerprint(stories), "params": params.model_dump(include=sections)}
    done = project.root / "prepared.json"
    if not (done.is_file() and read_json(done) == asked):
        prepare(project.root)
        for stage in (extract, validate, split, tokenize):
            stage.run(params, project)
        write_json(done, asked)
    return project


class Trained:
    """What has been trained on one project's tokens."""

    def __init__(self, project: Paths, kept: Path = KEPT, work: Path = WORK, test_stories: int = TEST_STORIES) -> None:
        self.project, self.kept, self.work, self.test_stories = project, kept, work, test_stories
        # all texts, but not their tags: those move with every label that the tagger learns from, and the results hardly
        self.data = fingerprint(*sorted(project.tokens.glob("*.ids.npy")), project.tokens / "tokenizer.json")

    def lines(self) -> list[Line]:
        """All that is kept of trainings and measurements on these tokens."""
        text = self.kept.read_text(encoding="utf-8") if self.kept.is_file() else ""
        return [line for line in map(json.loads, text.splitlines()) if line["data"] == self.data]

    def budgets(self, recipe: Recipe) -> dict[float, Line]:
        """The finished trainings of `recipe`, by their minutes."""
        key = self.key(recipe)
        return {x["minutes"]: x for x in self.lines() if (x["kind"], x["key"]) == ("training", key)}

    def key(self, recipe: Recipe) -> str:
        """What the training follows from, its budget and its warmup apart."""
        params = recipe.params()
        settings = params.train.model_dump(exclude={*BUDGETS, "warmup", "validate_every", "checkpoint_every"})
        parts = [params.seed, params.model.model_dump(), params.requests.model_dump(), settings]
        return fingerprint(self.data, json.dumps(parts, sort_keys=True))

    def speed(self, recipe: Recipe) -> Line:
        """Seconds a step; measured once, on all cores, on whatever machine that was."""
        key = self.key(recipe)
        line = next((x for x in self.lines() if (x["kind"], x["key"]) == ("speed", key)), None)
        if line is None:
            say(f"{recipe.name}: seconds a step")
            trainer, _ = self._trainer(recipe.params(), self.work / "speed")
            began = time.perf_counter()
            each = [seconds_per_step(trainer) for _ in range(3)]
            took = {"seconds_per_step": min(each), "each": each, "seconds": time.perf_counter() - began}
            line = self._keep("speed", recipe, took | {"parameters": _parameters(trainer)})
        return line

    def train(self, recipe: Recipe, minutes: float) -> Line:
        """The line of `recipe` trained for `minutes`, from file if it is there."""
        if (done := self.budgets(recipe).get(minutes)) is not None:
            return done
        speed = self.speed(recipe)
        seconds = float(speed["seconds_per_step"])
        steps = round(minutes * 60 / seconds)
        if steps <= 2 * WARMUP:
            raise SystemExit(f"{recipe.name}: {minutes:g} minutes are {steps} steps here; take more than {2 * WARMUP}")
        say(f"{recipe.name}: {minutes:g} minutes, {steps} steps")
        overrides = (f"train.steps={steps}", f"train.warmup={WARMUP / steps}")
        params = recipe.params(*overrides)
        trainer, material = self._trainer(params, self.work / self.key(recipe) / f"{steps}")
        took = self._follow(trainer, steps, self.work / self.key(recipe) / "constant")
        validation = trainer.progress.validation
        assert validation is not None
        values = {
                "minutes": minutes, "steps": steps, "seconds": took, "seconds_per_step": seconds,
                "timed_on": speed["machine"], "parameters": _parameters(trainer), "tokens": trainer.progress.tokens,
                "batch_tokens": params.train.batch_tokens, "train_tokens": _text_tokens(material),
                "set": [*FIXED[:3], *recipe.overrides, *overrides],
                "validation_loss": validation.nats_per_token, **self._measures(trainer, material, params),
            }  # fmt: skip
        line = self._keep("training", recipe, values)
        shutil.rmtree(trainer.checkpoints.parent)
        return line

    def _trainer(self, params: Params, work: Path) -> tuple[Trainer, train_stage.Material]:
        torch.compiler.reset()  # or the ninth model in one process would silently run uncompiled
        material = train_stage._material(params, self.project)
        return train_stage._trainer(params, self.project, material, work, say), material

    def _follow(self, trainer: Trainer, steps: int, constant: Path) -> float | None:
        """Train to the end from wherever the nearest checkpoint is; seconds in all, if all were counted.

        Where the rate begins to fall, a copy is put into `constant` for longer budgets to go on from.
        """
        falls = WARMUP + (steps - WARMUP) // 2
        if not complete_checkpoints(trainer.checkpoints):
            for start in [c for c in complete_checkpoints(constant) if int(c.name[5:]) <= falls][-1:]:
                _copy(start, trainer.checkpoints / start.name)
        trainer.resume()
        before = _clock(trainer)
        began = time.perf_counter() - (before or 0.0)

        def save() -> None:
            trainer.save(steps)
            if before is not None:
                write_json(_newest(trainer) / "seconds.json", {"seconds": time.perf_counter() - began})

        def after(step: int) -> None:
            if step == falls or step % SAVE_EVERY == 0:
                save()
            if step == falls:
                _copy(_newest(trainer), constant / _newest(trainer).name)

        try:
            trainer.run(steps, on_step=after)
        except SystemExit:  # a signal: saved, and to be gone on from
            save()
            raise
        return None if before is None else time.perf_counter() - began

    def _measures(self, trainer: Trainer, material: train_stage.Material, params: Params) -> dict[str, float | None]:
        """Bits per byte on the test stories, in the plain form and, if the model knows it, with all controls given."""
        stored = StoredStories(self.project.tokens, "test")
        order = sorted(range(len(stored)), key=stored.story_ids.__getitem__)
        stories = [stored[i] for i in order[: self.test_stories]]
        context = material.model.context
        plain = likelihood(score(trainer.model, material.tokenizer, stories, context), params.evaluate.bootstrap)
        found = {name: plain[name] for name in ("stories", "bits_per_byte", "nats_per_story", "nats_per_token")}
        if params.requests.controls == 0:
            return found | {"bits_per_byte_given_controls": None}
        form, given = FORMATS[params.requests.format], Weights(plain=0, controls=1, between=0, drop=0)
        examples = [
            form.draw(material.tokenizer, story, given, context + 1, np.random.default_rng(i))
            for i, story in enumerate(stories)
        ]
        nats = math.fsum(s.nats for s in sequence_nats(trainer.model, examples, context))
        return found | {"bits_per_byte_given_controls": nats / math.log(2) / sum(story.bytes for story in stories)}

    def _keep(self, kind: str, recipe: Recipe, values: Line) -> Line:
        about = {"kind": kind, "key": self.key(recipe), "data": self.data, "recipe": recipe.name}
        here = f"{machine()}, torch {torch.__version__}"
        where = {"commit": commit(), "machine": here, "date": f"{date.today():%Y-%m-%d}"}
        line = {**about, **values, **where}
        before = self.kept.read_text(encoding="utf-8") if self.kept.is_file() else ""
        write_text(self.kept, before + json.dumps(line, allow_nan=False) + "\n")
        return line


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def numbers(text: str) -> list[float]:
    """Of an option: "1,2.5" as numbers."""
    return [float(part) for part in text.split(",")]


def markdown(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *body))


def commit() -> str:
    """This checkout's commit, with a + if files that git tracks differ from it."""
    git = ("git", "-C", str(ROOT))
    try:
        name = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout
        changed = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return name.strip() + ("+" if changed.stdout.strip() else "")


def about(lines: Sequence[Line]) -> str:
    """Of which machine the minutes are, and when and from which code they were trained."""
    trained = [line for line in lines if line["kind"] == "training"]
    timed, day, code = (", ".join(sorted({str(x[name]) for x in trained})) for name in ("timed_on", "date", "commit"))
    return f"{trained[0]['stories']:,} test stories; minutes of {timed}; trained {day} from {code}"


def _parameters(trainer: Trainer) -> int:
    return sum(weight.numel() for weight in trainer.model.parameters())


def _text_tokens(material: train_stage.Material) -> int:
    return sum(len(story.first) + len(story.middle) + len(story.last) for story in material.train)


def _newest(trainer: Trainer) -> Path:
    return complete_checkpoints(trainer.checkpoints)[-1]


def _clock(trainer: Trainer) -> float | None:
    """Seconds that went into the newest checkpoint; None where a kill lost count of them."""
    found = complete_checkpoints(trainer.checkpoints)
    if not found:
        return 0.0
    clock = found[-1] / "seconds.json"
    return float(read_json(clock)["seconds"]) if clock.is_file() else None


def _copy(checkpoint: Path, to: Path) -> None:
    if not to.exists():
        aside = to.with_name(f".{to.name}.tmp")
        shutil.rmtree(aside, ignore_errors=True)
        shutil.copytree(checkpoint, aside)
        aside.rename(to)
