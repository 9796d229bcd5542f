"""Which of several candidates for a story is the best."""

from collections.abc import Sequence

import numpy as np

from tinystories.generation.story import Story
from tinystories.model.folder import LoadedModel
from tinystories.requests.controls import BOS, EOS
from tinystories.requests.example import Example
from tinystories.training.loss import sequence_nats


def best(loaded: LoadedModel, candidates: Sequence[Story], closing: str) -> Story:
    """The candidate with most controls met (tags apart: these are judged, and a judge can be pleased), of these
    one that ended where it should, of these the likeliest.

    Likeliest: the mean log-likelihood of a token of the whole story, in the plain form; with a last
    sentence given (`closing`, its space before it), plus the mean of its tokens after the middle.
    """
    likelihoods = _likelihoods(loaded, [story.text for story in candidates], closing)

    def merit(place: int) -> tuple[int, bool, float]:
        story = candidates[place]
        met = sum(kept for control, kept in story.met.items() if not control.startswith("tag:"))
        return met, story.stopped != "max_tokens", likelihoods[place]

    return candidates[max(range(len(candidates)), key=merit)]


def _likelihoods(loaded: LoadedModel, texts: Sequence[str], closing: str) -> list[float]:
    tokenizer = loaded.tokenizer
    last = tokenizer.encode(closing)
    stories = [tokenizer.encode(text.removesuffix(closing)) for text in texts]
    bos, eos = tokenizer.control(BOS), tokenizer.control(EOS)
    wholes = [_example([bos], [*ids, *last, eos]) for ids in stories]
    lasts = [_example([bos, *ids], last) for ids in stories if last]
    scored = sequence_nats(loaded.model, [*wholes, *lasts], loaded.config.context)
    means = [-score.nats / score.targets for score in scored]
    ends = means[len(texts) :] or [0.0] * len(texts)
    return [whole + end for whole, end in zip(means[: len(texts)], ends, strict=True)]


def _example(given: list[int], target: list[int]) -> Example:
    mask = np.arange(len(given) + len(target)) >= len(given)
    return Example(np.array([*given, *target], dtype=np.int32), mask, "")
