"""The last sentence is seen, on the same tokens, and counts exactly when it tells something."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from tinystories.evaluation.infilling import (
    LastNats,
    MiddleNats,
    infilling,
    last_nats,
    leading,
    measurable,
    middle_nats,
)
from tinystories.model.config import ModelConfig
from tinystories.model.transformer import Transformer
from tinystories.requests.controls import BOS_ID, EOS_ID, FIRST, LAST, MIDDLE
from tinystories.text.tokenizer import StoryTokenizer

CONTEXT = 64
Cut = Any
Lesson = Any


@pytest.fixture
def random_model(tokenizer: StoryTokenizer) -> Transformer:
    torch.manual_seed(3)
    model = Transformer(ModelConfig(tokenizer.vocab_size, width=16, layers=2, heads=2, ffn=32, context=CONTEXT))
    for weight in model.parameters():
        if weight.ndim == 2:
            torch.nn.init.normal_(weight, std=0.3)
    return model.eval()


def by_hand(model: Transformer, given: list[int], target: list[int]) -> float:
    """-ln p of `target` after `given`, token by token."""
    ids, nats = list(given), 0.0
    for token in target:
        nats -= float(model(torch.tensor([ids]))[0, -1].log_softmax(-1)[token])
        ids.append(token)
    return nats


def test_each_form_of_the_middle_is_as_worked_by_hand(
    random_model: Transformer, tokenizer: StoryTokenizer, cut: Cut
) -> None:
    story = cut("There was a box.", " A small cat lived in it.", " We like the cat.")
    (got,) = middle_nats(random_model, tokenizer, [story], CONTEXT)
    first, last, middle = (tokenizer.control(name) for name in (FIRST, LAST, MIDDLE))
    prompt = [BOS_ID, first, *story.first, last, *story.last, middle]
    with torch.inference_mode():
        assert got.with_last == pytest.approx(by_hand(random_model, prompt, story.middle), rel=1e-5)
        assert got.without_last == pytest.approx(by_hand(random_model, [BOS_ID, *story.first], story.middle), rel=1e-5)
        assert got.eos == pytest.approx(by_hand(random_model, [*prompt, *story.middle], [EOS_ID]), rel=1e-5)


def test_the_middle_sees_the_last_sentence_in_one_form_and_not_in_the_other(
    random_model: Transformer, tokenizer: StoryTokenizer, cut: Cut
) -> None:
    first, middle = "There was a box.", " A small cat lived in it."
    one, two = middle_nats(
        random_model, tokenizer, [cut(first, middle, " We like the cat."), cut(first, middle, " We like it.")], CONTEXT
    )
    assert abs(one.with_last - two.with_last) > 0.1
    assert one.without_last == pytest.approx(two.without_last, rel=1e-6)


def test_a_last_sentence_that_tells_something_helps_by_what_it_tells(
    told_lesson: Lesson, tokenizer: StoryTokenizer
) -> None:
    measured = infilling(middle_nats(told_lesson.model, tokenizer, told_lesson.stories, CONTEXT))
    assert measured["gain"] == pytest.approx(math.log(8), abs=0.5)  # one animal of eight
    assert 1 < measured["gain_low"] < measured["gain"] < measured["gain_high"] < 3
    assert measured["nats_with_last"] < 0.5


def test_a_last_sentence_that_tells_nothing_helps_nothing(untold_lesson: Lesson, tokenizer: StoryTokenizer) -> None:
    measured = infilling(middle_nats(untold_lesson.model, tokenizer, untold_lesson.stories, CONTEXT))
    assert abs(measured["gain"]) < 0.3
    assert measured["nats_without_last"] == pytest.approx(math.log(8), abs=0.4)


def test_the_last_sentence_is_likelier_after_a_middle_that_leads_to_it(
    told_lesson: Lesson, tokenizer: StoryTokenizer
) -> None:
    stories = told_lesson.stories
    aimless = tokenizer.encode(" A small box lived in it.")
    generated = [story.middle if i % 2 else aimless for i, story in enumerate(stories)]
    lasts = last_nats(told_lesson.model, tokenizer, stories, generated, CONTEXT)
    for i, last in enumerate(lasts):
        assert last is not None and last.after_true < 0.3 and last.after_other > 2
        assert (last.after_generated == pytest.approx(last.after_true, rel=1e-4)) == bool(i % 2)
    measured = leading(lasts)
    assert measured["last_stories"] == 8
    assert measured["last_after_true"] < measured["last_after_generated"] < measured["last_after_other"]
    assert 0 < measured["last_advantage_low"] < measured["last_advantage"] < measured["last_advantage_high"]


def test_gains_are_means_of_differences_by_hand() -> None:
    measured = infilling([MiddleNats("a", 10.0, 13.0, 1.0), MiddleNats("b", 20.0, 21.0, 2.0)])
    assert (measured["nats_with_last"], measured["nats_without_last"], measured["gain"]) == (15.0, 17.0, 2.0)
    assert measured["nats_of_eos"] == 1.5 and measured["stories"] == 2
    lead = leading([LastNats(1.0, 4.0, 9.0), None, LastNats(3.0, 3.0, 4.0)])
    assert (lead["last_stories"], lead["last_after_generated"], lead["last_advantage"]) == (2, 3.5, 3.0)


def test_stories_without_a_middle_or_longer_than_the_context_are_left_out(tokenizer: StoryTokenizer, cut: Cut) -> None:
    good = cut("There was a box.", " A small cat lived in it.", " We like it.")
    short = cut("There was a box.", "", "")
    long = cut("There was a box.", " A small cat lived in it." * 20, " We like it.")
    assert measurable(tokenizer, [short, long, good], CONTEXT) == [good]
    exact = len(good.text) + 4  # <bos> <first> <last> <middle> text; <eos> is predicted at the last position
    assert measurable(tokenizer, [good], exact) == [good] and measurable(tokenizer, [good], exact - 1) == []


def test_without_stories_there_are_no_figures_and_no_error(
    random_model: Transformer, tokenizer: StoryTokenizer
) -> None:
    none = {
        **infilling(middle_nats(random_model, tokenizer, [], CONTEXT)),
        **leading(last_nats(random_model, tokenizer, [], [], CONTEXT)),
    }
    assert none.pop("stories") == none.pop("last_stories") == 0
    assert all(math.isnan(value) for value in none.values())


def test_with_one_story_there_is_no_other_middle(
    random_model: Transformer, tokenizer: StoryTokenizer, cut: Cut
) -> None:
    story = cut("There was a box.", " A small cat lived in it.", " We like it.")
    assert last_nats(random_model, tokenizer, [story], [story.middle], CONTEXT) == [None]
    long = np.tile(story.middle, 20).tolist()
    both = last_nats(random_model, tokenizer, [story, story], [long, story.middle], CONTEXT)
    assert both[0] is None and both[1] is not None
