"""Where a story is cut, and that steering always leaves the model something to write."""

from typing import Any

import pytest
import torch

from tinystories.generation.ending import Ending
from tinystories.generation.vocabulary import Vocabulary
from tinystories.generation.written import Written
from tinystories.requests.controls import EOS_ID
from tinystories.text.tokenizer import StoryTokenizer


@pytest.fixture(scope="module")
def vocabulary(tokenizer: StoryTokenizer) -> Vocabulary:
    return Vocabulary(tokenizer, tokenizer.vocab_size, EOS_ID)


def written(ending: Ending, ids: list[int]) -> Written:
    story = Written(ending.vocabulary, ending.opening)
    for identity in ids:
        story.add(identity)
    return story


@pytest.mark.parametrize(
    ("options", "text", "stopped", "kept", "called"),
    [
        ({"end": "garden"}, " He saw a garden. Then he sat on", "max_tokens", " He saw a garden.", "end_word"),
        ({"end": "garden"}, ' Go. "My Garden!" He ran to', "max_tokens", ' Go. "My Garden!"', "end_word"),
        ({"end": "garden"}, " The garden is red. He sat on", "max_tokens", None, "max_tokens"),
        ({}, " He saw a garden. Then he sat on", "max_tokens", None, "max_tokens"),
        ({"max_words": 7}, " He saw it. He sat on it", "max_words", " He saw it.", "max_words"),
        ({"max_words": 10}, " He saw it. He met Mr. Bob now", "max_words", " He saw it.", "max_words"),
        ({"max_words": 7, "reserved": 3}, " He saw. He ran. He sat", "max_words", " He saw.", "max_words"),
        ({"max_words": 5}, " He saw one red", "max_words", "", "max_words"),
        ({"max_words": 4, "opening": "Tom"}, " saw one red kite", "max_words", " saw one red", "max_words"),
        ({"max_words": 9, "end": "it"}, " He saw it. He sat. Then he ran", "max_words", " He saw it.", "end_word"),
        ({"max_words": 7, "end": "cat"}, " He saw it. He sat. Then", "max_words", " He saw it. He sat.", "max_words"),
        ({"end": "garden"}, " Anything at all", "eos", None, "eos"),
    ],
)  # fmt: skip
def test_a_story_is_cut_where_its_controls_say(
    options: dict[str, Any], text: str, stopped: Any, kept: str | None, called: str,
    vocabulary: Vocabulary, tokenizer: StoryTokenizer,
) -> None:  # fmt: skip
    ending = Ending(vocabulary, **{"opening": "Tom came.", **options})
    ids = tokenizer.encode(text)
    tokens, name = ending.cut(written(ending, ids), stopped)
    assert (vocabulary.text(ids[:tokens]), name) == (text if kept is None else kept, called)


def test_words_that_are_to_follow_count_while_a_story_is_written(
    vocabulary: Vocabulary, tokenizer: StoryTokenizer
) -> None:
    ending = Ending(vocabulary, opening="Tom came.", reserved=3, max_words=8)
    assert ending.stop(written(ending, tokenizer.encode(" He saw one"))) is None
    assert ending.stop(written(ending, tokenizer.encode(" He saw one red"))) == "max_words"


@pytest.mark.parametrize("text", ["", " Go", ' "Go to my garden.', " My garden", ' "My garden', " a café", " garden."])
@pytest.mark.parametrize("half", [False, True])
def test_something_is_always_left_to_write(
    text: str, half: bool, vocabulary: Vocabulary, tokenizer: StoryTokenizer
) -> None:
    ids, state = tokenizer.encode(text), 0
    if half:
        ids = [*ids, tokenizer.encode("🐉")[0]]
        state = int(vocabulary.leads_to[0, ids[-1]])
        assert state != 0
    logits = torch.zeros(tokenizer.vocab_size).masked_fill(~torch.from_numpy(vocabulary.follows[state]), -torch.inf)
    ending = Ending(vocabulary, opening="Tom came.", max_tokens=100, end="garden", end_ids=tokenizer.encode(" garden"))
    ending.steer(logits, written(ending, ids), eos_probability=1.0)
    assert logits.isfinite().any()
    assert bool(logits[EOS_ID].isfinite()) == (text == " garden." and not half)
