"""`exact`: a story is the same bytes alone and among any others."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from tinystories import Request, StoryModel
from tinystories.generation.engine import TorchEngine
from tinystories.generation.exact import COLUMNS, ROWS, STORIES, FixedShape, columns_of, keeps_rows_apart
from tinystories.generation.fused import FusedEngine
from tinystories.generation.quantized import quantize
from tinystories.model.folder import LoadedModel

MIXED = [
    Request(seed=3, index=2),
    Request(seed=3, index=3, start="Once", max_tokens=30),
    Request(seed=1, first="Tom had a kite.", last="They all went home, tired and glad.", max_tokens=60),
    Request(seed=1, tags=("Twist",), guidance=2.0, max_tokens=40),
    Request(seed=1, words=("kite", "dog"), guidance=1.5, end="home", max_tokens=90),
    Request(seed=2, best_of=3, length=30),
    Request(beams=3, index=1, max_tokens=12),
    Request(prompt="The dog ran to the garden and " * 24, max_tokens=9),
    Request(prompt="The dog ran to the garden and " * 24),
    *(Request(seed=5, index=i, temperature=1.2, max_tokens=20 + 7 * i) for i in range(17)),
]


@pytest.fixture
def torch_model(loaded: LoadedModel) -> StoryModel:
    return StoryModel(loaded, TorchEngine(loaded))


@pytest.mark.parametrize("teller", ["model", "torch_model"])
def test_a_story_is_the_same_alone_among_others_and_streamed(teller: str, request: pytest.FixtureRequest) -> None:
    own: StoryModel = request.getfixturevalue(teller)
    together = own.generate_many(MIXED, exact=True)
    assert own.generate_many(MIXED[::-1], exact=True)[::-1] == together
    for place in (*range(9), 11, 18):
        asked, story = MIXED[place], together[place]
        assert own.generate_many([asked], exact=True) == [story], "its nats too, to the last bit"
        if asked.best_of is None and asked.beams is None and place % 3 != 2:
            assert list(own.stream(asked, exact=True))[-1] == story


def test_int8_scales_by_all_rows_and_so_is_written_one_after_the_other(loaded: LoadedModel) -> None:
    small = replace(loaded, model=quantize(loaded.model))
    assert not keeps_rows_apart(TorchEngine(small))
    own = StoryModel(small, TorchEngine(small))
    together = own.generate_many(MIXED[:5], exact=True)
    assert [own.generate_many([asked], exact=True)[0] for asked in MIXED[:5]] == together


class Leaking(TorchEngine):
    """Each row has a little of its neighbours, as it would have of another kernel's rounding."""

    def step(self, ids_B: Tensor, cache: Any) -> Tensor:
        logits_BV = super().step(ids_B, cache)
        return logits_BV + 1e-6 * logits_BV.mean(dim=0)


class Uneven(TorchEngine):
    """The last place of a batch is rounded otherwise."""

    def prefill(self, prompts: Sequence[Sequence[int]], room: int) -> tuple[Tensor, Any]:
        logits_BV, cache = super().prefill(prompts, room)
        logits_BV[STORIES - 1] *= 1 + 1e-6
        return logits_BV, cache


@pytest.mark.parametrize("kind", [Leaking, Uneven])
def test_rows_that_are_not_kept_apart_are_found(kind: type[TorchEngine], loaded: LoadedModel) -> None:
    assert not keeps_rows_apart(kind(loaded))


def shapes(asked: Sequence[Request], loaded: LoadedModel) -> set[tuple[int, ...]]:
    """(rows, longest prompt, room) of what is read at once, (rows,) of each step."""
    seen: set[tuple[int, ...]] = set()

    class Listening(FusedEngine):
        def prefill(self, prompts: Sequence[Sequence[int]], room: int) -> tuple[Tensor, Any]:
            seen.add((len(prompts), max(map(len, prompts)), room))
            return super().prefill(prompts, room)

        def step(self, ids_B: Tensor, cache: Any) -> Tensor:
            seen.add((len(ids_B),))
            return super().step(ids_B, cache)

    own = StoryModel(loaded, Listening(loaded))
    assert own._keeps_rows_apart
    seen.clear()
    own.generate_many(asked, exact=True)
    return seen


@pytest.mark.parametrize("asked", [MIXED[:1], MIXED[:2], MIXED[3:4], MIXED[9:]])
def test_every_step_has_one_shape_and_every_prompt_that_of_its_request(
    asked: list[Request], loaded: LoadedModel, model: StoryModel
) -> None:
    if not keeps_rows_apart(model.engine):
        pytest.skip("this machine's kernels don't keep rows apart: stories are written one after the other")
    context = model.engine.context
    columns = {columns_of(model._plan(one).job, context) for one in asked}
    assert shapes(asked, loaded) == {(ROWS,), *((ROWS, width, context - width) for width in columns)}


def test_columns_follow_from_the_request_alone_and_leave_room_for_what_is_written(model: StoryModel) -> None:
    for asked in MIXED:
        job = model._plan(asked).job
        columns = columns_of(job, model.engine.context)
        assert len(job.prompt) <= columns and columns + job.max_tokens <= model.engine.context
        assert columns % COLUMNS == 0 or columns + job.max_tokens == model.engine.context


@pytest.mark.slow
@pytest.mark.parametrize("kind", [FusedEngine, TorchEngine])
def test_a_row_is_the_same_in_each_place_beside_any_others_at_every_length(
    kind: type[FusedEngine] | type[TorchEngine], loaded: LoadedModel
) -> None:
    engine = kind(loaded)
    if not keeps_rows_apart(engine):
        pytest.skip("this machine's kernels don't keep rows apart: stories are written one after the other")
    random = torch.Generator().manual_seed(1)

    def ids(count: int) -> list[int]:
        found: list[int] = torch.randint(20, engine.vocab_size, (count,), generator=random).tolist()
        return found

    for columns in (1, COLUMNS, 3 * COLUMNS, 100):
        fixed, own = FixedShape(engine, columns), ids(engine.context)
        begun = max(1, columns - 5)
        steps = engine.context - columns
        expected: list[Tensor] = []
        for place in range(STORIES):
            prompts = [own[:begun] if row == place else ids(1 + row % columns) for row in range(STORIES)]
            logits_BV, cache = fixed.prefill(prompts, steps)
            found = [logits_BV[place]]
            for step in range(steps):
                others = ids(STORIES)
                others[place] = own[begun + step]
                found.append(fixed.step(torch.tensor(others), cache)[place])
            expected = expected or found
            assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
