"""The training loop, in plain sight: draw, forward, backward, step; validate, save, stop when asked."""

import copy
import math
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import nn

from tinystories.errors import TrainingError
from tinystories.model.decoder import Decoder
from tinystories.params import TrainParams
from tinystories.requests.example import Example
from tinystories.training.batches import Batch
from tinystories.training.checkpoints import Checkpoint, complete_checkpoints, load_newest, save_checkpoint
from tinystories.training.distributed import exchanging, join, local, spread, spread_as, whole
from tinystories.training.loss import sequence_nats
from tinystories.training.objective import Objective
from tinystories.training.optimiser import Optimiser, rate_at
from tinystories.training.order import Place, Walk

OnLog = Callable[[int, dict[str, float]], None]
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
LOG_EVERY = 10  # steps: a row of the curve, and the interval over which train_loss is averaged


@dataclass(frozen=True)
class Validation:
    """Cross-entropy on the validation stories: plain form, fp32."""

    nats_per_token: float
    nats_per_story: float


@dataclass
class Progress:
    """How far training is; all of it goes into a checkpoint."""

    step: int = 0
    tokens: int = 0  # input positions read, padding not counted
    place: Place = field(default_factory=Place)
    curve: list[dict[str, float | int | None]] = field(default_factory=list)
    nats: float = 0.0  # since the last row of the curve
    targets: int = 0
    validation: Validation | None = None  # the last one

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Progress":
        measured = state["validation"]
        validation = None if measured is None else Validation(**measured)
        return cls(**{**state, "place": Place(**state["place"]), "validation": validation})


class Trainer:
    """One model in training: `run` takes it from where the work folder left it to the last step."""

    def __init__(
        self,
        model: Decoder,
        order: Walk,
        validation: Sequence[Example],
        params: TrainParams,
        work: Path,
        device: torch.device,
        precision: torch.dtype,
        say: Callable[[str], None],
    ) -> None:
        self.model, self.order, self.validation, self.params = model.to(device), order, validation, params
        self.checkpoints, self.device, self.precision = work / "checkpoints", device, precision
        self.group = join(device)
        self.say = say if self.group.first else _silent
        sharded = self.group.size > 1 and params.parallel == "fsdp"
        self._twin = copy.deepcopy(model) if sharded else None
        objective = Objective(model, precision, params.compile and not sharded)
        self.objective = spread(objective, params.parallel, self.group)
        self.optimiser = Optimiser(model, params)
        self.progress = Progress()
        self._received: list[int] = []
        self._stop: int | None = None

    def resume(self) -> int | None:
        """Go on from the newest checkpoint; its number of steps in all, or None when there is none."""
        saved = load_newest(self.checkpoints, tidy=self.group.first)
        step = -1 if saved is None else int(saved.state["progress"]["step"])
        self.group.agree(step, f"the processes see different checkpoints: put {self.checkpoints} on a shared disk")
        if saved is None:
            return None
        trained = trained_weights(self.model)
        assert trained.keys() == saved.weights.keys(), "a checkpoint of the same model"
        with torch.no_grad():
            for name, weight in trained.items():
                local(weight).copy_(local(spread_as(saved.weights[name].to(self.device), weight)))
        self.optimiser.load(saved.optimiser)
        self.progress = Progress.from_state(saved.state["progress"])
        self.say(f"resumed from step {self.progress.step}")
        return int(saved.state["steps"])

    def run(self, steps: int, on_log: OnLog | None = None, on_step: Callable[[int], None] | None = None) -> None:
        """Train up to step `steps`. Raises SystemExit(143) after SIGTERM and (130) after Ctrl-C, saved both times."""
        self.model.train()
        progress = self.progress
        with _stop_signals() as self._received, self.group.watched():
            for batch, after in self.order.walk(progress.place):
                if progress.step >= steps:
                    break
                rate = rate_at(progress.step, steps, self.params.warmup, self.params.schedule)
                # what dropout leaves out follows from seed and step, so that going on is going on with the same
                torch.manual_seed((self.order.seed * 1_000_003 + progress.step) % 2**63)
                nats = self.step(batch, rate)
                if not math.isfinite(nats):
                    raise self._diverged(batch) if self.group.first else SystemExit(2)
                progress.step, progress.place = progress.step + 1, after
                progress.tokens += sum(len(example) - 1 for example in batch.examples)
                progress.nats, progress.targets = progress.nats + nats, progress.targets + batch.valid
                self._log(steps, rate, on_log)
                if on_step:
                    on_step(progress.step)
                if self._stop is not None:
                    self.save(steps)
                    self.say(f"stopped at step {progress.step} of {steps}; saved: the same command goes on from there")
                    raise SystemExit(128 + self._stop)
                if progress.step % self.params.checkpoint_every == 0 and progress.step < steps:
                    self.save(steps)

    def step(self, batch: Batch, rate: float) -> float:
        """One optimiser step; the batch's summed nats. The gradient is of the mean over all its valid targets."""
        parts = self.group.share(batch, self.params.accumulate)
        total = torch.zeros((), device=self.device)
        for i, part in enumerate(parts):
            with exchanging(self.objective, now=i + 1 == len(parts)):
                nats = self.objective(*(t.to(self.device) for t in part))
                # the processes' gradients are averaged, and theirs is a sum over all rows
                torch.autograd.backward(nats * self.group.size / batch.valid)
            total += nats.detach()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.params.clip)
        self.optimiser.step(rate)
        return self._together(float(total))

    def _together(self, nats: float) -> float:
        """The sum of all processes' nats; and a signal to one of them is one to all, so that they stop together."""
        total, *received = self.group.summed([nats, *(float(number in self._received) for number in STOP_SIGNALS)])
        # what came in after this exchange waits for the next one: nobody may stop alone
        self._stop = next((n for n, sent in zip(STOP_SIGNALS, received, strict=True) if sent), None)
        return total

    def save(self, steps: int) -> None:
        state = {"progress": asdict(self.progress), "steps": steps}
        weights = {name: whole(weight.detach()) for name, weight in trained_weights(self.model).items()}
        checkpoint = Checkpoint(weights, self.optimiser.state(), state)
        if self.group.first:
            save_checkpoint(self.checkpoints, self.progress.step, checkpoint, self.params.keep_checkpoints)
        self.group.wait()

    def whole_model(self) -> Decoder:
        """The model with all of its weights; of shards, a copy put together. All processes have to ask at once."""
        if self._twin is None:
            return self.model
        self._twin.load_state_dict({name: whole(tensor) for name, tensor in self.model.state_dict().items()})
        return self._twin

    def validate(self) -> Validation:
        """What the model is worth now; known to the first process. All have to ask at once."""
        model = self.whole_model()
        if not self.group.first:
            return Validation(math.nan, math.nan)
        scored = sequence_nats(model, self.validation, model.config.context)
        nats = math.fsum(s.nats for s in scored)
        return Validation(_rounded(nats / sum(s.targets for s in scored)), _rounded(nats / len(scored)))

    def _log(self, steps: int, rate: float, on_log: OnLog | None) -> None:
        progress = self.progress
        last = progress.step == steps
        measure = last or progress.step % self.params.validate_every == 0
        if not (measure or progress.step % LOG_EVERY == 0):
            return
        measured = self.validate() if measure else None
        progress.validation = measured or progress.validation
        row: dict[str, float | int | None] = {
            "step": progress.step,
            "train_loss": _rounded(progress.nats / progress.targets),
            "validation_loss": measured.nats_per_token if measured else None,
            "lr": _rounded(self.optimiser.peak * rate),
        }
        progress.nats, progress.targets = 0.0, 0
        progress.curve.append(row)
        if on_log and self.group.first:
            on_log(progress.step, {k: float(v) for k, v in row.items() if v is not None and k != "step"})

    def _diverged(self, batch: Batch) -> TrainingError:
        whole = complete_checkpoints(self.checkpoints)
        ids = ", ".join(example.story_id for example in batch.examples[:8])
        return TrainingError(
            f"the loss is not finite at step {self.progress.step + 1} (stories {ids}, ...); lower train.lr, or "
            f"train.lr_matrices and train.lr_embeddings; last good checkpoint: {whole[-1] if whole else 'none'}"
        )


def _rounded(value: float) -> float:
    """To six digits, for curve, metrics and MLflow alike: those after them depend on where memory was to be had."""
    return float(f"{value:.6g}")


def _silent(_: str) -> None:
    """The processes after the first have nothing to say."""


def trained_weights(model: Decoder) -> dict[str, nn.Parameter]:
    """The weights that training changes: all of them, or an adapter's."""
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """A list that receives SIGTERM or SIGINT, so that the loop can finish its step and save."""
    received: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        received.append(number)

    try:
        before = {number: signal.signal(number, note) for number in STOP_SIGNALS}
    except ValueError:  # not in the main thread (a notebook's or a test's worker): nobody signals us there
        yield received
        return
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
