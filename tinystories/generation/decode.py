"""The loop that writes stories, many at a time, above whatever engine runs the model."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor

from tinystories.generation.avoid import Avoid
from tinystories.generation.ending import Ending
from tinystories.generation.engine import Engine
from tinystories.generation.rules import Rule
from tinystories.generation.sampler import Knobs, Settings, noise, sample
from tinystories.generation.story import Stopped
from tinystories.generation.vocabulary import Vocabulary
from tinystories.generation.written import Written

BATCH: Final = 64  # stories written at once


@dataclass
class Job:
    """One story to write. prompt: ids from <bos> on. max_tokens: at most so many are sampled, <eos> included.

    rules: in the order in which they are asked; the ending comes after them, and `avoid` last. words: that must occur.
    plain: the prompt without controls, from which guidance leads away; not read if `guidance` is 1.
    candidate: which of several for the same story.
    """

    prompt: Sequence[int]
    max_tokens: int
    ending: Ending
    rules: Sequence[Rule] = ()
    avoid: Avoid | None = None
    words: tuple[str, ...] = ()
    settings: Settings = field(default_factory=Settings)
    guidance: float = 1.0
    plain: Sequence[int] = ()
    seed: int = 0
    index: int = 0
    candidate: int = 0

    @property
    def guided(self) -> bool:
        return self.guidance != 1.0 and list(self.plain) != list(self.prompt)

    def begin(self, vocabulary: Vocabulary) -> Written:
        return Written(vocabulary, self.ending.opening, self.words)


@dataclass(frozen=True)
class Draft:
    """What the model wrote: ids without <eos>; nats and tokens of all that stayed, <eos> included."""

    ids: list[int]
    tokens: int
    nats: float
    stopped: Stopped


def write(
    engine: Engine,
    vocabulary: Vocabulary,
    jobs: Sequence[Job],
    done: Callable[[Sequence[int]], None] = lambda _: None,
    batch: int = BATCH,
) -> list[Draft]:
    """Write each job's story, `batch` at a time; `done` is called with the places of those that have just ended."""
    drafts: list[Draft] = []
    for start in range(0, len(jobs), batch):
        ended: dict[int, Draft] = {}
        for drafted in Writing(engine, vocabulary, jobs[start : start + batch]):
            ended |= drafted
            if drafted:
                done([start + row for row in drafted])
        drafts += [ended[row] for row in range(len(ended))]
    return drafts


class Writing:
    """Some stories, written together; iterated over, it writes a token of each and gives the drafts that have ended."""

    def __init__(self, engine: Engine, vocabulary: Vocabulary, jobs: Sequence[Job]) -> None:
        self._engine, self._vocabulary, self._jobs = engine, vocabulary, jobs
        self.written = [job.begin(vocabulary) for job in jobs]
        self._barred = ~torch.from_numpy(vocabulary.follows)
        self._uniform = [noise(job.seed, job.index, job.max_tokens, job.candidate).tolist() for job in jobs]

    @torch.inference_mode()
    def __iter__(self) -> Iterator[dict[int, Draft]]:
        jobs, rows = self._jobs, list(range(len(self._jobs)))  # the stories that are still being written
        branches = branches_of(jobs)
        logits_BV, cache = self._engine.prefill(
            [prompt(jobs[row], plain) for row, plain in branches], max(job.max_tokens for job in jobs)
        )
        knobs = Knobs.of([job.settings for job in jobs])
        while True:
            logits_BV = logits_BV.float().cpu()
            own_BV, steered_BV = self._choices(logits_BV, rows)
            uniform = [self._uniform[row][len(self.written[row].ids)] for row in rows]
            ids_B = sample(steered_BV, knobs, torch.tensor(uniform, dtype=torch.float64))
            nats_B = -own_BV.log_softmax(dim=-1).gather(-1, ids_B[:, None])[:, 0]
            ended: dict[int, Draft] = {}
            for row, identity, nats in zip(rows, ids_B.tolist(), nats_B.tolist(), strict=True):
                stopped = append(self.written[row], identity, nats, jobs[row])
                if stopped is not None:
                    ended[row] = draft(self.written[row], jobs[row], stopped)
            yield ended
            if len(ended) == len(rows):
                return
            chosen = dict(zip(rows, ids_B.tolist(), strict=True))
            if ended:
                rows = without(rows, set(ended))
                knobs = Knobs.of([jobs[row].settings for row in rows])
                going = [(row, plain) for plain in (False, True) for row in rows if not plain or jobs[row].guided]
                cache = self._engine.keep(cache, [branches.index(branch) for branch in going])
                branches = going
            logits_BV = self._engine.step(torch.tensor([chosen[row] for row, _ in branches]), cache)

    def _choices(self, logits_BV: Tensor, rows: Sequence[int]) -> tuple[Tensor, Tensor]:
        """(rows, V) twice: the model's own logits with the controls read, and those to choose from."""
        return choices(logits_BV, [self._jobs[row] for row in rows], [self.written[row] for row in rows], self._barred)


def branches_of(jobs: Sequence[Job]) -> list[tuple[int, bool]]:
    """The engine's rows: each story with its controls, then those that are guided without them."""
    return [(row, plain) for plain in (False, True) for row, job in enumerate(jobs) if not plain or job.guided]


def prompt(job: Job, plain: bool) -> Sequence[int]:
    return job.plain if plain else job.prompt


def without(rows: list[int], ended: set[int]) -> list[int]:
    """The rows that go on; the last of them move into the places of those that have ended, the rest stay."""
    rows = list(rows)
    place = 0
    while place < len(rows):
        if rows[place] in ended:
            last = rows.pop()
            if place < len(rows):
                rows[place] = last
        else:
            place += 1
    return rows


def choices(
    logits_BV: Tensor, jobs: Sequence[Job], written: Sequence[Written], barred_SV: Tensor
) -> tuple[Tensor, Tensor]:
    """(N, V) twice, for N jobs: the model's own logits with the controls read, and those to choose from.

    logits_BV: of the N jobs, then of the plain branches of those that are guided. Guidance: Ho and
    Salimans 2022 (arXiv:2207.12598), log p = log p_plain + guidance (log p_controls - log p_plain).
    """
    own_NV = logits_BV[: len(jobs)]
    guided = [place for place, job in enumerate(jobs) if job.guided]
    steered_NV = own_NV.clone()
    if guided:
        with_GV, plain_GV = own_NV[guided].log_softmax(-1), logits_BV[len(jobs) :].log_softmax(-1)
        steered_NV[guided] = torch.lerp(plain_GV, with_GV, torch.tensor([jobs[g].guidance for g in guided])[:, None])
    states_N = torch.tensor([story.state for story in written])
    steered_NV.masked_fill_(barred_SV.index_select(0, states_N), -torch.inf)
    ruled = [place for place, job in enumerate(jobs) if job.rules or job.avoid or job.ending.bends]
    if ruled:
        eos = written[0].vocabulary.eos
        eos_N = (own_NV[ruled, eos] - own_NV[ruled].logsumexp(dim=-1)).exp().tolist()
        for place, eos_probability in zip(ruled, eos_N, strict=True):
            free_V = steered_NV[place].clone()
            _steer(steered_NV[place], jobs[place], written[place], eos_probability, hard_only=False)
            if not steered_NV[place].max() > -torch.inf:  # nothing is left, as when every token has occurred once
                _steer(free_V, jobs[place], written[place], eos_probability, hard_only=True)
                steered_NV[place] = free_V
    return own_NV, steered_NV


def _steer(logits_V: Tensor, job: Job, written: Written, eos_probability: float, hard_only: bool) -> None:
    for rule in (*job.rules, job.ending, *([job.avoid] if job.avoid else ())):
        if rule.hard or not hard_only:
            rule.steer(logits_V, written, eos_probability)


def append(written: Written, identity: int, nats: float, job: Job) -> Stopped | None:
    """Add a token to the story; what the story stopped by, if it did."""
    written.nats.append(nats)
    if identity == written.vocabulary.eos:
        return "eos"
    written.add(identity)
    return job.ending.stop(written) or ("max_tokens" if len(written.ids) >= job.max_tokens else None)


def draft(written: Written, job: Job, stopped: Stopped) -> Draft:
    """The story as it stays after its cut; no avoided word is left at its end that was to become another."""
    kept, stopped = job.ending.cut(written, stopped)
    text = job.ending.opening + written.vocabulary.text(written.ids[:kept])
    while kept and job.avoid is not None and job.avoid.offends(text):
        kept -= 1
        text = job.ending.opening + written.vocabulary.text(written.ids[:kept])
    tokens = kept + (stopped == "eos")
    return Draft(written.ids[:kept], tokens, float(sum(written.nats[:tokens])), stopped)
