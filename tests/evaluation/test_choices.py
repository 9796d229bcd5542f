"""Choosing by likelihood: the comparison worked by hand, and a model that learned something finds what tells it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tinystories.evaluation.choices import (
    ENDINGS,
    MIDDLES,
    ending_of_four,
    mean_tried,
    middle_of_five,
    names_swapped,
    swap_names,
)  # fmt: skip
from tinystories.evaluation.scoring import model_scorer
from tinystories.requests.controls import BOS_ID, EOS_ID, FIRST, LAST, MIDDLE
from tinystories.requests.example import Example
from tinystories.requests.mixed import StoryTokens
from tinystories.text.tokenizer import StoryTokenizer

CONTEXT = 64
Cut = Any
Lesson = Any


class Recorder:
    """A scorer that notes what it is asked and answers with given numbers."""

    def __init__(self, answers: Sequence[float]) -> None:
        self.answers, self.asked = list(answers), list[Example]()

    def __call__(self, examples: Sequence[Example]) -> list[float]:
        self.asked += examples
        return self.answers[: len(examples)]


def test_what_a_piece_costs_is_compared_with_its_mean_over_the_stories_it_was_tried_in() -> None:
    # three stories, two pieces each: piece 1 is tried in story 1 (4) and in story 0 (2), and so on around
    nats_SK = np.array([[1.0, 2.0], [4.0, 5.0], [7.0, 9.0]])
    of_piece = [(1 + 9) / 2, (4 + 2) / 2, (7 + 5) / 2]
    assert mean_tried(nats_SK).tolist() == [[5, 3], [3, 6], [6, 5]]
    assert of_piece == [5, 3, 6]


def test_the_chosen_middle_is_the_one_made_likelier_by_the_story_not_the_likeliest_anywhere(
    tokenizer: StoryTokenizer, cut: Cut
) -> None:
    stories = [cut(f"A box {n}.", f" It was {n}.", f" We like {n}.") for n in "abcde"]
    nats_SK = np.full((MIDDLES, MIDDLES), 50.0)
    for s in range(MIDDLES):
        nats_SK[s, (3 - s) % MIDDLES] = 1.0  # the fourth story's middle is cheap anywhere ...
    nats_SK[:3, 0] = 49.0  # ... and the first three stories' own are a little cheaper at home
    score = Recorder(nats_SK.ravel().tolist())
    chosen = middle_of_five(score, tokenizer, stories, CONTEXT)
    assert [one.right for one in chosen] == [True, True, True, False, False]
    assert chosen[0].nats[0] == pytest.approx(49 - (49 + 4 * 50) / 5)
    first, last, middle = (tokenizer.control(name) for name in (FIRST, LAST, MIDDLE))
    asked = score.asked[1]  # the first story with the second one's middle
    one, other = stories[0], stories[1]
    assert asked.ids.tolist() == [BOS_ID, first, *one.first, last, *one.last, middle, *other.middle, EOS_ID]
    assert asked.ids[asked.loss_mask].tolist() == list(other.middle)


def test_the_ending_is_asked_for_after_the_whole_story(tokenizer: StoryTokenizer, cut: Cut) -> None:
    stories = [cut(f"A box {n}.", f" It was {n}.", f" We like {n}.") for n in "abcd"]
    score = Recorder(np.where(np.arange(16) % ENDINGS == 0, 1.0, 2.0).tolist())
    assert all(one.right for one in ending_of_four(score, tokenizer, stories, CONTEXT))
    asked = score.asked[ENDINGS + 3]  # the second story with the last sentence of the first: three further on
    assert asked.ids.tolist() == [BOS_ID, *stories[1].first, *stories[1].middle, *stories[0].last]
    assert asked.ids[asked.loss_mask].tolist() == list(stories[0].last)


def test_fewer_stories_than_candidates_are_no_task(tokenizer: StoryTokenizer, cut: Cut) -> None:
    stories = [cut(f"A box {n}.", f" It was {n}.", f" We like {n}.") for n in "abcd"]
    assert middle_of_five(Recorder([]), tokenizer, stories, CONTEXT) == []
    assert ending_of_four(Recorder([]), tokenizer, stories[:3], CONTEXT) == []


def test_stories_too_long_for_any_middle_are_left_out(tokenizer: StoryTokenizer, cut: Cut) -> None:
    stories = [cut(f"A box {n}.", f" It was {n}.", f" We like {n}.") for n in "abcde"]
    long = cut("A box.", " It was red." * 40, " We like it.")
    score = Recorder([1.0] * 100)
    chosen = middle_of_five(score, tokenizer, [*stories, long], CONTEXT)
    assert len(chosen) == 5 and all(len(example) <= CONTEXT + 1 for example in score.asked)


def test_a_model_that_reads_the_last_sentence_finds_the_middle_and_one_that_cannot_does_not(
    tokenizer: StoryTokenizer, told_lesson: Lesson, untold_lesson: Lesson
) -> None:
    shares = []
    for lesson in (told_lesson, untold_lesson):
        chosen = middle_of_five(model_scorer(lesson.model, CONTEXT), tokenizer, lesson.stories, CONTEXT)
        shares.append(sum(one.right for one in chosen) / len(chosen))
    assert len(told_lesson.stories) == 8 and shares[0] == 1 and shares[1] <= 0.5  # more than 4 of 8 by chance: 1 %


@pytest.mark.parametrize(
    ("before", "last", "swapped"),
    [
        ("One day Lily met Tom. Lily had a cake.", " Tom ate the cake.", " Lily ate the cake."),
        ("One day Lily met Tom. They played with Zoe, and then Zoe left.", " Lily slept.", " Zoe slept."),
        ("One day Lily met Tom.", " Lily and Tom went home.", None),  # no fault
        ("One day Lily met Tom.", " Lily gave Tom a cake.", " Tom gave Lily a cake."),
        ("One day Lily met Tom.", " They went home.", None),
        ("One day Lily met a cat.", " Lily went home.", None),
    ],
)
def test_names_change_places_in_the_last_sentence(before: str, last: str, swapped: str | None) -> None:
    assert swap_names(before + last, last) == swapped


def test_the_true_ending_is_right_where_it_costs_less(tokenizer: StoryTokenizer, cut: Cut) -> None:
    texts = [("One day Lily met Tom.", " Lily had a cake.", " Tom ate the cake."), ("A day.", " It was hot.", " So?")]
    stories: list[StoryTokens] = [cut(*text) for text in texts]
    parts = {s.story_id: {"text": "".join(t), "last": t[2]} for s, t in zip(stories, texts, strict=True)}
    score = Recorder([3.0, 4.0])
    (one,) = names_swapped(score, tokenizer, stories, parts, CONTEXT)
    assert one.right and one.nats == (3.0, 4.0) and one.story_id == stories[0].story_id
    true, false = (tokenizer.decode(example.ids[example.loss_mask].tolist()) for example in score.asked)
    assert (true, false) == (" Tom ate the cake.", " Lily ate the cake.")
    assert not names_swapped(Recorder([4.0, 4.0]), tokenizer, stories, parts, CONTEXT)[0].right
