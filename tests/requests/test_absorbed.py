"""The older projects' formats: what is given, what is learned, and that a request reads as in training."""

import numpy as np
import pytest

from tests.builders import tokens_of
from tinystories.requests.absorbed import FORMATS
from tinystories.requests.controls import BOS_ID, CONTROL_TOKENS, TAG_CONTROLS
from tinystories.requests.example import Example
from tinystories.requests.mixed import Controls, StoryTokens, Weights
from tinystories.text.tokenizer import StoryTokenizer

TEXT = 'Ann had a red kite. It flew away over the hill. "Oh no!" she said. A boy named Tom brought the kite.'
NOTHING = Controls()


@pytest.fixture
def story(tokenizer: StoryTokenizer) -> StoryTokens:
    return tokens_of(tokenizer, TEXT, ("Dialogue", "Conflict"), ("kite", "hill"))


def shown(tokenizer: StoryTokenizer, ids: list[int]) -> str:
    """Text with its control tokens."""
    names = {tokenizer.control(name): name for name in CONTROL_TOKENS if tokenizer.knows(name)}
    return "".join(names.get(i) or tokenizer.decode([i]) for i in ids)


def parts(tokenizer: StoryTokenizer, example: Example) -> tuple[str, str]:
    """(what is given, what the loss falls on)."""
    given, target = example.ids[~example.loss_mask].tolist(), example.ids[example.loss_mask].tolist()
    return shown(tokenizer, given), shown(tokenizer, target)


def test_infilling_learns_the_whole_story_and_its_loss_contains_the_middle(
    tokenizer: StoryTokenizer, story: StoryTokens
) -> None:
    form = FORMATS["infilling"]
    example = form.between(tokenizer, story, NOTHING)
    given, target = parts(tokenizer, example)
    assert given == "<bos>Ann had a red kite.<middle> A boy named Tom brought the kite.<story>"
    assert target == f"{TEXT}<eos>"
    start = form.middle_starts(story, example)
    stop = start + len(story.middle)
    assert example.ids[start:stop].tolist() == list(story.middle)
    assert example.loss_mask[start:stop].all()  # the project that this is from left these out


def test_start_end_tells_the_two_words_and_each_may_be_left_out(tokenizer: StoryTokenizer, story: StoryTokens) -> None:
    form, rng = FORMATS["start-end"], np.random.default_rng(0)
    given, target = parts(tokenizer, form.controlled(tokenizer, story, 0.0, rng))
    assert given == "<bos><first> Ann<end> kite<story>" and target == f"{TEXT}<eos>"
    seen = {parts(tokenizer, form.controlled(tokenizer, story, 0.5, rng))[0] for _ in range(60)}
    # each of the four with probability 1/4: that one of them never comes in 60 draws has probability 1e-7
    assert seen == {given, "<bos><first> Ann<story>", "<bos><end> kite<story>", "<bos>"}


def test_tags_stand_before_the_story_with_no_token_of_any_other_kind(
    tokenizer: StoryTokenizer, story: StoryTokens
) -> None:
    given, target = parts(tokenizer, FORMATS["tags"].controlled(tokenizer, story, 0.0, np.random.default_rng(0)))
    assert given == "<bos><Conflict><Dialogue>" and target == f"{TEXT}<eos>"
    assert set(TAG_CONTROLS) < set(CONTROL_TOKENS) and len(TAG_CONTROLS) == 9


@pytest.mark.parametrize(
    ("name", "controls"),
    [("infilling", NOTHING), ("start-end", Controls(end="kite")), ("tags", Controls(tags=("Conflict", "Dialogue")))],
)
def test_a_request_reads_as_in_training(
    name: str, controls: Controls, tokenizer: StoryTokenizer, story: StoryTokens
) -> None:
    form = FORMATS[name]
    if name == "infilling":
        first, last = (tokenizer.decode(part) for part in (story.first, story.last))
        prompts = [form.between_prompt(tokenizer, NOTHING, *given) for given in ((first, last), (None, last))]
        trained = [form.between(tokenizer, story, NOTHING, with_first) for with_first in (True, False)]
        assert prompts[0] == trained[0].ids[: len(prompts[0])].tolist()
        assert prompts[1] == trained[1].ids[: len(prompts[1])].tolist()
    else:
        prompt = form.prompt(tokenizer, controls, tokenizer.decode(story.first))
        trained_ids = form.controlled(tokenizer, story, 0.0, np.random.default_rng(0)).ids.tolist()
        assert prompt == trained_ids[: len(prompt)]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_the_plain_form_for_a_beginning_alone(name: str, tokenizer: StoryTokenizer) -> None:
    if name != "start-end":  # which reads the first word off the beginning
        assert FORMATS[name].prompt(tokenizer, NOTHING, "Tom") == [BOS_ID, *tokenizer.encode("Tom")]
    assert FORMATS[name].prompt(tokenizer, NOTHING) == [BOS_ID]


@pytest.mark.parametrize("name", ["infilling", "start-end", "tags"])
def test_forms_are_drawn_by_their_weights_and_what_does_not_fit_is_plain(
    name: str, tokenizer: StoryTokenizer, story: StoryTokens
) -> None:
    form = FORMATS[name]
    weights = Weights(0.5, 0.0, 0.5, 0.0) if name == "infilling" else Weights(0.5, 0.5, 0.0, 0.0)
    examples = [form.draw(tokenizer, story, weights, 10_000, np.random.default_rng(i)) for i in range(400)]
    assert {parts(tokenizer, e)[1] for e in examples} == {f"{TEXT}<eos>"}
    plain = sum(int(e.ids[0]) == BOS_ID and e.targets == len(e) - 1 for e in examples)
    assert abs(plain - 200) < 50  # binomial(400, 1/2) has a deviation of 10: five of them
    short = form.draw(tokenizer, story, Weights(0, weights.controls, weights.between, 0.0), 8, np.random.default_rng(0))
    assert short.targets == len(short) - 1
