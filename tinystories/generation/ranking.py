"""Which of several candidates for a story is the best."""

from collections.abc import Sequence

import numpy as np

from tinystories.generation.story import Story
from tinystories.model.folder import LoadedModel
from tinystories.requests.controls import BOS, EOS
from tinystories.requests.example import Example
from tinystories.text.fragments import without_fragments
from tinystories.text.tagger import Tagger
from tinystories.training.loss import sequence_nats


def best(loaded: LoadedModel, candidates: Sequence[Story], closing: str) -> Story:
    """The candidate with most controls met, of these one that ended where it should, of these one in which the tagger
    finds most of the tags asked for, of these the likeliest.

    Tags are asked of the tagger, which labels what models learn from, and not of the judge, by which `met` and all
    measurements go: chosen by the one who measures, a story would only please him. The two learned from different
    stories and look at different things.

    Likeliest: the mean log-likelihood of a token of the whole story, in the plain form; with a last
    sentence given (`closing`, its space before it), plus the mean of its tokens after the middle.
    """
    likelihoods = _likelihoods(loaded, [story.text for story in candidates], closing)
    found = [_tags_found(story) for story in candidates]

    def merit(place: int) -> tuple[int, bool, int, float]:
        story = candidates[place]
        met = sum(kept for control, kept in story.met.items() if not control.startswith("tag:"))
        return met, story.stopped != "max_tokens", found[place], likelihoods[place]

    return candidates[max(range(len(candidates)), key=merit)]


def _tags_found(story: Story) -> int:
    """How many of the tags that were asked for the tagger finds, where no bare "A fight!" can take it in."""
    asked = story.request.tags
    return len({*asked} & {*Tagger.load("tagger").tags(without_fragments(story.text))}) if asked else 0


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
