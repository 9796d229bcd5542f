"""The loop that writes stories, many at a time, above whatever engine runs the model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor

from tinystories.generation.constraints import Beginning, Ending, Written
from tinystories.generation.engine import Engine
from tinystories.generation.sampler import Settings, noise, sample
from tinystories.generation.story import Stopped
from tinystories.generation.vocabulary import Vocabulary

BATCH: Final = 64  # stories written at once


@dataclass
class Job:
    """One story to write. prompt: ids from <bos> on. max_tokens: at most so many are sampled, <eos> included."""

    prompt: Sequence[int]
    max_tokens: int
    ending: Ending
    beginning: Beginning | None = None
    settings: Settings = field(default_factory=Settings)
    seed: int = 0
    index: int = 0


@dataclass(frozen=True)
class Draft:
    """What the model wrote: ids without <eos>; nats and tokens of all that stayed, <eos> included."""

    ids: list[int]
    tokens: int
    nats: float
    stopped: Stopped


def write(
    engine: Engine, vocabulary: Vocabulary, jobs: Sequence[Job], done: Callable[[int], None] = lambda _: None
) -> list[Draft]:
    """Write each job's story; `done` is called with the number of stories that have just ended."""
    drafts: list[Draft] = []
    for start in range(0, len(jobs), BATCH):
        drafts += _write_batch(engine, vocabulary, jobs[start : start + BATCH], done)
    return drafts


@torch.inference_mode()
def _write_batch(
    engine: Engine, vocabulary: Vocabulary, jobs: Sequence[Job], done: Callable[[int], None]
) -> list[Draft]:
    drafts: dict[int, Draft] = {}
    written = [Written() for _ in jobs]
    uniform_BT = [noise(job.seed, job.index, job.max_tokens) for job in jobs]
    follows = torch.from_numpy(vocabulary.follows)
    rows = list(range(len(jobs)))  # the jobs that are still being written, in the cache's order
    logits_BV, cache = engine.prefill([job.prompt for job in jobs], max(job.max_tokens for job in jobs))
    while True:
        logits_BV = logits_BV.float().cpu()
        states_B = torch.tensor([written[row].state for row in rows])
        norm_B = logits_BV.logsumexp(dim=-1)
        eos_B = (logits_BV[:, vocabulary.eos] - norm_B).exp().tolist()
        steered_BV = logits_BV.masked_fill(~follows[states_B], -torch.inf)
        for place, row in enumerate(rows):
            _steer(steered_BV[place], jobs[row], written[row], eos_B[place])
        uniform_B = torch.stack([uniform_BT[row][len(written[row].ids)] for row in rows])
        ids_B = sample(steered_BV, [jobs[row].settings for row in rows], uniform_B)
        nats_B = norm_B - logits_BV.gather(-1, ids_B[:, None])[:, 0]  # temperature 1, nothing forbidden
        going = []
        for place, (row, identity, nats) in enumerate(zip(rows, ids_B.tolist(), nats_B.tolist(), strict=True)):
            stopped = _append(written[row], identity, nats, jobs[row], vocabulary)
            if stopped is None:
                going.append(place)
            else:
                drafts[row] = _draft(written[row], jobs[row].ending, stopped)
        if len(going) < len(rows):
            done(len(rows) - len(going))
            if not going:
                return [drafts[row] for row in range(len(jobs))]
            cache = engine.keep(cache, going)
            rows, ids_B = [rows[place] for place in going], ids_B[going]
        logits_BV = engine.step(ids_B, cache)


def _steer(logits_V: Tensor, job: Job, written: Written, eos_probability: float) -> None:
    if job.beginning is not None:
        job.beginning.steer(logits_V, written)
    job.ending.steer(logits_V, written, eos_probability)


def _append(written: Written, identity: int, nats: float, job: Job, vocabulary: Vocabulary) -> Stopped | None:
    """Add a token to the story; what the story stopped by, if it did."""
    written.nats.append(nats)
    if identity == vocabulary.eos:
        return "eos"
    written.state = int(vocabulary.leads_to[written.state, identity])
    written.ids.append(identity)
    return job.ending.stop(written) or ("max_tokens" if len(written.ids) >= job.max_tokens else None)


def _draft(written: Written, ending: Ending, stopped: Stopped) -> Draft:
    kept, stopped = ending.cut(written, stopped)
    tokens = kept + (stopped == "eos")
    return Draft(written.ids[:kept], tokens, float(sum(written.nats[:tokens])), stopped)
