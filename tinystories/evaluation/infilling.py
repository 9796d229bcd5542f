"""Whether the last sentence, known beforehand, helps with the middle, and whether a middle leads to it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch

from tinystories.evaluation.intervals import paired_interval
from tinystories.evaluation.scoring import continued
from tinystories.model.decoder import Decoder
from tinystories.requests.example import Example
from tinystories.requests.formats import MIXED, Format
from tinystories.requests.mixed import Controls, StoryTokens
from tinystories.text.tokenizer import StoryTokenizer
from tinystories.training.loss import sequence_nats

_NO_CONTROLS: Final = Controls()


@dataclass(frozen=True)
class MiddleNats:
    """-ln p of one story's middle: the same tokens in two forms that the model was trained on.

    with_last: `<bos> <first> S1 <last> Sn <middle> middle`; without_last: `<bos> S1 middle`, the
    plain story. eos: of what ends the middle in the first form (<eos>, where the last sentence is written again that
    too); it has no like in the other.
    """

    story_id: str
    with_last: float
    without_last: float
    eos: float


@dataclass(frozen=True)
class LastNats:
    """-ln p of a story's true last sentence in the plain form, after three middles; the first is always its own."""

    after_true: float
    after_generated: float
    after_other: float


def measurable(
    tokenizer: StoryTokenizer, stories: Sequence[StoryTokens], context: int, form: Format = MIXED
) -> list[StoryTokens]:
    """Stories with a middle whose infilling form the model sees at once: a window would hide the last sentence.

    None in a format that can't say how a story is to end.
    """
    if "last" not in form.carries:
        return []
    return [
        story
        for story in stories
        if story.infillable and story.middle and len(form.between(tokenizer, story, _NO_CONTROLS)) <= context + 1
    ]


def middle_nats(
    model: Decoder,
    tokenizer: StoryTokenizer,
    stories: Sequence[StoryTokens],
    context: int,
    form: Format = MIXED,
    precision: torch.dtype = torch.float32,
) -> list[MiddleNats]:
    """Both forms of each story's middle; `stories` are `measurable`."""
    told = [form.between(tokenizer, story, _NO_CONTROLS) for story in stories]
    starts = [form.middle_starts(story, one) for story, one in zip(stories, told, strict=True)]
    stops = [start + len(story.middle) for story, start in zip(stories, starts, strict=True)]
    examples = (
        [_targets(one, start, stop) for one, start, stop in zip(told, starts, stops, strict=True)],
        [continued(tokenizer, story.first, story.middle, story.story_id) for story in stories],
        [_targets(one, stop, len(one)) for one, stop in zip(told, stops, strict=True)],
    )
    scored = [[nats.nats for nats in sequence_nats(model, part, context, precision)] for part in examples]
    return [MiddleNats(story.story_id, *nats) for story, *nats in zip(stories, *scored, strict=True)]


def last_nats(
    model: Decoder,
    tokenizer: StoryTokenizer,
    stories: Sequence[StoryTokens],
    generated: Sequence[Sequence[int]],
    context: int,
    precision: torch.dtype = torch.float32,
) -> list[LastNats | None]:
    """How likely each true last sentence is after its own, the generated and another story's middle.

    The other middle is the next story's (of the last, the first's). None where one of the three
    does not fit `context`, and for all of them where there is no second story.
    """
    if len(stories) < 2:
        return [None] * len(stories)
    others = [*stories[1:], stories[0]]
    rows = [
        [
            continued(tokenizer, [*story.first, *middle], story.last, story.story_id)
            for middle in (story.middle, middle_ids, other.middle)
        ]
        for story, middle_ids, other in zip(stories, generated, others, strict=True)
    ]
    fits = [all(len(example) <= context + 1 for example in row) for row in rows]
    fitting = [example for row, fit in zip(rows, fits, strict=True) if fit for example in row]
    scored = iter(sequence_nats(model, fitting, context, precision))
    return [LastNats(*(next(scored).nats for _ in range(3))) if fit else None for fit in fits]


def infilling(middles: Sequence[MiddleNats], resamples: int = 1000, seed: int = 0) -> dict[str, float]:
    """Mean nats of the middles with and without the last sentence seen, and the gain with its 95 % interval."""
    low, high = paired_interval([m.with_last for m in middles], [m.without_last for m in middles], resamples, seed)
    return {
        "stories": len(middles),
        "nats_with_last": _mean([m.with_last for m in middles]),
        "nats_without_last": _mean([m.without_last for m in middles]),
        "nats_of_eos": _mean([m.eos for m in middles]),
        "gain": _mean([m.without_last - m.with_last for m in middles]),
        "gain_low": low,
        "gain_high": high,
    }


def leading(lasts: Sequence[LastNats | None], resamples: int = 1000, seed: int = 0) -> dict[str, float]:
    """Mean nats of the true last sentences after each kind of middle.

    last_advantage: how much likelier the last sentence is after the generated middle than after
    another story's, with its 95 % interval; above 0, the middles lead to the end they were given.
    """
    known = [last for last in lasts if last is not None]
    low, high = paired_interval([n.after_generated for n in known], [n.after_other for n in known], resamples, seed)
    return {
        "last_stories": len(known),
        "last_after_true": _mean([n.after_true for n in known]),
        "last_after_generated": _mean([n.after_generated for n in known]),
        "last_after_other": _mean([n.after_other for n in known]),
        "last_advantage": _mean([n.after_other - n.after_generated for n in known]),
        "last_advantage_low": low,
        "last_advantage_high": high,
    }


def _targets(form: Example, start: int, stop: int) -> Example:
    mask = np.zeros(len(form), dtype=np.bool_)
    mask[start:stop] = True
    return Example(form.ids, mask, form.story_id)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan
