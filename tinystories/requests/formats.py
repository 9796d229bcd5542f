"""The form in which a model is asked: what it can be told, and the sequences that say so, in training and later."""

from dataclasses import replace
from typing import ClassVar, Final

import numpy as np

from tinystories.requests import mixed
from tinystories.requests.example import Example
from tinystories.requests.mixed import Controls, StoryTokens, Weights
from tinystories.text.tokenizer import StoryTokenizer


class Format:
    """The mixed forms of docs/sequences.md; the absorbed projects' formats say what they do otherwise.

    carries: what a request may say in it, of "tags", "words", "length", "end" and "last"; a beginning can always be
    given. writes_last: whether the last sentence, given, is written once more by the model.
    Every format has the plain form, in which likelihoods are compared, and in which a beginning is gone on from.
    """

    name: ClassVar[str] = "mixed"
    carries: ClassVar[frozenset[str]] = frozenset({"tags", "words", "length", "end", "last"})
    writes_last: ClassVar[bool] = False

    def prompt(self, tokenizer: StoryTokenizer, controls: Controls, text: str = "") -> list[int]:
        """What a story is asked for with; its text begins with `text`."""
        return mixed.prompt_ids(tokenizer, controls, text)

    def between_prompt(self, tokenizer: StoryTokenizer, controls: Controls, first: str | None, last: str) -> list[int]:
        """What a story that ends with `last` is asked for with; what follows the prompt goes on after `first`."""
        return mixed.between_prompt_ids(tokenizer, controls, first, last)

    def controlled(
        self, tokenizer: StoryTokenizer, story: StoryTokens, drop: float, rng: np.random.Generator
    ) -> Example:
        """`story` behind its true controls, each left out with probability `drop`."""
        return mixed.controlled(tokenizer, story, mixed.draw_controls(story, drop, rng))

    def between(
        self, tokenizer: StoryTokenizer, story: StoryTokens, controls: Controls, with_first: bool = True
    ) -> Example:
        """`story` given its last sentence, and its first unless that is to be written too."""
        return mixed.between(tokenizer, story, controls, with_first)

    def middle_starts(self, story: StoryTokens, form: Example) -> int:
        """Where in `between`'s example, with the first sentence given, the middle begins."""
        return len(form) - 1 - len(story.middle)

    def draw(
        self, tokenizer: StoryTokenizer, story: StoryTokens, weights: Weights, context: int, rng: np.random.Generator
    ) -> Example:
        """One form of `story`, by `weights`, with its true controls, each left out with probability `drop`.

        A form that does not fit `context` gives way to the plain one, which is read in windows.
        """
        chances = np.array([weights.plain, weights.controls, weights.between if story.infillable else 0.0])
        if chances.sum() == 0:  # only the middle was wanted and this story has none
            return mixed.plain(tokenizer, story)
        form = rng.choice(3, p=chances / chances.sum())
        if form == 0:
            return mixed.plain(tokenizer, story)
        if form == 1:
            example = self.controlled(tokenizer, story, weights.drop, rng)
        else:
            # the middle alone is asked for: its length and the last word are already said
            controls = replace(mixed.draw_controls(story, weights.drop, rng), end=None)
            with_first = bool(rng.random() >= weights.drop)
            example = self.between(tokenizer, story, controls, with_first)
        return example if len(example) <= context else mixed.plain(tokenizer, story)


class Plain(Format):
    """A model from elsewhere, whose tokenizer has no control tokens: text alone."""

    name = "plain"
    carries = frozenset()


MIXED: Final = Format()
PLAIN: Final = Plain()
