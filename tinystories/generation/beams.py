"""Beam search: the likeliest stories that a search of a given width finds."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tinystories.generation.decode import Draft, Job, append, branches_of, choices, draft, prompt
from tinystories.generation.engine import Engine
from tinystories.generation.vocabulary import Vocabulary
from tinystories.generation.written import Written


@dataclass
class _Beam:
    """score: log p of its tokens, by the logits that were chosen from."""

    written: Written
    score: float


@torch.inference_mode()
def search(engine: Engine, vocabulary: Vocabulary, job: Job, width: int, length_penalty: float) -> list[Draft]:
    """The `width` best stories found, best first: by log p / tokens ** length_penalty.

    Rules bend the scores as they bend sampling. It ends when `width` stories have ended and no open one, at its
    present length, scores better than the worst of them (transformers' early_stopping=False), or at the last token.
    """
    barred_SV = ~torch.from_numpy(vocabulary.follows)
    beams = [_Beam(job.begin(vocabulary), 0.0)]
    found: list[tuple[float, Draft]] = []
    logits_BV, cache = engine.prefill([prompt(job, plain) for _, plain in branches_of([job])], job.max_tokens)
    while True:
        jobs = [job] * len(beams)
        own_BV, steered_BV = choices(logits_BV.float().cpu(), jobs, [beam.written for beam in beams], barred_SV)
        nats_BV = -own_BV.log_softmax(-1)
        scores_BV = steered_BV.log_softmax(-1).double() + torch.tensor([[beam.score] for beam in beams]).double()
        parents: list[int] = []
        grown: list[_Beam] = []
        for place, identity in _likeliest(scores_BV, 2 * width):
            written = beams[place].written.fork()
            beam = _Beam(written, float(scores_BV[place, identity]))
            stopped = append(written, identity, float(nats_BV[place, identity]), job)
            if stopped is not None:
                found.append((beam.score / len(written.nats) ** length_penalty, draft(written, job, stopped)))
            elif len(grown) < width:
                grown.append(beam)
                parents.append(place)
        found = sorted(found, key=lambda scored: -scored[0])[:width]
        if not grown or _settled(found, grown, width, length_penalty):
            return [story for _, story in found]
        guided = len(beams) if job.guided else 0
        rows = parents + [guided + parent for parent in parents if guided]
        cache = engine.keep(cache, rows)
        last = [beam.written.ids[-1] for beam in grown]
        logits_BV = engine.step(torch.tensor(last * (2 if guided else 1)), cache)
        beams = grown


def _likeliest(scores_BV: Tensor, count: int) -> list[tuple[int, int]]:
    """(beam, token) of the highest scores, best first; equal ones in the order of beams and tokens."""
    values, places = scores_BV.flatten().topk(min(count, scores_BV.numel()))
    known = [place for value, place in zip(values.tolist(), places.tolist(), strict=True) if value > -torch.inf]
    return [divmod(place, scores_BV.shape[1]) for place in known]


def _settled(found: Sequence[tuple[float, Draft]], grown: Sequence[_Beam], width: int, length_penalty: float) -> bool:
    if len(found) < width:
        return False
    best = max(beam.score / float(len(beam.written.nats) ** length_penalty) for beam in grown)
    return best <= found[-1][0]
