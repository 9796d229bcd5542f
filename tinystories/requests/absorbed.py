"""The formats of the projects that this one has absorbed, as sequences for the same transformer.

infilling   <bos> first <middle> last <story> TEXT <eos>      <middle> stands for their <blank>
start-end   <bos> <first> word <end> word <story> TEXT <eos>
tags        <bos> <Twist> ... TEXT <eos>

The loss falls on TEXT, which is the whole story, and on <eos>.
"""

import re
from typing import Final

import numpy as np

from tinystories.requests.controls import BOS, END, FIRST, MIDDLE, STORY, TAG_TOKEN
from tinystories.requests.example import Example
from tinystories.requests.formats import MIXED, PLAIN, Format
from tinystories.requests.mixed import Controls, StoryTokens, sequence
from tinystories.text.tags import ordered
from tinystories.text.tokenizer import StoryTokenizer

_FIRST_WORD: Final = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")


class Infilling(Format):
    """First and last sentence, and then the whole story: the model writes both again, the middle between them.

    (The project that it is from left the middle out of its loss, and so never learned to write one.)
    """

    name = "infilling"
    carries = frozenset({"last"})
    writes_last = True

    def between_prompt(self, tokenizer: StoryTokenizer, controls: Controls, first: str | None, last: str) -> list[int]:
        sentence = [] if first is None else tokenizer.encode(first)
        return [*_around(tokenizer, sentence, tokenizer.encode(last)), *sentence]

    def between(
        self, tokenizer: StoryTokenizer, story: StoryTokens, controls: Controls, with_first: bool = True
    ) -> Example:
        given = _around(tokenizer, list(story.first) if with_first else [], list(story.last))
        return sequence(tokenizer, given, story.text, story.story_id)

    def middle_starts(self, story: StoryTokens, form: Example) -> int:
        return len(form) - 1 - len(story.last) - len(story.middle)


class StartEnd(Format):
    """The story's first and its last word."""

    name = "start-end"
    carries = frozenset({"end"})

    def prompt(self, tokenizer: StoryTokenizer, controls: Controls, text: str = "") -> list[int]:
        """The first word is read off `text`, which the story begins with."""
        return [*_words(tokenizer, _first_word(text), controls.end), *tokenizer.encode(text)]

    def controlled(
        self, tokenizer: StoryTokenizer, story: StoryTokens, drop: float, rng: np.random.Generator
    ) -> Example:
        start = _first_word(tokenizer.decode(story.first)) if rng.random() >= drop else None
        end = story.end if story.end and rng.random() >= drop else None
        return sequence(tokenizer, _words(tokenizer, start, end), story.text, story.story_id)


class Tags(Format):
    """Tags and nothing else; how far they reach is the window encoder's choice (model/windows.py)."""

    name = "tags"
    carries = frozenset({"tags"})

    def prompt(self, tokenizer: StoryTokenizer, controls: Controls, text: str = "") -> list[int]:
        tags = [tokenizer.control(TAG_TOKEN[tag]) for tag in ordered(controls.tags)]
        return [tokenizer.control(BOS), *tags, *tokenizer.encode(text)]

    def controlled(
        self, tokenizer: StoryTokenizer, story: StoryTokens, drop: float, rng: np.random.Generator
    ) -> Example:
        kept = tuple(tag for tag in story.tags if rng.random() >= drop)
        return sequence(tokenizer, self.prompt(tokenizer, Controls(tags=kept)), story.text, story.story_id)


FORMATS: Final = {form.name: form for form in (MIXED, PLAIN, Infilling(), StartEnd(), Tags())}


def _around(tokenizer: StoryTokenizer, first: list[int], last: list[int]) -> list[int]:
    return [tokenizer.control(BOS), *first, tokenizer.control(MIDDLE), *last, tokenizer.control(STORY)]


def _words(tokenizer: StoryTokenizer, start: str | None, end: str | None) -> list[int]:
    """`<bos> [<first> start] [<end> end] <story>`; without either the plain form's `<bos>`."""
    ids = [tokenizer.control(BOS)]
    if start is not None:
        ids += [tokenizer.control(FIRST), *tokenizer.encode(f" {start}")]
    if end is not None:
        ids += [tokenizer.control(END), *tokenizer.encode(f" {end}")]
    return [*ids, tokenizer.control(STORY)] if len(ids) > 1 else ids


def _first_word(text: str) -> str | None:
    found = _FIRST_WORD.search(text)
    return found.group() if found else None
