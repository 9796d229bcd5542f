"""How a story becomes training examples: plain, behind its controls, or the part between two sentences.

The sequences are those of docs/sequences.md; generation builds its prompts here too, so that a
request reads exactly as in training.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinystories.requests.controls import (
    BOS,
    END,
    EOS,
    FIRST,
    LAST,
    LENGTH_TOKEN,
    MIDDLE,
    STORY,
    TAG_TOKEN,
    WORDS,
    length_bucket,
)  # fmt: skip
from tinystories.requests.example import Example
from tinystories.text.tags import Tag, ordered
from tinystories.text.tokenizer import StoryTokenizer

MOST_WORDS = 3  # required words shown in training, and so the most that a request may ask for in one go


@dataclass(frozen=True)
class StoryTokens:
    """A story cut in three, as token ids; first + middle + last are the ids of the whole text.

    `words` are those that may be asked for, each in the text; `length` is the number of words.
    """

    story_id: str
    first: Sequence[int]
    middle: Sequence[int]
    last: Sequence[int]
    infillable: bool
    tags: tuple[Tag, ...]
    words: tuple[str, ...]
    end: str
    length: int
    bytes: int

    @property
    def text(self) -> list[int]:
        return [*self.first, *self.middle, *self.last]


@dataclass(frozen=True)
class Controls:
    """What may be asked of a story. length is in words; end is the story's last word."""

    tags: tuple[Tag, ...] = ()
    words: tuple[str, ...] = ()
    length: int | None = None
    end: str | None = None

    @property
    def empty(self) -> bool:
        return self == Controls()


@dataclass(frozen=True)
class Weights:
    """How often each form is drawn, and with which probability each control is left out."""

    plain: float
    controls: float
    between: float
    drop: float


def control_ids(tokenizer: StoryTokenizer, controls: Controls) -> list[int]:
    """`{tag}* [<words> w1 w2 ...] [<length_N>] [<end> w]` as ids; tags in canonical order."""
    ids = [tokenizer.control(TAG_TOKEN[tag]) for tag in ordered(controls.tags)]
    if controls.words:
        ids.append(tokenizer.control(WORDS))
        for word in controls.words:
            ids += tokenizer.encode(f" {word}")
    if controls.length is not None:
        ids.append(tokenizer.control(LENGTH_TOKEN[length_bucket(controls.length)]))
    if controls.end is not None:
        ids += [tokenizer.control(END), *tokenizer.encode(f" {controls.end}")]
    return ids


def prompt_ids(tokenizer: StoryTokenizer, controls: Controls, text: str = "") -> list[int]:
    """What a story is asked for with: `<bos> text`, or `<bos> {controls} <story> text`."""
    ids = [tokenizer.control(BOS)]
    if not controls.empty:
        ids += [*control_ids(tokenizer, controls), tokenizer.control(STORY)]
    return ids + tokenizer.encode(text)


def between_prompt_ids(tokenizer: StoryTokenizer, controls: Controls, first: str | None, last: str) -> list[int]:
    """`<bos> {controls} [<first> S1] <last> Sn <middle>`; the sentences with their leading white space."""
    ids = [tokenizer.control(BOS), *control_ids(tokenizer, controls)]
    if first is not None:
        ids += [tokenizer.control(FIRST), *tokenizer.encode(first)]
    return [*ids, tokenizer.control(LAST), *tokenizer.encode(last), tokenizer.control(MIDDLE)]


def plain(tokenizer: StoryTokenizer, story: StoryTokens) -> Example:
    """`<bos> text <eos>`, loss on text and <eos>."""
    return sequence(tokenizer, [tokenizer.control(BOS)], story.text, story.story_id)


def controlled(tokenizer: StoryTokenizer, story: StoryTokens, controls: Controls) -> Example:
    """`<bos> {controls} <story> text <eos>`, loss on text and <eos>; without controls the plain form."""
    return sequence(tokenizer, prompt_ids(tokenizer, controls), story.text, story.story_id)


def between(tokenizer: StoryTokenizer, story: StoryTokens, controls: Controls, with_first: bool = True) -> Example:
    """`<bos> {controls} [<first> S1] <last> Sn <middle> middle <eos>`, loss on the middle and <eos>.

    Without the first sentence, all that comes before the last one is to be written.
    """
    assert story.infillable
    ids = [tokenizer.control(BOS), *control_ids(tokenizer, controls)]
    if with_first:
        ids += [tokenizer.control(FIRST), *story.first]
    ids += [tokenizer.control(LAST), *story.last, tokenizer.control(MIDDLE)]
    target = [*story.middle] if with_first else [*story.first, *story.middle]
    return sequence(tokenizer, ids, target, story.story_id)


def draw_controls(story: StoryTokens, drop: float, rng: np.random.Generator) -> Controls:
    """The true controls of `story`, each left out with probability `drop`."""

    def kept() -> bool:
        return bool(rng.random() >= drop)

    words: tuple[str, ...] = ()
    if story.words and kept():
        most = min(MOST_WORDS, len(story.words))
        words = tuple(str(w) for w in rng.choice(story.words, size=rng.integers(1, most + 1), replace=False))
    return Controls(
        tags=tuple(tag for tag in story.tags if kept()),
        words=words,
        length=story.length if kept() else None,
        end=story.end if story.end and kept() else None,
    )


def sequence(tokenizer: StoryTokenizer, given: list[int], target: list[int], story_id: str) -> Example:
    """`given target <eos>`, with the loss on target and <eos>."""
    ids = np.array([*given, *target, tokenizer.control(EOS)], dtype=np.int32)
    mask = np.zeros(len(ids), dtype=np.bool_)
    mask[len(given) :] = True
    return Example(ids, mask, story_id)
