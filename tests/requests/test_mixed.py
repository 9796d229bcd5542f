"""What a model reads and what it has to learn, form by form."""

from collections import Counter

import numpy as np
import pytest

from tests.builders import tokens_of
from tinystories.requests.controls import BOS_ID, EOS_ID
from tinystories.requests.example import Example
from tinystories.requests.formats import Format
from tinystories.requests.mixed import (
    Controls,
    StoryTokens,
    Weights,
    between,
    between_prompt_ids,
    controlled,
    plain,
    prompt_ids,
)  # fmt: skip
from tinystories.text.tokenizer import StoryTokenizer

TEXT = 'Ann had a red kite. It flew away over the hill. "Oh no!" she said. A boy named Tom brought the kite.'


@pytest.fixture
def story(tokenizer: StoryTokenizer) -> StoryTokens:
    return tokens_of(tokenizer, TEXT, ("Dialogue", "Conflict"), ("kite", "hill"))


def targets(tokenizer: StoryTokenizer, example: Example) -> str:
    """The text that the loss falls on, <eos> shown."""
    ids = example.ids[example.loss_mask].tolist()
    return tokenizer.decode([i for i in ids if i != EOS_ID]) + "<eos>" * ids.count(EOS_ID)


def shown(tokenizer: StoryTokenizer, ids: list[int]) -> str:
    """Ids as text, controls spelled out."""
    controls = set(tokenizer.control_ids)
    return "".join(tokenizer.token(i) if i in controls else tokenizer.decode([i]) for i in ids)


def test_the_plain_form_is_bos_text_eos(tokenizer: StoryTokenizer, story: StoryTokens) -> None:
    example = plain(tokenizer, story)
    assert shown(tokenizer, example.ids.tolist()) == f"<bos>{TEXT}<eos>"
    assert targets(tokenizer, example) == f"{TEXT}<eos>"


def test_controls_stand_before_the_story_and_carry_no_loss(tokenizer: StoryTokenizer, story: StoryTokens) -> None:
    asked = Controls(tags=("Dialogue", "Conflict"), words=("kite", "hill"), length=21, end="kite")
    example = controlled(tokenizer, story, asked)
    expected = f"<bos><Conflict><Dialogue><words> kite hill<length_0><end> kite<story>{TEXT}<eos>"
    assert shown(tokenizer, example.ids.tolist()) == expected
    assert targets(tokenizer, example) == f"{TEXT}<eos>"


def test_the_infilling_loss_covers_the_middle_and_eos_and_nothing_else(
    tokenizer: StoryTokenizer, story: StoryTokens
) -> None:
    example = between(tokenizer, story, Controls(tags=("Dialogue",)))
    first, middle, last = (tokenizer.decode(p) for p in (story.first, story.middle, story.last))
    assert shown(tokenizer, example.ids.tolist()) == f"<bos><Dialogue><first>{first}<last>{last}<middle>{middle}<eos>"
    assert middle.strip()
    assert targets(tokenizer, example) == f"{middle}<eos>"


def test_the_middle_sees_the_last_sentence(tokenizer: StoryTokenizer, story: StoryTokens) -> None:
    example = between(tokenizer, story, Controls())
    ids = example.ids.tolist()
    start = int(np.flatnonzero(example.loss_mask)[0])
    before = shown(tokenizer, ids[:start])
    assert tokenizer.decode(story.last) in before and tokenizer.decode(story.first) in before


def test_without_its_first_sentence_all_before_the_last_is_to_be_written(
    tokenizer: StoryTokenizer, story: StoryTokens
) -> None:
    example = between(tokenizer, story, Controls(), with_first=False)
    assert targets(tokenizer, example) == tokenizer.decode([*story.first, *story.middle]) + "<eos>"


@pytest.mark.parametrize(
    "controls", [Controls(), Controls(tags=("Twist",)), Controls(words=("kite",), length=120, end="home")]
)
def test_a_request_reads_exactly_as_in_training(
    tokenizer: StoryTokenizer, story: StoryTokens, controls: Controls
) -> None:
    asked = prompt_ids(tokenizer, controls)
    assert controlled(tokenizer, story, controls).ids[: len(asked)].tolist() == asked
    first, last = tokenizer.decode(story.first), tokenizer.decode(story.last)
    asked = between_prompt_ids(tokenizer, controls, first, last)
    assert between(tokenizer, story, controls).ids[: len(asked)].tolist() == asked
    asked = between_prompt_ids(tokenizer, controls, None, last)
    assert between(tokenizer, story, controls, with_first=False).ids[: len(asked)].tolist() == asked


def test_eos_is_a_target_in_every_form_and_bos_never(tokenizer: StoryTokenizer, stories: list[StoryTokens]) -> None:
    for form in (Weights(1, 0, 0, 0.5), Weights(0, 1, 0, 0.5), Weights(0, 0, 1, 0.5)):
        for i, story in enumerate(stories):
            example = Format().draw(tokenizer, story, form, 10_000, np.random.default_rng(i))
            assert example.ids[-1] == EOS_ID and example.loss_mask[-1]
            assert example.ids[0] == BOS_ID and not example.loss_mask[0]
            assert not np.isin(example.ids[example.loss_mask][:-1], tokenizer.control_ids).any()


def test_forms_are_drawn_by_their_weights(tokenizer: StoryTokenizer, stories: list[StoryTokens]) -> None:
    weights = Weights(0.5, 0.2, 0.3, 0.0)
    middle = tokenizer.control("<middle>")
    marker = tokenizer.control("<story>")
    seen: Counter[str] = Counter()
    n = 2000
    for i in range(n):
        ids = Format().draw(tokenizer, stories[i % len(stories)], weights, 10_000, np.random.default_rng(i)).ids
        seen["between" if middle in ids else "controls" if marker in ids else "plain"] += 1
    for form, share in (("plain", 0.5), ("controls", 0.2), ("between", 0.3)):
        # five sigma of a binomial share: 5 * sqrt(p (1 - p) / n) <= 5 * sqrt(0.25 / 2000) = 0.056
        assert abs(seen[form] / n - share) < 0.056


def test_only_the_storys_true_controls_are_shown(tokenizer: StoryTokenizer, story: StoryTokens) -> None:
    for i in range(200):
        ids = Format().draw(tokenizer, story, Weights(0, 1, 0, 0.3), 10_000, np.random.default_rng(i)).ids.tolist()
        for tag in ("BadEnding", "Foreshadowing", "MoralValue", "Twist"):
            assert tokenizer.control(f"<{tag}>") not in ids


def test_a_form_that_does_not_fit_gives_way_to_the_plain_one(tokenizer: StoryTokenizer, story: StoryTokens) -> None:
    whole = plain(tokenizer, story)
    example = Format().draw(tokenizer, story, Weights(0, 0, 1, 0.0), 8, np.random.default_rng(0))
    assert example.ids.tolist() == whole.ids.tolist()


def test_a_story_without_a_middle_is_never_drawn_for_infilling(tokenizer: StoryTokenizer) -> None:
    short = tokens_of(tokenizer, "Only one sentence here.")
    for i in range(20):
        example = Format().draw(tokenizer, short, Weights(0, 0, 1, 0.0), 100, np.random.default_rng(i))
        assert tokenizer.control("<middle>") not in example.ids
