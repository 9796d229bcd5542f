"""The sampler draws what it says, and what a story draws depends on that story alone."""

import math
from collections import Counter

import numpy as np
import pytest
import torch

from tinystories import Request, StoryModel
from tinystories.generation import sampler
from tinystories.generation.decode import write
from tinystories.generation.sampler import Knobs, Settings, noise
from tinystories.requests.controls import EOS_ID

DRAWS = 40_000


def sample(logits: torch.Tensor, settings: list[Settings], uniform: torch.Tensor) -> torch.Tensor:
    return sampler.sample(logits, Knobs.of(settings), uniform)


LOGITS = torch.tensor([1.0, -0.5, 2.0, 0.3, -torch.inf, 1.7, -3.0, 0.0])


def expected(settings: Settings) -> list[float]:
    """The distribution, computed another way: by a loop over the tokens, likeliest first."""
    weights = [math.exp(x / settings.temperature) for x in LOGITS.tolist()]
    order = sorted(range(len(weights)), key=lambda i: -weights[i])[: settings.top_k or None]
    total = sum(weights[i] for i in order)
    kept, mass = [], 0.0
    for i in order:
        if mass >= settings.top_p * total:
            break
        kept.append(i)
        mass += weights[i]
    kept = [i for i in kept if weights[i] >= settings.min_p * max(weights)]
    mass = sum(weights[i] for i in kept)
    return [weights[i] / mass if i in kept else 0.0 for i in range(len(weights))]


@pytest.mark.parametrize(
    "settings",
    [
        Settings(1.0), Settings(0.5), Settings(3.0), Settings(1.0, top_k=3), Settings(1.0, top_p=0.7),
        Settings(0.8, top_p=0.95), Settings(1.3, top_k=4, top_p=0.9), Settings(1.0, top_k=1), Settings(1.0, top_p=1e-9),
        Settings(1.0, min_p=0.2), Settings(2.0, top_p=0.9, min_p=0.3), Settings(1.0, min_p=1.0),
    ],
)  # fmt: skip
def test_tokens_are_drawn_as_often_as_their_distribution_says(settings: Settings) -> None:
    uniform = torch.cat([noise(7, index, DRAWS // 100) for index in range(100)])
    ids = sample(LOGITS.expand(DRAWS, -1), [settings] * DRAWS, uniform)
    counts = torch.bincount(ids, minlength=len(LOGITS)).tolist()
    for count, p in zip(counts, expected(settings), strict=True):
        # five sigma of a binomial: 8 tokens x 12 settings exceed it by chance once in 18,000 runs
        assert abs(count - DRAWS * p) <= 5 * math.sqrt(DRAWS * p * (1 - p)) + 1e-6


def test_stories_are_drawn_as_often_as_guidance_and_sampling_say(model: StoryModel) -> None:
    """Through the whole loop: two branches read, joined, cut and drawn from, by each story's own noise."""
    asked = Request(tags=("Twist",), prompt="Tom ", guidance=2.0, temperature=0.7, top_p=0.9, max_tokens=1, seed=5)
    jobs = [model._plan(request).job for request in asked.repeat(4000)]
    counts = Counter(draft.ids[0] if draft.ids else EOS_ID for draft in write(model.engine, model.vocabulary, jobs))
    both, _ = model.engine.prefill([jobs[0].prompt, jobs[0].plain], 1)
    with_V, plain_V = both.log_softmax(-1)
    allowed = model.vocabulary.spaced | (np.arange(len(with_V)) == EOS_ID)  # after "Tom " a word begins
    weights = ((plain_V + 2.0 * (with_V - plain_V)) / 0.7).double().exp() * torch.from_numpy(allowed)
    kept, mass = list[int](), 0.0
    for identity in weights.argsort(descending=True).tolist():
        if mass >= 0.9 * float(weights.sum()):
            break
        kept.append(identity)
        mass += float(weights[identity])
    assert counts.keys() <= set(kept) and len(kept) > 5
    for identity in kept:
        p = float(weights[identity]) / mass
        # five sigma of a binomial, and one more for where p is so small that it is no normal distribution
        assert abs(counts[identity] - 4000 * p) <= 5 * math.sqrt(4000 * p * (1 - p)) + 1


def test_temperature_zero_takes_the_likeliest_and_any_other_never_overflows() -> None:
    rows = torch.randn(6, 50, generator=torch.Generator().manual_seed(0)) * 40
    uniform = noise(0, 0, 6)
    assert sample(rows, [Settings(0.0)] * 6, uniform).tolist() == rows.argmax(-1).tolist()
    assert sample(rows, [Settings(1e-30)] * 6, uniform).tolist() == rows.argmax(-1).tolist()
    assert sample(rows, [Settings(1e-30, top_p=0.9)] * 6, uniform).tolist() == rows.argmax(-1).tolist()
    hot = sample(rows, [Settings(1e30)] * 6, uniform)
    assert hot.tolist() == (uniform * 50).long().tolist()


def test_a_row_draws_the_same_whatever_stands_beside_it() -> None:
    rows = torch.randn(5, 1000, generator=torch.Generator().manual_seed(1)) * 3
    settings = [Settings(0.8, None, 0.95), Settings(1.0), Settings(0.0), Settings(1.5, 300, 0.9), Settings(2.0, 40)]
    uniform = noise(3, 1, 5)
    together = sample(rows, settings, uniform).tolist()
    alone = [sample(rows[i : i + 1], [settings[i]], uniform[i : i + 1]).item() for i in range(5)]
    assert together == alone


@pytest.mark.parametrize(
    "settings",
    [Settings(0.8, top_p=0.95), Settings(0.7, 50, 0.9), Settings(3.0, None, 0.99, 0.02), Settings(0.5, 700, 0.8),
     Settings(1.0, 4096), Settings(1.0, 60), Settings(1.0, min_p=0.1)],
)  # fmt: skip
def test_a_row_alone_draws_the_same_also_where_tokens_are_equally_likely(settings: Settings) -> None:
    rows = (torch.randn(64, 4096, generator=torch.Generator().manual_seed(4)) * 3).round(decimals=1)
    uniform = torch.cat([noise(8, row, 1) for row in range(64)])
    alone = [sample(rows[i : i + 1], [settings], uniform[i : i + 1]).item() for i in range(64)]
    assert sample(rows, [settings] * 64, uniform).tolist() == alone


@pytest.mark.parametrize("settings", [Settings(5.0, None, 0.99), Settings(1.0, 700, 0.9), Settings(0.7, None, 0.9)])
def test_the_pre_cut_changes_nothing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = torch.randn(200, 2000, generator=torch.Generator().manual_seed(2))
    uniform = noise(5, 0, 200)
    cut = sample(rows, [settings] * 200, uniform)
    monkeypatch.setattr(sampler, "PRE_CUTS", ())
    assert sample(rows, [settings] * 200, uniform).tolist() == cut.tolist()


@pytest.mark.parametrize("settings", [Settings(1.0), Settings(1.0, top_p=0.999), Settings(1.0, top_k=6)])
@pytest.mark.parametrize("uniform", [0.0, 1 - 2**-53])
def test_the_ends_of_the_noise_draw_no_forbidden_token(settings: Settings, uniform: float) -> None:
    logits = torch.tensor([[-torch.inf, 0.1, 0.2, -torch.inf, 0.3, -torch.inf]])
    drawn = sample(logits, [settings], torch.tensor([uniform], dtype=torch.float64)).item()
    assert drawn == (1 if uniform == 0 else 4)


def test_noise_is_counted_per_seed_and_story_and_stays_the_same_between_versions() -> None:
    assert noise(0, 0, 3).tolist() == noise(0, 0, 100)[:3].tolist()
    assert len({float(noise(seed, index, 1)) for seed in range(20) for index in range(20)}) == 400
    assert noise(1, 2, 2).tolist() == PINNED
    assert len({float(noise(1, 2, 1, candidate)) for candidate in range(64)}) == 64
    drawn = torch.cat([noise(9, index, 500) for index in range(100)])
    # mean of 50,000 uniforms: sigma = 1 / sqrt(12 * 50,000) = 0.00129; five of them
    assert drawn.min() >= 0 and drawn.max() < 1 and abs(drawn.mean() - 0.5) < 5 / math.sqrt(12 * 50_000)


# the first story's noise as numpy 2 draws it: another stream would change every user's stories
PINNED = [0.30931491118583454, 0.3569562367935075]
