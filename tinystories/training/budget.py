"""How many steps a budget is worth, and what a training run will need."""

import time
from collections.abc import Callable

import torch

from tinystories.params import TrainParams
from tinystories.training.distributed import local
from tinystories.training.loop import Trainer
from tinystories.training.optimiser import Optimiser
from tinystories.training.order import Place, Walk

TIMED_STEPS = 12


def steps_of(params: TrainParams, order: Walk, trainer: Trainer, spent: Callable[[], float]) -> int:
    """Number of optimiser steps that `params`' budget is worth.

    minutes: the first steps are timed on a copy's worth of state and taken back; `spent` says how many
    seconds are gone since training was asked for. The others follow from the data alone.
    """
    batches, tokens = order.per_epoch()
    if params.steps is not None:
        return params.steps
    if params.epochs is not None:
        return max(1, round(params.epochs * batches))
    if params.tokens is not None:
        return max(1, round(params.tokens / tokens * batches))
    assert params.minutes is not None
    seconds = seconds_per_step(trainer)
    return trainer.group.same(max(1, int((params.minutes * 60 - spent()) / seconds)))


def seconds_per_step(trainer: Trainer) -> float:
    """Measured on real batches, validation and checkpoints included; the model is left as it was."""
    weights = {name: local(weight).detach().clone() for name, weight in trainer.model.named_parameters()}
    trainer.model.train()
    batches = trainer.order.batches(0, 0)
    for batch in {b.inputs_BT.shape: b for b in batches}.values():  # every shape once: compiled, caches warm
        trainer.step(batch, 0.0)
    timed = [batches[i % len(batches)] for i in range(TIMED_STEPS)]
    start = time.perf_counter()
    for batch in timed:
        trainer.step(batch, 0.0)
    seconds = (time.perf_counter() - start) / len(timed)
    start = time.perf_counter()
    trainer.validate()
    seconds += (time.perf_counter() - start) / trainer.params.validate_every
    with torch.no_grad():
        for name, weight in trainer.model.named_parameters():
            local(weight).copy_(weights[name])
    trainer.optimiser = Optimiser(trainer.model, trainer.params)
    trainer.model.zero_grad(set_to_none=True)
    assert trainer.progress.place == Place()
    return seconds
