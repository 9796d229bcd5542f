"""Stories from a model: what was given stands in them, what was asked for is told truly."""

import doctest
import json
import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import tinystories
from tinystories import Request, Story, StoryModel, generate_text
from tinystories.errors import ModelError, RequestError
from tinystories.generation import story_model
from tinystories.generation.decode import write
from tinystories.model.folder import LoadedModel
from tinystories.requests.controls import BOS_ID, CONTROL_TOKENS, EOS_ID
from tinystories.text.tagger import Tagger

FIRST, LAST = "Tom had a red kite.", "And so they all went home, tired and glad."


class BentEngine:
    """The model's engine with some ids made likelier: a model with a bad habit."""

    def __init__(self, model: StoryModel, ids: Sequence[int], bonus: float = 50.0) -> None:
        self._engine, self._ids, self._bonus = model.engine, list(ids), bonus
        self.context, self.vocab_size = self._engine.context, self._engine.vocab_size
        self.prompts: list[list[int]] = []

    def _bend(self, logits_BV: Tensor) -> Tensor:
        bent = logits_BV.clone()
        bent[:, self._ids] += self._bonus
        return bent

    def prefill(self, prompts: Sequence[Sequence[int]], room: int) -> tuple[Tensor, Any]:
        self.prompts += [list(prompt) for prompt in prompts]
        logits_BV, cache = self._engine.prefill(prompts, room)
        return self._bend(logits_BV), cache

    def step(self, ids_B: Tensor, cache: Any) -> Tensor:
        return self._bend(self._engine.step(ids_B, cache))

    def keep(self, cache: Any, rows: Sequence[int]) -> Any:
        return self._engine.keep(cache, rows)


def bent(model: StoryModel, ids: Sequence[int], bonus: float = 50.0) -> StoryModel:
    return StoryModel(model.loaded, BentEngine(model, ids, bonus))


def words_of(model: StoryModel, accept: Callable[[bytes], bool]) -> list[int]:
    return [i for i, written in enumerate(model.vocabulary.writes) if written and accept(written)]


def test_controls_and_padding_cannot_be_written_even_by_a_model_that_wants_to(model: StoryModel) -> None:
    controls = [i for i in range(len(CONTROL_TOKENS)) if i != EOS_ID]
    wanting = bent(model, controls)
    jobs = [wanting._plan(Request(index=i, temperature=2.0)).job for i in range(8)]
    drafts = write(wanting.engine, wanting.vocabulary, jobs)
    assert not {i for draft in drafts for i in draft.ids} & set(controls)
    assert all(draft.ids for draft in drafts)


def test_a_story_is_never_half_a_character(model: StoryModel) -> None:
    halves = bent(model, words_of(model, lambda written: not written.isascii()))
    stories = halves.generate(count=8, temperature=1.5, top_p=1.0, max_tokens=31)
    assert all(story.stopped == "max_tokens" for story in stories)
    for story in stories:
        assert "\ufffd" not in story.text
        assert not story.text.isascii()


def test_text_that_spells_a_control_stays_text(model: StoryModel) -> None:
    text = "Say <eos> and <Twist> and <story>"
    listening = bent(model, [])
    [story] = listening.generate(prompt=text, max_tokens=3)
    [prompt] = listening.engine.prompts  # type: ignore[attr-defined]
    assert prompt[0] == BOS_ID and min(prompt[1:]) >= len(CONTROL_TOKENS)
    assert story.text.startswith(text) and story.met == {"prompt": True}


def test_one_seed_gives_the_same_story_alone_and_among_others(model: StoryModel, bigram: StoryModel) -> None:
    for teller in (model, bigram):
        together = teller.generate(count=10, seed=5, temperature=1.0)
        assert len({story.text for story in together}) == 10
        alone = teller.generate_many([Request(seed=5, index=3, temperature=1.0)])
        assert alone[0].text == together[3].text
        mixed = [Request(end="garden"), Request(seed=5, index=3, temperature=1.0), Request(first=FIRST, last=LAST)]
        assert teller.generate_many(mixed)[1].text == together[3].text
        assert teller.generate(seed=6, temperature=1.0)[0].text != together[0].text


def test_more_stories_than_a_batch_come_in_their_order_and_are_counted(bigram: StoryModel) -> None:
    done: list[int] = []
    requests = [Request(start=start, index=i, max_tokens=5) for i, start in enumerate(["Once", "One"] * 35)]
    stories = bigram.generate_many(requests, done.append)
    assert [story.text.split()[0].rstrip('.,;:!?…"”)') for story in stories] == ["Once", "One"] * 35
    assert sum(done) == 70


def test_a_request_of_a_story_makes_the_story_again(bigram: StoryModel) -> None:
    story = bigram.generate(count=3, prompt="The cat", temperature=0.7)[2]
    again = bigram.generate_many([Request(**json.loads(json.dumps(story.to_json()))["request"])])
    assert again == [story]


def test_temperature_zero_takes_the_likeliest_token_each_time(loaded: LoadedModel, model: StoryModel) -> None:
    [story] = model.generate(prompt="The cat", temperature=0.0, max_tokens=8)
    ids = [BOS_ID, *loaded.tokenizer.encode("The cat")]
    given, state = len(ids), 0
    for _ in range(8):
        with torch.inference_mode():
            logits = loaded.model(torch.tensor([ids]))[0, -1]
        allowed = torch.from_numpy(model.vocabulary.follows[state])
        ids.append(int(logits.masked_fill(~allowed, -torch.inf).argmax()))
        state = int(model.vocabulary.leads_to[state, ids[-1]])
    assert story.text == "The cat" + model.vocabulary.text(ids[given:])


@pytest.mark.parametrize("options", [{}, {"end": "garden"}, {"first": FIRST, "last": LAST}, {"max_words": 12}])
def test_nats_are_those_of_the_model_at_temperature_one_with_nothing_forbidden(
    options: dict[str, Any], loaded: LoadedModel, model: StoryModel
) -> None:
    plans = [model._plan(Request(seed=2, index=i, temperature=1.3, **options)) for i in range(6)]
    drafts = write(model.engine, model.vocabulary, [plan.job for plan in plans])
    for plan, draft in zip(plans, drafts, strict=True):
        prompt, sampled = list(plan.job.prompt), draft.ids + [EOS_ID] * (draft.stopped == "eos")
        with torch.inference_mode():
            logs = loaded.model(torch.tensor([prompt + sampled])[:, : loaded.config.context])[0].log_softmax(-1)
        each = [-logs[len(prompt) - 1 + t, i].item() for t, i in enumerate(sampled)]
        assert draft.tokens == len(sampled)
        assert draft.nats == pytest.approx(sum(each), rel=1e-4)


@pytest.mark.parametrize("last", [LAST, f"\n\n{LAST}"])
def test_first_and_last_sentence_stand_word_for_word(last: str, model: StoryModel, bigram: StoryModel) -> None:
    for teller in (model, bigram):
        for story in teller.generate(first=FIRST, last=last, count=12, temperature=1.2, max_tokens=60):
            assert story.text.startswith(FIRST) and story.text.endswith(last)
            assert story.text[len(FIRST)].isspace()
            assert story.text[-len(LAST) - 1].isspace()
            assert story.met == {"first": True, "last": True}


def test_a_middle_that_did_not_end_by_itself_is_told(model: StoryModel, bigram: StoryModel) -> None:
    endless = bent(model, [EOS_ID], bonus=-50.0)
    assert {s.stopped for s in endless.generate(first=FIRST, last=LAST, count=3)} == {"max_tokens"}
    ready = bent(model, [EOS_ID])
    [story] = ready.generate(first=FIRST, last=LAST)
    assert (story.stopped, story.text, story.tokens) == ("eos", f"{FIRST} {LAST}", 1)


def test_a_last_sentence_alone_and_with_a_prompt(bigram: StoryModel) -> None:
    for story in bigram.generate(last=LAST, count=5):
        assert story.text.endswith(f" {LAST}") and not story.text.startswith(" And so")
    for story in bigram.generate(prompt="My cat", last=LAST, count=5):
        assert story.text.startswith("My cat") and story.text.endswith(f" {LAST}")
        assert story.met == {"prompt": True, "last": True}


def test_a_last_sentence_that_is_all_has_no_space_before_it(bigram: StoryModel) -> None:
    [story] = bigram.generate(last=LAST, max_words=len(LAST.split()))
    assert (story.text, story.met) == (LAST, {"last": True, "max_words": True})
    *pieces, again = bigram.stream(Request(last=LAST, max_words=len(LAST.split())))
    assert "".join(map(str, pieces)) == LAST and again == story


def test_the_prompt_of_a_story_between_sentences_is_the_one_of_training(model: StoryModel) -> None:
    listening = bent(model, [])
    listening.generate(first=FIRST, last=LAST, tags=[], words=["kite"], max_tokens=1)
    [prompt] = listening.engine.prompts  # type: ignore[attr-defined]
    control, encode = model.loaded.tokenizer.control, model.loaded.tokenizer.encode
    assert prompt == [
        control("<bos>"), control("<words>"), *encode(" kite"), control("<first>"), *encode(FIRST),
        control("<last>"), *encode(f" {LAST}"), control("<middle>"),
    ]  # fmt: skip


def test_the_start_word_is_not_continued_even_by_a_model_that_wants_to(model: StoryModel) -> None:
    joined = bent(model, words_of(model, lambda written: written[:1].isalnum() or written[:1] in b"'-_"))
    for story in joined.generate(start="Sun", count=10, max_tokens=5):
        assert story.text.startswith("Sun") and not story.text[3].isalnum() and story.text[3] not in "'-_"
        assert story.met == {"start": True}


def test_a_prompt_that_ends_with_a_space_has_its_word_complete(model: StoryModel) -> None:
    joined = bent(model, words_of(model, lambda written: written[:1].isalnum()))
    assert all(s.text[7].isspace() for s in joined.generate(prompt="The cat ", count=5, max_tokens=3))
    assert not any(s.text[7].isspace() for s in joined.generate(prompt="The cat", count=5, max_tokens=3))


def test_a_story_that_nothing_was_given_for_is_not_empty(model: StoryModel) -> None:
    ready = bent(model, [EOS_ID])
    assert all(story.text for story in ready.generate(count=5))


@pytest.mark.parametrize("word", ["garden", "ice-cream", "Émile", "3"])
def test_the_end_word_is_the_last_word(word: str, model: StoryModel, bigram: StoryModel) -> None:
    for teller in (model, bigram):
        for story in teller.generate(end=word, count=8):
            assert story.met == {"end": True}
            assert story.text.rstrip('.!?"”').casefold().endswith(f" {word}".casefold())
            assert story.stopped in ("eos", "end_word")
            assert story.text.rstrip()[-1] in '.!?"'


def test_an_end_word_that_was_not_reached_is_told(bigram: StoryModel) -> None:
    [story] = bigram.generate(end="garden", max_tokens=3)
    assert (story.met, story.stopped) == ({"end": False}, "max_tokens")


def test_a_story_does_not_stop_before_its_end_word_though_the_model_wants_to(model: StoryModel) -> None:
    ready = bent(model, [EOS_ID], bonus=12.0)
    stories = ready.generate(end="garden", count=5)
    assert all(story.met["end"] and story.tokens > 1 for story in stories)


@pytest.mark.parametrize("limit", [1, 7, 40])
def test_a_story_keeps_within_its_words_and_ends_with_a_sentence(limit: int, bigram: StoryModel) -> None:
    stories = bigram.generate(max_words=limit, count=10)
    assert all(len(story.text.split()) <= limit and story.met["max_words"] for story in stories)
    assert {story.stopped for story in stories} <= {"max_words", "eos"}
    if limit == 40:
        assert all(story.text.rstrip().endswith((".", "!", "?", '"')) for story in stories)


def test_the_given_sentences_count_as_words_too(bigram: StoryModel) -> None:
    for story in bigram.generate(first=FIRST, last=LAST, max_words=30, count=10):
        assert len(story.text.split()) <= 30
        assert story.met == {"first": True, "last": True, "max_words": True}


def test_the_end_word_and_the_words_are_kept_together(bigram: StoryModel) -> None:
    for story in bigram.generate(start="Once", end="garden", max_words=60, count=10, top_p=0.9):
        assert len(story.text.split()) <= 60
        assert story.met["start"] and story.met["max_words"]
        assert story.met["end"] == (story.text.rstrip('.!?"').split()[-1].casefold() == "garden")


def test_a_request_without_room_in_the_context_is_refused_before_anything_is_written(model: StoryModel) -> None:
    with pytest.raises(RequestError, match="leaves no room"):
        model.generate(prompt="dog " * 400)
    [story] = model.generate(max_tokens=10_000)
    assert story.tokens <= model.engine.context


def test_tags_are_asked_for_in_the_prompt_and_told_by_the_judge(bigram: StoryModel) -> None:
    listening = bent(bigram, [])
    stories = listening.generate(tags=["Twist", "Dialogue"], count=8)
    control = listening.loaded.tokenizer.control
    assert listening.engine.prompts[0] == [  # type: ignore[attr-defined]
        control("<bos>"), control("<Dialogue>"), control("<Twist>"), control("<story>"),
    ]  # fmt: skip
    for story in stories:
        found = Tagger.load("judge").tags(story.text)
        assert story.met == {"tag:Dialogue": "Dialogue" in found, "tag:Twist": "Twist" in found}
    assert {story.met["tag:Dialogue"] for story in stories} == {True, False}


def test_an_option_that_is_none_is_refused(model: StoryModel) -> None:
    with pytest.raises(RequestError, match="tag"):
        model.generate(tag=["Twist"])


def test_a_story_is_the_contract_line(bigram: StoryModel) -> None:
    [story] = bigram.generate(start="Once", seed=4)
    line = json.loads(json.dumps(story.to_json(), allow_nan=False))
    assert list(line) == ["text", "request", "met", "stopped", "tokens", "nats", "seed", "model"]
    assert line["request"]["start"] == "Once" and line["request"]["temperature"] == 0.8
    assert (line["seed"], line["model"], line["met"]) == (4, "tiny", {"start": True})
    assert isinstance(story, Story) and line["text"] == generate_text(bigram, start="Once", seed=4)


def test_the_examples_of_the_api_are_what_it_does(
    bigram: StoryModel, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(folder, tmp_path / "models/current")
    monkeypatch.chdir(tmp_path)
    ran = 0
    for module in (tinystories, story_model):
        done = doctest.testmod(module, extraglobs={"model": bigram})
        assert done.failed == 0
        ran += done.attempted
    assert ran >= 12


def test_a_missing_model_says_what_to_type(tmp_path: Any) -> None:
    with pytest.raises(ModelError, match="make repro") as error:
        StoryModel.load(tmp_path / "none")
    assert "\n" not in str(error.value)


def test_a_score_is_the_sum_over_text_and_end(loaded: LoadedModel, model: StoryModel) -> None:
    text = "The cat sat — naïve <eos>."
    ids = [BOS_ID, *loaded.tokenizer.encode(text), EOS_ID]
    with torch.inference_mode():
        logs = loaded.model(torch.tensor([ids]))[0].log_softmax(-1)
    by_hand = -sum(logs[t - 1, ids[t]].item() for t in range(1, len(ids)))
    long, score = model.score(["dog " * 2000, text])
    assert score.nats == pytest.approx(by_hand, rel=1e-5)
    assert (score.tokens, score.bytes) == (len(ids) - 1, len(text.encode()))
    assert long.tokens > loaded.config.context and math.isfinite(long.nats)
