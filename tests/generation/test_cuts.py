"""A story that its budget cuts: it ends with a sentence where one is to be had, and nothing streamed is taken back."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from tinystories import Request, StoryModel
from tinystories.generation.words import opens_quotation
from tinystories.requests.absorbed import FORMATS
from tinystories.requests.controls import EOS_ID

FIRST, LAST = "Tom had a kite.", "They went home."
TOLD = (
    ' It was red. "Come here. Look!" he cried. "Come!" Mom said. "What is it?" She saw Mr. Bob. '
    "'Stop. Now!' he said. He saw T. Rex. He had 3.5 apples, No. 7... “Go. Run,” said a friend of Tom's. "
    "Then they had a long, long talk of many things"
)


class Scripted:
    """An engine that is sure of what comes next: the tokens of one text, and then the end."""

    context = 512

    def __init__(self, model: StoryModel, text: str) -> None:
        self.vocab_size = model.engine.vocab_size
        self._ids = [*model.loaded.tokenizer.encode(text), EOS_ID]

    def _next(self, at: int, rows: int) -> Tensor:
        logits_V = torch.full((self.vocab_size,), -50.0)
        logits_V[self._ids[min(at, len(self._ids) - 1)]] = 50.0
        return logits_V.expand(rows, -1)

    def prefill(self, prompts: Sequence[Sequence[int]], room: int) -> tuple[Tensor, list[int]]:
        return self._next(0, len(prompts)), [0]

    def step(self, ids_B: Tensor, cache: list[int]) -> Tensor:
        cache[0] += 1
        return self._next(cache[0], len(ids_B))

    def keep(self, cache: list[int], rows: Sequence[int]) -> list[int]:
        return cache


@pytest.fixture
def teller(model: StoryModel) -> StoryModel:
    return StoryModel(model.loaded, Scripted(model, TOLD))


def steps(model: StoryModel) -> range:
    return range(1, len(model.loaded.tokenizer.encode(TOLD)) + 2)


def test_a_middle_cut_by_its_budget_ends_with_a_sentence(teller: StoryModel) -> None:
    told = {}
    for most in steps(teller):
        [story] = teller.generate(first=FIRST, last=LAST, max_tokens=most)
        middle = story.text.removeprefix(FIRST).removesuffix(f" {LAST}")
        assert TOLD.startswith(middle) and story.met == {"first": True, "last": True}
        assert story.tokens <= most and story.nats == pytest.approx(0, abs=1e-3)
        told[most] = (middle, story.stopped)
    cut = {middle for middle, stopped in told.values() if stopped == "max_tokens"}
    assert {"", " It was red.", ' It was red. "Come here. Look!" he cried.'} <= cut
    assert all(middle == "" or middle[-1] in ".?!'\"”" for middle in cut)
    assert not any(middle.endswith(("Mr.", " T.")) for middle in cut)
    assert told[max(steps(teller))] == (TOLD, "eos"), "what ended by itself is not cut"


def test_where_no_sentence_ends_it_is_cut_after_a_word(teller: StoryModel, model: StoryModel) -> None:
    endless = StoryModel(model.loaded, Scripted(model, " ran and jumped and laughed and sang" * 9))
    for most in range(1, 9):
        [story] = endless.generate(prompt="My cat", last=LAST, max_tokens=most)
        before = story.text.removesuffix(f" {LAST}")
        assert "My cat ran and jumped and laughed and sang ".startswith(f"{before} ")
        assert (story.met, story.stopped) == ({"prompt": True, "last": True}, "max_tokens")


def test_a_required_word_outweighs_a_sentence_more(model: StoryModel) -> None:
    own = StoryModel(model.loaded, Scripted(model, " A dog ran. He sat. And then he"))
    [story] = own.generate(first=FIRST, last=LAST, words=["dog"], max_tokens=10)
    assert story.met == {"first": True, "last": True, "word:dog": True}
    assert story.text.removesuffix(f" {LAST}")[-1] == "."


def test_a_model_that_writes_the_last_sentence_itself_is_cut_before_it(model: StoryModel) -> None:
    own = replace(model.loaded, form=FORMATS["infilling"])
    script = f" It was red. Then it flew. {LAST}"
    middles = []
    for most in range(1, 26):
        [story] = StoryModel(own, Scripted(model, script)).generate(first=FIRST, last=LAST, max_tokens=most)
        assert story.met == {"first": True, "last": True} and story.text.count(LAST) == 1
        middles.append(story.text.removeprefix(FIRST).removesuffix(f" {LAST}"))
    assert list(dict.fromkeys(middles)) == ["", " It was red.", " It was red. Then it flew."]


def test_the_length_in_words_ends_a_middle_with_a_sentence_too(teller: StoryModel) -> None:
    for most in (10, 20, 30):
        [story] = teller.generate(first=FIRST, last=LAST, max_words=most)
        assert story.met["max_words"] and story.text.removesuffix(f" {LAST}")[-1] in ".?!'\"”"


@pytest.mark.parametrize(
    "options",
    [
        {"max_words": None}, {"first": FIRST, "last": LAST, "max_tokens": None}, {"end": "Rex", "max_tokens": None},
        {"max_words": None, "end": "red"}, {"first": FIRST, "last": LAST, "max_words": None, "words": ["red"]},
    ],
)  # fmt: skip
def test_what_was_streamed_stays_wherever_the_story_is_cut(options: dict[str, Any], teller: StoryModel) -> None:
    streamed = 0
    for most in steps(teller)[::2]:
        budget = {name: most + 8 * (name == "max_words") for name, value in options.items() if value is None}
        *pieces, story = teller.stream(Request(**{**options, **budget}))
        assert "".join(map(str, pieces)) == story.text
        streamed = max(streamed, len(pieces))
    assert streamed > (1 if "words" in options or "end" in options else 3)


@pytest.mark.parametrize(
    ("text", "is_open"),
    [
        ('"Come', True), ('"Come!" he said.', False), ("“Come. Go.", True), ("“Come.”", False), ("«Non. ", True),
        ("'Come. Now", True), ("'Come. Now!' he said.", False), ("Tom's dog didn't.", False), ("Say ‘Hi. Go", True),
        ("", False),
    ],
)  # fmt: skip
def test_a_quotation_that_may_go_on_is_open(text: str, is_open: bool) -> None:
    assert opens_quotation(text) == is_open
