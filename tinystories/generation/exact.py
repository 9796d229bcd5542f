"""Stories that are the same bytes alone and among any others: `exact`.

Which kernel multiplies two matrices follows from their shapes, and kernels differ in the last bits. So every step
has one shape, whatever is asked for: ROWS rows, of which those that no story needs are padding, and as many columns
as the story's own request says. A row is then the same numbers wherever it stands and whatever stands beside it, if
the kernels keep rows apart; whether they do is looked up on this machine, with this model, before it is relied on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from tinystories.generation.decode import Draft, Job
from tinystories.generation.engine import Engine, TorchEngine
from tinystories.generation.fused import FusedEngine
from tinystories.generation.plan import Plan, draft_many
from tinystories.generation.vocabulary import Vocabulary

ROWS: Final = 16
STORIES: Final = ROWS - 2  # two rows are padding always, the shortest and the longest: so there is always a mask
COLUMNS: Final = 16  # prompts are padded to a multiple of so many tokens
_FILLER: Final = 0  # an id; what comes of it is thrown away
_PROBE: Final = 8  # tokens read, and then steps, to see whether rows are kept apart


@dataclass
class _Places:
    """The engine's cache, all its rows, and in which of them the stories are that are still written."""

    cache: Any
    rows: list[int]


@dataclass(frozen=True)
class FixedShape:
    """An engine (generation/engine.py) that runs another with ROWS rows always, the longest prompt of `columns`."""

    engine: Engine
    columns: int

    @property
    def context(self) -> int:
        return self.engine.context

    @property
    def vocab_size(self) -> int:
        return self.engine.vocab_size

    def prefill(self, prompts: Sequence[Sequence[int]], room: int) -> tuple[Tensor, _Places]:
        """`room` is what the longest prompt leaves of the context, whatever is asked for."""
        assert len(prompts) <= STORIES and max(map(len, prompts)) <= self.columns
        padding = [[_FILLER] * self.columns, *[[_FILLER]] * (ROWS - 1 - len(prompts))]
        logits_RV, cache = self.engine.prefill([*prompts, *padding], self.context - self.columns)
        return logits_RV[: len(prompts)], _Places(cache, list(range(len(prompts))))

    def step(self, ids_B: Tensor, cache: _Places) -> Tensor:
        ids_R = torch.full((ROWS,), _FILLER)
        ids_R[cache.rows] = ids_B
        return self.engine.step(ids_R, cache.cache)[cache.rows]

    def keep(self, cache: _Places, rows: Sequence[int]) -> _Places:
        assert len(set(rows)) == len(rows), "a beam search has a shape of its own"
        return _Places(cache.cache, [cache.rows[row] for row in rows])


def columns_of(job: Job, context: int) -> int:
    """Columns that the job's prompts are padded to: they and what is written after them fit the context."""
    longest = max(len(job.prompt), len(job.plain) if job.guided else 0)
    return max(longest, min(-(-longest // COLUMNS) * COLUMNS, context - job.max_tokens))


def fixed_for(engine: Engine, job: Job) -> FixedShape:
    return FixedShape(engine, columns_of(job, engine.context))


def draft_exactly(
    engine: Engine, vocabulary: Vocabulary, plans: Sequence[Plan], done: Callable[[int], None]
) -> list[list[Draft]]:
    """As `draft_many`, each draft the same whatever else is in `plans`; for engines that keep rows apart.

    Written together is what has the same columns. A beam search is alone anyway.
    """
    groups: dict[tuple[int, bool], list[int]] = {}
    for number, plan in enumerate(plans):
        columns = columns_of(plan.job, engine.context) if plan.request.beams is None else 0
        groups.setdefault((columns, plan.job.guided), []).append(number)
    drafts: list[list[Draft]] = [[] for _ in plans]
    for (columns, guided), numbers in sorted(groups.items()):
        own = FixedShape(engine, columns) if columns else engine
        batch = STORIES // 2 if guided else STORIES
        told = draft_many(own, vocabulary, [plans[number] for number in numbers], done, batch)
        for number, candidates in zip(numbers, told, strict=True):
            drafts[number] = candidates
    return drafts


@torch.inference_mode()
def keeps_rows_apart(engine: Engine) -> bool:
    """Whether a row's logits are the same bits in each place and beside any neighbours, tried on this machine.

    False for engines of which it isn't known to be worth trying: those that run their rows one by one.
    """
    if not isinstance(engine, FusedEngine | TorchEngine):
        return False
    random = torch.Generator().manual_seed(0)
    own_T = torch.randint(engine.vocab_size, (2 * _PROBE,), generator=random).tolist()
    found: list[list[Tensor]] = []
    for places in (range(STORIES), range(0, STORIES, 2), range(1, STORIES, 2), [STORIES - 1]):
        others = torch.randint(engine.vocab_size, (STORIES, 2 * _PROBE), generator=random).tolist()
        rows = [own_T if row in places else other for row, other in enumerate(others)]
        prompts = [row_T[: _PROBE if place in places else 1 + place] for place, row_T in enumerate(rows)]
        fixed = FixedShape(engine, COLUMNS)
        logits_BV, cache = fixed.prefill(prompts, 0)
        steps = [logits_BV]
        for step in range(_PROBE, 2 * _PROBE):
            steps.append(fixed.step(torch.tensor([row_T[step] for row_T in rows]), cache))
        if not all(_sums_are_of_a_row(step_BV) for step_BV in steps):
            return False
        found.append([step_BV[list(places)] for step_BV in steps])
    expected = [step_BV[:1] for step_BV in found[0]]
    return all(
        torch.equal(step_BV, own_1V.expand_as(step_BV))
        for steps in found
        for step_BV, own_1V in zip(steps, expected, strict=True)
    )


def _sums_are_of_a_row(logits_BV: Tensor) -> bool:
    """Whether what is summed of a row, for rules, nats and draw, is the same beside other rows and alone."""
    sums: tuple[Callable[[Tensor], Tensor], ...] = (
        lambda own_BV: own_BV.logsumexp(dim=-1),
        lambda own_BV: own_BV.log_softmax(dim=-1),
        lambda own_BV: own_BV.exp().sum(dim=-1),
    )
    return all(torch.equal(of(logits_BV), torch.cat([of(row_V) for row_V in logits_BV[:, None]])) for of in sums)
