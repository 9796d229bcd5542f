"""Beam search against all stories there are, guidance against its formula, the best of several by hand."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import pytest
import torch
from torch import Tensor

from tinystories import Request, Story, StoryModel
from tinystories.generation.beams import search
from tinystories.generation.decode import Job, Writing, choices
from tinystories.generation.ending import Ending
from tinystories.generation.ranking import best
from tinystories.generation.vocabulary import Vocabulary
from tinystories.requests.controls import BOS_ID, EOS_ID
from tinystories.text.fragments import without_fragments
from tinystories.text.tagger import Tagger
from tinystories.text.tags import Tag


class FewTokens:
    """An engine that gives only four ids and <eos> a chance, by a table of the last two tokens."""

    context, ids = 16, (EOS_ID, 300, 301, 302, 303)

    def __init__(self, vocab_size: int) -> None:
        self.vocab_size = vocab_size
        self.table = torch.randn(5, 5, 5, generator=torch.Generator().manual_seed(4)) * 2

    def _logits(self, rows: Sequence[Sequence[int]]) -> Tensor:
        logits = torch.full((len(rows), self.vocab_size), -1e4)
        for place, row in enumerate(rows):
            one, two = (self.ids.index(i) if i in self.ids else 0 for i in [0, *row][-2:])
            logits[place, list(self.ids)] = self.table[one, two]
        return logits

    def prefill(self, prompts: Sequence[Sequence[int]], room: int) -> tuple[Tensor, list[list[int]]]:
        rows = [list(prompt) for prompt in prompts]
        return self._logits(rows), rows

    def step(self, ids_B: Tensor, cache: list[list[int]]) -> Tensor:
        for row, identity in zip(cache, ids_B.tolist(), strict=True):
            row.append(identity)
        return self._logits(cache)

    def keep(self, cache: list[list[int]], rows: Sequence[int]) -> list[list[int]]:
        return [list(cache[row]) for row in rows]


def all_stories(engine: FewTokens, steps: int) -> list[tuple[float, tuple[int, ...]]]:
    """(log p, tokens) of every story that ends within `steps` tokens, or is cut there."""
    found = []
    for length in range(1, steps + 1):
        for tokens in product(engine.ids, repeat=length):
            if EOS_ID in tokens[:-1] or (tokens[-1] != EOS_ID and length < steps):
                continue
            log_p = 0.0
            for place, identity in enumerate(tokens):
                log_p += engine._logits([[BOS_ID, *tokens[:place]]])[0].log_softmax(-1)[identity].item()
            found.append((log_p, tokens))
    return found


@pytest.mark.parametrize("penalty", [0.0, 1.0, 2.0])
def test_a_wide_search_finds_the_best_stories_there_are(penalty: float, model: StoryModel) -> None:
    vocabulary, engine = model.vocabulary, FewTokens(model.engine.vocab_size)
    everything = all_stories(engine, 4)
    best = sorted(everything, key=lambda story: -story[0] / len(story[1]) ** penalty)[:5]
    found = search(engine, vocabulary, Job([BOS_ID], 4, Ending(vocabulary, max_tokens=4)), 150, penalty)
    for draft, (log_p, tokens) in zip(found, best, strict=False):
        assert draft.ids == [i for i in tokens if i != EOS_ID]
        assert draft.nats == pytest.approx(-log_p, rel=1e-4)


def test_one_beam_is_the_likeliest_token_each_time_and_stories_are_ordered(bigram: StoryModel) -> None:
    [greedy] = bigram.generate(start="Once", temperature=0.0, max_tokens=30)
    [searched] = bigram.generate(start="Once", beams=1, max_tokens=30, length_penalty=0.0)
    assert searched.text == greedy.text
    stories = bigram.generate(start="Once", beams=4, count=4, max_tokens=30)
    assert len({story.text for story in stories}) == 4
    means = [story.nats / story.tokens for story in stories]
    assert means == sorted(means)
    assert bigram.generate(start="Once", beams=4, count=2, max_tokens=30) == stories[:2]


def test_a_search_keeps_the_controls(bigram: StoryModel) -> None:
    [story] = bigram.generate(start="Once", end="garden", words=["dog"], avoid=["the"], beams=3, max_words=60)
    assert story.met == {"start": True, "end": True, "word:dog": True, "avoid:the": True, "max_words": True}


def test_guidance_is_its_formula(model: StoryModel) -> None:
    job = model._plan(Request(tags=["Twist"], guidance=2.5)).job
    written = [job.begin(model.vocabulary)]
    both = torch.randn(2, model.engine.vocab_size, generator=torch.Generator().manual_seed(0))
    own, steered = choices(both, [job], written, ~torch.from_numpy(model.vocabulary.follows))
    with_, plain = both.log_softmax(-1)
    open_ = steered[0] > -torch.inf
    expected = plain + 2.5 * (with_ - plain)
    torch.testing.assert_close(steered[0][open_], expected[open_], atol=1e-5, rtol=1e-5)
    assert torch.equal(own[0], both[0])


def test_guidance_reads_the_plain_story_beside_the_controls(model: StoryModel) -> None:
    seen: list[list[int]] = []

    class Listening:
        context, vocab_size = model.engine.context, model.engine.vocab_size
        step, keep = model.engine.step, model.engine.keep

        def prefill(self, prompts: Sequence[Sequence[int]], room: int) -> tuple[Tensor, object]:
            seen.extend(list(prompt) for prompt in prompts)
            return model.engine.prefill(prompts, room)

    listening = StoryModel(model.loaded, Listening())
    ids = model.loaded.tokenizer.encode("Tom ran.")
    listening.generate(first="Tom ran.", last="They slept.", guidance=2.0, max_tokens=4)
    assert seen[1] == [BOS_ID, *ids] and seen[0] != seen[1]
    seen.clear()
    listening.generate(prompt="Tom ran.", guidance=2.0, max_tokens=4)
    assert seen == [[BOS_ID, *ids]], "without controls there is nothing to be guided by"


def test_guidance_of_one_and_zero_are_the_two_branches(model: StoryModel) -> None:
    def told(**options: object) -> list[str]:
        return [story.text for story in model.generate(count=4, max_tokens=20, temperature=1.0, **options)]

    assert told(tags=["Twist"], guidance=1.0) == told(tags=["Twist"])
    assert told(tags=["Twist"], guidance=0.0) == told()
    assert told(tags=["Twist"], guidance=6.0) != told(tags=["Twist"])


def test_the_best_of_several_is_one_of_them_and_the_likeliest_that_keeps_its_controls(bigram: StoryModel) -> None:
    options = {"seed": 3, "max_tokens": 60, "temperature": 1.0}
    [first] = bigram.generate(**options)
    [best] = bigram.generate(best_of=6, **options)
    scores = {story.text: -s.nats / s.tokens for story in (first, best) for s in bigram.score([story.text])}
    if best.stopped == first.stopped:
        assert scores[best.text] >= scores[first.text]
    ends = bigram.generate(best_of=4, end="garden", count=3, seed=1)
    assert all(story.met["end"] for story in ends)
    alone = bigram.generate_many([Request(best_of=4, end="garden", seed=1, index=2)])
    assert alone[0].text == ends[2].text


def test_writing_gives_each_draft_once(bigram: StoryModel) -> None:
    vocabulary: Vocabulary = bigram.vocabulary
    jobs = [bigram._plan(Request(seed=1, index=i, max_tokens=5 + i)).job for i in range(5)]
    ended = [row for drafts in Writing(bigram.engine, vocabulary, jobs) for row in drafts]
    assert sorted(ended) == list(range(5))


def test_the_best_is_the_one_whose_whole_and_whose_last_sentence_are_the_likeliest(model: StoryModel) -> None:
    closing = "They went home."
    told = model.generate(first="Tom had a kite.", last=closing, count=12, seed=31, max_tokens=24)
    told = [story for story in told if all(story.met.values()) and story.stopped == told[0].stopped]
    assert len(told) > 2

    def mean(given: list[int], target: list[int]) -> float:
        ids = torch.tensor([[BOS_ID, *given, *target]])
        log_p = model.loaded.model(ids)[0].log_softmax(-1)
        return float(sum(log_p[len(given) + i, t] for i, t in enumerate(target))) / len(target)

    def means(story: Story) -> tuple[float, float]:
        ids, last = encode(story.text.removesuffix(f" {closing}")), encode(f" {closing}")
        return mean([], [*ids, *last, EOS_ID]), mean(ids, last)

    encode = model.loaded.tokenizer.encode
    with torch.inference_mode():
        found = {story.text: means(story) for story in told}
    by_hand = max(told, key=lambda story: sum(found[story.text]))
    for alone in (0, 1):
        assert max(told, key=lambda story: found[story.text][alone]) is not by_hand, "else this shows nothing"
    assert best(model.loaded, told, f" {closing}") is by_hand
    assert best(model.loaded, told[::-1], f" {closing}") is by_hand, "whatever order they come in"


CALM = "Tom had a kite. It was red. He flew it in the park and he liked it. He liked it and he liked the park."
SPOKEN = 'Tom had a kite. "Look, it flies!" he said. "I see it," said Mom. They went home.'
THROWN_IN = 'Tom had a kite. "Hello." He flew it in the park. He liked it.'


def told(model: StoryModel, tag: Tag, *texts: str, **met: str) -> list[Story]:
    """The same request kept by all, the likeliest last; met: control -> the text that alone keeps it."""
    score = {text: model.score([text])[0] for text in texts}
    likelier = sorted(texts, key=lambda text: -score[text].nats / score[text].tokens)
    return [
        Story(text, Request(tags=(tag,)), {c: text == own for c, own in met.items()}, "eos", 9, 9.0, 0, "m")
        for text in likelier
    ]


def test_of_several_the_best_has_the_tags_asked_for_but_first_what_can_be_known(bigram: StoryModel) -> None:
    stories = told(bigram, "Dialogue", CALM, SPOKEN)
    untagged = [replace(story, request=Request()) for story in stories]
    assert best(bigram.loaded, stories, "").text == SPOKEN
    assert best(bigram.loaded, stories[::-1], "").text == SPOKEN
    assert best(bigram.loaded, untagged, "").text == stories[-1].text != SPOKEN, "else this shows nothing"
    assert best(bigram.loaded, told(bigram, "Dialogue", CALM, THROWN_IN), "").text == CALM
    kept = told(bigram, "Dialogue", CALM, SPOKEN, end=CALM)
    assert best(bigram.loaded, kept, "").text == CALM


def test_the_best_is_chosen_by_the_tagger_and_not_by_the_judge_who_measures(
    bigram: StoryModel, texts: Sequence[str]
) -> None:
    tagger, judge = (Tagger.load(name).tags_many([*map(without_fragments, texts)]) for name in ("tagger", "judge"))
    by_tagger = next(text for text, t, j in zip(texts, tagger, judge, strict=True) if {*t} - {*j} >= {"Twist"})
    by_judge = next(text for text, t, j in zip(texts, tagger, judge, strict=True) if {*j} - {*t} >= {"Twist"})
    both = {"tag:Twist": by_judge}  # as `met` is the judge's
    assert best(bigram.loaded, told(bigram, "Twist", by_tagger, by_judge, **both), "").text == by_tagger
