"""What bends a choice: penalties by hand, words that come and words that don't."""

from itertools import pairwise

import pytest
import regex
import torch

from tinystories import Request, StoryModel
from tinystories.generation.avoid import Avoid
from tinystories.generation.rules import EosAfter, NoRepeat, RepetitionPenalty
from tinystories.generation.wanted import ways
from tinystories.generation.written import Written
from tinystories.requests.controls import EOS_ID


def story(model: StoryModel, text: str) -> Written:
    written = Written(model.vocabulary)
    for identity in model.loaded.tokenizer.encode(text):
        written.add(identity)
    return written


def test_a_story_knows_its_text_at_every_token(model: StoryModel) -> None:
    text = "A naïve 🐉 said: “Café…”"
    ids, written = model.loaded.tokenizer.encode(text), Written(model.vocabulary)
    for place, identity in enumerate(ids, start=1):
        written.add(identity)
        assert written.text == model.vocabulary.text(ids[:place])
        assert written.complete == (not written.pending)
        assert written.fork() == written
    assert written.text == text


def test_the_repetition_penalty_is_its_formula() -> None:
    logits = torch.tensor([2.0, -1.0, 3.0, 0.5])
    RepetitionPenalty(2.0, given=[2]).steer(logits, _ids([1, 1]), 0.0)
    assert logits.tolist() == [2.0, -2.0, 1.5, 0.5]


@pytest.mark.parametrize(
    ("size", "ids", "banned"),
    [(1, [3, 4], {3, 4, 7}), (2, [3, 4, 3], {4}), (2, [3, 4, 5], set()), (3, [7, 3, 4], set()), (2, [1, 7], {1}),
     (5, [1, 2], set())],
)  # fmt: skip
def test_no_run_of_tokens_comes_twice(size: int, ids: list[int], banned: set[int]) -> None:
    logits = torch.zeros(9)
    NoRepeat(size, given=[7]).steer(logits, _ids(ids), 0.0)
    assert {i for i in range(9) if logits[i] == -torch.inf} == banned


def test_no_run_of_tokens_comes_twice_in_stories(bigram: StoryModel) -> None:
    encode = bigram.loaded.tokenizer.encode
    for told in bigram.generate(count=6, no_repeat_ngram=2, start="Once", temperature=1.0, seed=4):
        ids = encode(told.text)
        runs = list(pairwise(ids))
        # the same text can be cut into tokens otherwise than it was written, so a run may seem to come twice
        assert len(runs) - len(set(runs)) <= 0.02 * len(runs)


def test_the_end_grows_likelier_after_its_tokens(model: StoryModel) -> None:
    logits = torch.zeros(model.engine.vocab_size)
    EosAfter(EOS_ID, 3).steer(logits, _ids([5] * 13), 0.0)
    assert logits[EOS_ID] == pytest.approx(1.0) and logits.count_nonzero() == 1
    EosAfter(EOS_ID, 3).steer(logits, _ids([5] * 3), 0.0)
    assert logits[EOS_ID] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("avoid", "text", "token", "banned"),
    [
        ("dog", "The", " dog", True), ("dog", "The d", "og", True), ("dog", "The hot-d", "og", True),
        ("dog", 'He said "', "Dog", True), ("dog", "The hotd", "og", False), ("dog", "The", " do", False),
        ("café", "A caf", "é", True), ("CAFÉ", "A cafe", "\u0301", True), ("ice-cream", "An ice-", "cream", True),
        ("cream", "An ice-", "cream", True), ("ice-cream", "An ice", "-", False), ("can", "I", " can", True),
        ("don't", "I don", "'t", True), ("don't", "I don", "’t", True), ("don't", "I", " don", False),
    ],
)  # fmt: skip
def test_an_avoided_word_is_closed_at_the_token_that_completes_it(
    avoid: str, text: str, token: str, banned: bool, model: StoryModel
) -> None:
    rule = Avoid(model.vocabulary, [avoid])
    written = story(model, text)
    *before, last = model.loaded.tokenizer.encode(token)
    for identity in before:
        written.add(identity)
    logits = torch.zeros(model.engine.vocab_size)
    rule.steer(logits, written, 0.0)
    assert bool(logits[last] == -torch.inf) == banned


@pytest.mark.parametrize("words", [["the", "a", "and"], ["He", "she", "I", "it"], ["ice-cream", "don't", "é"]])
def test_avoided_words_never_occur(words: list[str], model: StoryModel, bigram: StoryModel) -> None:
    for teller in (model, bigram):
        for told in teller.generate(avoid=words, count=6, temperature=1.2, max_tokens=80, seed=2):
            assert told.met == {f"avoid:{word}": True for word in words}
            for word in words:  # another definition: between anything that is no letter, digit or apostrophe
                assert not regex.search(
                    rf"(?<![\p{{L}}\p{{M}}\p{{N}}'’]){word}(?![\p{{L}}\p{{M}}\p{{N}}'’])", told.text, regex.I
                )


def test_a_word_that_must_occur_may_pass_through_one_that_must_not(bigram: StoryModel) -> None:
    for told in bigram.generate(words=["garden"], avoid=["gard", "g", "gar", "ga", "den"], count=6, seed=3):
        assert told.met["word:garden"] and told.met["avoid:gard"] and told.met["avoid:g"]


@pytest.mark.parametrize("words", [["dog", "kite", "jump"], ["Émile"], ["ice-cream", "cry", "box", "moon", "sing"]])
def test_words_that_must_occur_do(words: list[str], model: StoryModel, bigram: StoryModel) -> None:
    for teller in (model, bigram):
        for told in teller.generate(words=words, count=5, seed=1, max_tokens=200):
            assert told.met == {f"word:{word}": True for word in words}


def test_words_in_what_is_given_are_not_asked_for_again(bigram: StoryModel) -> None:
    plan = bigram._plan(Request(first="The dog ran.", last="It cried.", words=["dog", "cry", "sun"]))
    assert plan.job.words == ("sun",)


def test_the_ways_of_a_word_are_real_words(model: StoryModel) -> None:
    tokenizer = model.loaded.tokenizer
    written = {tokenizer.decode(ids).strip() for ids in ways(tokenizer, "look")}
    assert "look" in written and "lookked" not in written


@pytest.mark.parametrize("length", [20, 45, 90])
def test_a_story_is_about_as_long_as_asked_and_ends_with_a_sentence(length: int, bigram: StoryModel) -> None:
    stories = bigram.generate(length=length, count=10, seed=1) + bigram.generate(
        length=length, count=10, first="Tom had a dog.", last="They slept well.", seed=2
    )
    for told in stories:
        assert told.text.rstrip()[-1] in '.!?"'
        assert told.met["length"]
    assert sum(abs(len(told.text.split()) - length) <= length * 0.15 for told in stories) >= 14


def _ids(ids: list[int]) -> Written:
    written = Written.__new__(Written)
    written.ids = ids
    return written
