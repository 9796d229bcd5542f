"""How well a model expects stories: nats per story, per token, perplexity, bits per byte."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from tinystories.evaluation.intervals import mean_interval
from tinystories.model.decoder import Decoder
from tinystories.requests.mixed import StoryTokens, plain
from tinystories.text.tokenizer import StoryTokenizer
from tinystories.training.loss import sequence_nats


@dataclass(frozen=True)
class Score:
    """One story. nats: sum of -ln p over its text tokens and <eos>; tokens counts <eos>; bytes of UTF-8."""

    story_id: str
    nats: float
    tokens: int
    bytes: int


def score(
    model: Decoder,
    tokenizer: StoryTokenizer,
    stories: Sequence[StoryTokens],
    context: int,
    precision: torch.dtype = torch.float32,
) -> list[Score]:
    """Score each story in the plain form `<bos> text <eos>`; long ones in windows of `context`."""
    scored = sequence_nats(model, [plain(tokenizer, story) for story in stories], context, precision)
    return [
        Score(story.story_id, nats.nats, nats.targets, story.bytes) for story, nats in zip(stories, scored, strict=True)
    ]


def likelihood(scores: Sequence[Score], resamples: int = 1000, seed: int = 0) -> dict[str, float]:
    """Means over stories, with the 95 % bootstrap interval of nats per story; nan without stories.

    nats_per_token is the mean over all tokens, perplexity its exponential, and bits_per_byte all
    nats / ln 2 / all bytes of text: the one that compares across tokenizers.
    """
    nats, tokens, size = (sum(getattr(s, name) for s in scores) for name in ("nats", "tokens", "bytes"))
    low, high = mean_interval([s.nats for s in scores], resamples, seed)
    per_token = nats / tokens if tokens else math.nan
    return {
        "stories": len(scores),
        "tokens": tokens,
        "bytes": size,
        "nats_per_story": nats / len(scores) if scores else math.nan,
        "nats_per_story_low": low,
        "nats_per_story_high": high,
        "nats_per_token": per_token,
        "perplexity": math.exp(per_token),
        "bits_per_byte": nats / math.log(2) / size if size else math.nan,
    }
