"""Likelihood taken apart: every part worked by hand, and all parts together the whole."""

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tinystories.evaluation.breakdown import SOURCE_STORIES, by_length, by_position, by_source, by_tag
from tinystories.evaluation.likelihood import Score, score
from tinystories.requests.controls import BOS_ID, EOS_ID
from tinystories.text.tokenizer import StoryTokenizer

SCORES = [Score("a", 100.0, 40, 160), Score("b", 60.0, 20, 90), Score("c", 300.0, 100, 500)]


class Bigram(nn.Module):
    """A model that looks one token back: what it costs can be added up from its table."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(vocabulary, vocabulary, generator=torch.Generator().manual_seed(1)))

    def hidden(self, ids_BT: Tensor) -> Tensor:
        return self.table[ids_BT]

    def head(self, x_BTD: Tensor) -> Tensor:
        return x_BTD


def test_stories_of_each_length_have_their_own_figures() -> None:
    measured = by_length(SCORES, {"a": 49, "b": 0, "c": 400})
    assert list(measured) == ["0-49", "400-"]
    short = measured["0-49"]
    assert short["stories"] == 2 and short["nats_per_story"] == 80
    assert short["nats_per_token"] == 160 / 60  # over all tokens, as in the whole
    assert short["bits_per_byte"] == pytest.approx(160 / math.log(2) / 250)
    assert short["nats_per_token_low"] == pytest.approx(2.5) and short["nats_per_token_high"] == pytest.approx(3.0)
    assert measured["400-"]["nats_per_token"] == 3 and math.isnan(measured["400-"]["nats_per_token_low"])


def test_a_story_counts_for_each_of_its_tags_and_for_none_without_any() -> None:
    measured = by_tag(SCORES, {"a": ["Twist"], "b": ["Twist", "Dialogue"], "c": []})
    assert {tag: figures["stories"] for tag, figures in measured.items()} == {"Dialogue": 1, "Twist": 2, "none": 1}
    assert measured["Twist"]["nats_per_token"] == 160 / 60 and measured["none"]["nats_per_story"] == 300


def test_each_source_with_enough_stories_has_its_own_figures_the_largest_first() -> None:
    few, many = SOURCE_STORIES, SOURCE_STORIES + 1
    sources: dict[str, str | None] = {str(number): "a b.txt" for number in range(few)}
    sources |= {str(number): "world" for number in range(few, few + many)} | {"x": "one.txt", "y": None}
    scores = [Score(story, 100.0 if source == "world" else 60.0, 20, 90) for story, source in sources.items()]
    measured = by_source(scores, sources)
    assert [(name, one["stories"]) for name, one in measured.items()] == [("world", many), ("a-b-txt", few)]
    assert (measured["world"]["nats_per_token"], measured["a-b-txt"]["nats_per_token"]) == (5, 3)
    assert by_source(scores, dict.fromkeys(sources, "world")) == {}, "one source alone is the whole"


@pytest.mark.parametrize("context", [16, 64])
def test_each_place_in_the_story_is_as_worked_by_hand(tokenizer: StoryTokenizer, cut: Any, context: int) -> None:
    model: Any = Bigram(tokenizer.vocab_size)
    stories = [cut("There was a box.", " A small cat lived in it." * 3, " We like it."), cut("A cat.", "", "")]
    table = model.table.detach().log_softmax(-1)
    costs: dict[str, list[float]] = {}
    for story in stories:
        for at, (a, b) in enumerate(itertools.pairwise([BOS_ID, *story.text, EOS_ID])):
            costs.setdefault("1-16" if at < 16 else "17-32" if at < 32 else "33-64", []).append(-float(table[a, b]))
    measured = by_position(model, tokenizer, stories, context)
    assert measured.keys() == costs.keys()
    for place, nats in costs.items():
        assert measured[place]["tokens"] == len(nats)
        assert measured[place]["nats_per_token"] == pytest.approx(sum(nats) / len(nats), rel=1e-5)
    whole = score(model, tokenizer, stories, context)
    assert sum(x["tokens"] for x in measured.values()) == sum(x.tokens for x in whole)
    together = sum(x["tokens"] * x["nats_per_token"] for x in measured.values())
    assert together == pytest.approx(sum(x.nats for x in whole), rel=1e-5)
