"""Words that must occur: where they come is the model's choice, that they come is not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import regex
from torch import Tensor

from tinystories.generation.ending import LEAD_TOKENS, LEAD_WORDS, RATE, STOP_BONUS, WANTS_TO_END, begun
from tinystories.generation.words import count_words, forms, has_word
from tinystories.generation.written import Written
from tinystories.text.tokenizer import StoryTokenizer

SLOW_RATE: Final = 0.03  # nats by which a word's logit grows with each token while there is time
TOKENS_A_WORD: Final = 16  # so many tokens, or words, of the budget are kept for each word that is missing
_TAIL: Final = 80  # characters looked at for a word that has just been written
_UNFINISHED: Final = regex.compile(r"[\p{L}\p{M}\p{N}'’\-]*\Z")


def ways(tokenizer: StoryTokenizer, word: str) -> list[list[int]]:
    """Token ids that write `word` after a space: as given, and its forms that are tokens of their own."""
    others = sorted(forms(word) - {word})
    written = [tokenizer.encode(f" {form}") for form in others]
    return [tokenizer.encode(f" {word}"), *(ids for ids in written if len(ids) == 1)]


@dataclass(frozen=True)
class Wanted:
    """Makes missing words likelier, one after the other, until each has come where the model finds it likeliest.

    The logit grows slowly, for each word from its share of the budget on; and fast, one word at a time, when
    the model wants to end the story or the budget comes near. ways: for each word what `ways` gives.
    most_words: budget of the whole text; max_tokens: of what is written. reserved: words of the text after it.
    """

    ways: Mapping[str, Sequence[Sequence[int]]]
    max_tokens: int
    most_words: int | None = None
    reserved: int = 0
    hard: bool = True

    def steer(self, logits_V: Tensor, written: Written, eos_probability: float) -> None:
        """Change logits_V (V,) of the next token in place."""
        if not written.missing:
            return
        due = self._due(written)
        if not due:
            return
        if written.hurried_since is None and (eos_probability >= WANTS_TO_END or self._budget_is_near(written)):
            written.hurried_since = len(written.ids)
        order, share = list(self.ways), self._tokens() / (len(self.ways) + 1)
        for word in due:
            self._lead(logits_V, written, word, SLOW_RATE * max(0.0, len(written.ids) - share * order.index(word)))
        if written.hurried_since is not None:
            self._lead(logits_V, written, due[0], RATE * (1 + len(written.ids) - written.hurried_since))

    def _due(self, written: Written) -> list[str]:
        """The missing words that are not being written; those that have come are no longer missing."""
        if not written.complete:  # a character has begun, maybe a word's
            return list(written.missing)
        tail = written.text[-_TAIL:]
        unfinished = _UNFINISHED.search(tail)
        writing = unfinished.group() if unfinished else ""
        written.missing = tuple(w for w in written.missing if not has_word(tail.removesuffix(writing), w))
        return [word for word in written.missing if not has_word(writing, word)]

    def _lead(self, logits_V: Tensor, written: Written, word: str, bonus: float) -> None:
        places = [begun(written.ids, way) for way in self.ways[word]]
        for way, place in zip(self.ways[word], places, strict=True):
            if place == max(places):  # a word that has begun is gone on with
                logits_V[way[place]] += bonus + (STOP_BONUS if place else 0.0)

    def _tokens(self) -> float:
        """About how many tokens the story will have."""
        return min(180.0, self.max_tokens, self.most_words or 180.0)

    def _budget_is_near(self, written: Written) -> bool:
        kept = TOKENS_A_WORD * len(written.missing)
        if self.max_tokens - len(written.ids) <= LEAD_TOKENS + kept:
            return True
        words = count_words(written.text) + self.reserved
        return self.most_words is not None and self.most_words - words <= LEAD_WORDS + kept
