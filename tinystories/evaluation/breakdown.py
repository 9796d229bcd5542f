"""Where a model is at a loss: likelihood by the story's length, tags and source, and by the place in the story."""

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

import torch

from tinystories.evaluation.intervals import ratio_interval
from tinystories.evaluation.likelihood import Score
from tinystories.model.decoder import Decoder
from tinystories.requests.controls import LENGTH_BUCKETS, length_bucket
from tinystories.requests.example import Example
from tinystories.requests.mixed import StoryTokens, plain
from tinystories.text.tags import TAGS, Tag
from tinystories.text.tokenizer import StoryTokenizer
from tinystories.training.loss import Nats, sequence_nats

PLACES: Final = (0, 16, 32, 64, 128, 256, 512, 1024)  # tokens read before; each place is from one to the next
UNTAGGED: Final = "none"
SOURCE_STORIES: Final = 20  # of fewer stories a source's figures would say nothing
SOURCES: Final = 10


def by_length(
    scores: Sequence[Score], words: Mapping[str, int], resamples: int = 1000, seed: int = 0
) -> dict[str, dict[str, float]]:
    """Figures of the stories of each length; lengths are those that can be asked for ("50-99" words, "400-").

    words: story_id -> number of words (pieces between white space). Lengths without stories are left out.
    """
    upper = dict(pairwise(LENGTH_BUCKETS))
    groups: dict[str, list[Score]] = {
        f"{low}-{upper[low] - 1 if low in upper else ''}": [
            score for score in scores if length_bucket(words[score.story_id]) == low
        ]
        for low in LENGTH_BUCKETS
    }
    return {name: _figures(group, resamples, seed) for name, group in groups.items() if group}


def by_tag(
    scores: Sequence[Score], tags: Mapping[str, Sequence[Tag]], resamples: int = 1000, seed: int = 0
) -> dict[str, dict[str, float]]:
    """Figures of the stories that have each tag, and of those with none ("none"); a story may count for several."""
    groups: dict[str, list[Score]] = {
        tag: [score for score in scores if tag in tags[score.story_id]] for tag in TAGS
    } | {UNTAGGED: [score for score in scores if not tags[score.story_id]]}
    return {name: _figures(group, resamples, seed) for name, group in groups.items() if group}


def by_source(
    scores: Sequence[Score], sources: Mapping[str, str | None], resamples: int = 1000, seed: int = 0
) -> dict[str, dict[str, float]]:
    """Figures of the stories of each source, where there are several: the largest, of at least SOURCE_STORIES.

    What is no letter, digit, "_" or "-" in a source's name becomes "-", so that it can stand in a metric's name.
    """
    groups: dict[str, list[Score]] = defaultdict(list)
    for score in scores:
        groups[re.sub(r"[^\w-]+", "-", sources[score.story_id] or "unknown", flags=re.ASCII)].append(score)
    large = sorted(
        ((name, group) for name, group in groups.items() if len(group) >= SOURCE_STORIES),
        key=lambda source: (-len(source[1]), source[0]),
    )
    return {name: _figures(group, resamples, seed) for name, group in large[:SOURCES]} if len(groups) > 1 else {}


def by_position(
    model: Decoder, tokenizer: StoryTokenizer, stories: Sequence[StoryTokens], context: int,
    resamples: int = 1000, seed: int = 0, precision: torch.dtype = torch.float32,
) -> dict[str, dict[str, float]]:  # fmt: skip
    """Nats per token of each place in the plain form ("1-16": the first sixteen tokens; <eos> counts).

    {place: {"tokens", "nats_per_token", "nats_per_token_low", "nats_per_token_high"}}. A story is
    read up to the place and no further, so that all places together cost twice as much as the
    stories. All places together hold each token once, as `likelihood` does.
    """
    forms = [plain(tokenizer, story) for story in stories]
    places = list(pairwise((*PLACES, None)))
    examples = [(place, _part(form, *place)) for place in places for form in forms if len(form) - 1 > (place[0] or 0)]
    scored = sequence_nats(model, [example for _, example in examples], context, precision)
    groups: dict[str, list[Nats]] = {}
    for (place, _), nats in zip(examples, scored, strict=True):
        groups.setdefault(_name(*place), []).append(nats)
    return {name: _position(group, resamples, seed) for name, group in groups.items()}


def _part(form: Example, start: int | None, stop: int | None) -> Example:
    """`form` up to its target number `stop`, with the loss on those after number `start`; <bos> stands before them."""
    assert start is not None
    end = len(form) if stop is None else stop + 1
    mask = form.loss_mask[:end].copy()
    mask[: start + 1] = False
    return Example(form.ids[:end], mask, form.story_id)


def _name(start: int | None, stop: int | None) -> str:
    return f"{(start or 0) + 1}-{stop or ''}"


def _position(nats: Sequence[Nats], resamples: int, seed: int) -> dict[str, float]:
    above, below = [one.nats for one in nats], [one.targets for one in nats]
    low, high = ratio_interval(above, below, resamples, seed)
    return {
        "tokens": sum(below),
        "nats_per_token": sum(above) / sum(below),
        "nats_per_token_low": low,
        "nats_per_token_high": high,
    }


def _figures(scores: Sequence[Score], resamples: int, seed: int) -> dict[str, float]:
    nats, tokens, size = (sum(getattr(s, name) for s in scores) for name in ("nats", "tokens", "bytes"))
    low, high = ratio_interval([s.nats for s in scores], [s.tokens for s in scores], resamples, seed)
    return {
        "stories": len(scores),
        "nats_per_story": nats / len(scores),
        "nats_per_token": nats / tokens,
        "nats_per_token_low": low,
        "nats_per_token_high": high,
        "bits_per_byte": nats / math.log(2) / size,
    }
