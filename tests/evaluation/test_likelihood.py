"""Likelihood of stories, worked by hand."""

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tinystories.evaluation.likelihood import Score, likelihood, score
from tinystories.evaluation.ngram import NGram
from tinystories.requests.controls import BOS_ID, EOS_ID
from tinystories.text.tokenizer import StoryTokenizer

Cut = Any


class Bigram(nn.Module):
    """A model that looks one token back: what it costs can be added up from its table."""

    def __init__(self, vocabulary: int, seed: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(vocabulary, vocabulary, generator=torch.Generator().manual_seed(seed)))

    def hidden(self, ids_BT: Tensor) -> Tensor:
        return self.table[ids_BT]

    def head(self, x_BTD: Tensor) -> Tensor:
        return x_BTD


def test_the_figures_of_two_stories_are_as_worked_by_hand() -> None:
    measured = likelihood([Score("a", 100.0, 40, 160), Score("b", 60.0, 20, 90)])
    assert measured["nats_per_story"] == 80
    assert measured["nats_per_token"] == 160 / 60  # over all tokens: not the mean of the stories' own means
    assert measured["perplexity"] == pytest.approx(math.exp(8 / 3))
    assert measured["bits_per_byte"] == pytest.approx(160 / 0.693147 / 250, rel=1e-5)
    assert measured["nats_per_story_low"] <= 80 <= measured["nats_per_story_high"]
    assert (measured["stories"], measured["tokens"], measured["bytes"]) == (2, 60, 250)


def test_bits_per_byte_is_nats_per_story_over_ln_2_and_mean_bytes() -> None:
    scores = [Score(str(i), 90.0 + i, 30 + i, 100 + 3 * i) for i in range(9)]
    measured = likelihood(scores)
    mean_bytes = sum(s.bytes for s in scores) / 9
    assert measured["bits_per_byte"] == pytest.approx(measured["nats_per_story"] / math.log(2) / mean_bytes)


def test_a_model_that_knows_nothing_pays_ln_v_for_each_token_and_the_end(tokenizer: StoryTokenizer, cut: Cut) -> None:
    model = Bigram(tokenizer.vocab_size, seed=0)
    nn.init.zeros_(model.table)
    story = cut("There was a box.", " It was red.", " The end 🙂.")
    (got,) = score(model, tokenizer, [story], context=64)
    assert got.tokens == len(story.text) + 1
    assert got.nats == pytest.approx(got.tokens * math.log(tokenizer.vocab_size), rel=1e-6)
    assert got.bytes == len("There was a box. It was red. The end 🙂.".encode())


@pytest.mark.parametrize("context", [8, 64])
def test_every_text_token_and_eos_count_once_also_in_windows(tokenizer: StoryTokenizer, cut: Cut, context: int) -> None:
    model = Bigram(tokenizer.vocab_size, seed=1)
    stories = [cut("There was a box.", " A small cat lived in it.", " We like it."), cut("A cat.", "", "")]
    table = model.table.detach().log_softmax(-1)
    for story, got in zip(stories, score(model, tokenizer, stories, context), strict=True):
        ids = [BOS_ID, *story.text, EOS_ID]
        by_hand = -sum(float(table[a, b]) for a, b in itertools.pairwise(ids))
        assert got.nats == pytest.approx(by_hand, rel=1e-5) and got.story_id == story.story_id


def test_model_and_ngram_are_measured_on_the_same_tokens(tokenizer: StoryTokenizer, cut: Cut) -> None:
    story = cut("There was a box.", " It was red.", " The end.")
    (got,) = score(Bigram(tokenizer.vocab_size, 0), tokenizer, [story], context=64)
    ids = [BOS_ID, *story.text, EOS_ID]
    assert len(NGram.fit([ids], 5, tokenizer.vocab_size).nats([ids])[0]) == got.tokens


def test_without_stories_every_mean_is_unknown() -> None:
    measured = likelihood([])
    assert [measured.pop(key) for key in ("stories", "tokens", "bytes")] == [0, 0, 0]
    assert all(math.isnan(value) for value in measured.values())
