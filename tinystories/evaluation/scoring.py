"""What all comparisons by likelihood stand on: a part of a story as an example, and who says how likely it is."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from tinystories.evaluation.ngram import NGram
from tinystories.model.decoder import Decoder
from tinystories.requests.controls import BOS
from tinystories.requests.example import Example
from tinystories.text.tokenizer import StoryTokenizer
from tinystories.training.hardware import precision_of
from tinystories.training.loss import sequence_nats

Scorer = Callable[[Sequence[Example]], list[float]]  # -ln p of each example's targets, summed


def scoring_precision(model: Decoder) -> torch.dtype:
    """What likelihoods are computed in: bfloat16 where the hardware does. One model's figures are all made so."""
    return precision_of("auto", next(model.parameters()).device)


def model_scorer(model: Decoder, context: int, precision: torch.dtype = torch.float32) -> Scorer:
    """The model, its products in `precision`."""
    return lambda examples: [nats.nats for nats in sequence_nats(model, examples, context, precision)]


def ngram_scorer(ngram: NGram) -> Scorer:
    """An n-gram model of the same tokens; examples in the plain form only, since it knows no other."""

    def score(examples: Sequence[Example]) -> list[float]:
        nats = ngram.nats([example.ids.tolist() for example in examples]) if examples else []
        return [float(x[example.loss_mask[1:]].sum()) for example, x in zip(examples, nats, strict=True)]

    return score


def continued(tokenizer: StoryTokenizer, given: Sequence[int], target: Sequence[int], story_id: str) -> Example:
    """`<bos> given target`, a part of the plain form, with the loss on `target`."""
    ids = np.array([tokenizer.control(BOS), *given, *target], dtype=np.int32)
    mask = np.zeros(len(ids), dtype=np.bool_)
    mask[len(ids) - len(target) :] = True
    return Example(ids, mask, story_id)
