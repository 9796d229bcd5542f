"""What bends the model's choice while a story is written, and where the story is cut when it stops."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tinystories.generation.story import Stopped
from tinystories.generation.vocabulary import COMPLETE, Vocabulary
from tinystories.generation.words import count_words, ends_sentence, last_word, same
from tinystories.text.sentences import sentences

WANTS_TO_END: Final = 0.3  # probability of <eos> from which on a story is led to its end word
LEAD_TOKENS: Final = 64  # so many tokens before the budget's end it is led there in any case
LEAD_WORDS: Final = 40
RATE: Final = 0.2  # nats by which the end word's logit grows with each token
STOP_BONUS: Final = 3.0  # nats more for a full stop after it than for the word itself
_TAIL: Final = 200  # characters looked at for the last word


@dataclass
class Written:
    """A story so far: what the model wrote after the prompt."""

    ids: list[int] = field(default_factory=list)
    nats: list[float] = field(default_factory=list)  # -ln p of each, temperature 1, no constraint
    state: int = COMPLETE  # of the vocabulary's automaton


@dataclass(frozen=True)
class Beginning:
    """Only `allowed` (V,) may be the first token: so a sentence or a word before it stays what it is."""

    allowed: NDArray[np.bool_]

    def steer(self, logits_V: Tensor, written: Written) -> None:
        """Change logits_V (V,) of the next token in place."""
        if not written.ids:
            logits_V.masked_fill_(torch.from_numpy(~self.allowed), -torch.inf)


@dataclass
class Ending:
    """Leads a story to its end word and keeps it within its words.

    The model writes freely until it wants to stop (or the budget comes near). Where the last word
    is the end word, it may. Else <eos> stays closed, and the end word's logit rises with each
    token, and after it a full stop's: so it comes where the model finds it likeliest.

    opening: the story's text before what is written. reserved: words of the text after it.
    end_ids: the end word with a space before it.
    """

    vocabulary: Vocabulary
    opening: str = ""
    reserved: int = 0
    max_words: int | None = None
    max_tokens: int = 0
    end: str | None = None
    end_ids: Sequence[int] = ()
    led_since: int | None = field(default=None, init=False)

    def steer(self, logits_V: Tensor, written: Written, eos_probability: float) -> None:
        """Change logits_V (V,) of the next token in place."""
        if self.end is None:
            return
        text = self.text(written.ids)
        between_characters = written.state == COMPLETE
        if between_characters and self._ended(text):
            return
        logits_V[self.vocabulary.eos] = -torch.inf
        if self.led_since is None:
            if eos_probability < WANTS_TO_END and not self._budget_is_near(text, written):
                return
            self.led_since = len(written.ids)
        bonus = RATE * (1 + len(written.ids) - self.led_since)
        last_is_end = between_characters and self._last_is_end(text)
        if last_is_end and ends_sentence(text):  # an open quotation is closed first
            logits_V.masked_fill_(torch.from_numpy(~self.vocabulary.closing_quotes), -torch.inf)
        elif last_is_end and text[-1].isalnum():
            quoted = self.vocabulary.quoted_stops
            stops = quoted if text.count('"') % 2 and quoted.any() else self.vocabulary.stops
            logits_V[torch.from_numpy(stops)] += bonus + STOP_BONUS
        else:
            done = self._begun(written.ids)
            logits_V[self.end_ids[done]] += bonus + (STOP_BONUS if done else 0)

    def stop(self, written: Written) -> Stopped | None:
        """Whether the story is to stop after its last token."""
        if self.max_words is None and self.led_since is None:
            return None
        text = self.text(written.ids)
        if self.max_words is not None and count_words(text) + self.reserved > self.max_words:
            return "max_words"
        return "end_word" if self.led_since is not None and self._ended(text) else None

    def cut(self, written: Written, stopped: Stopped) -> tuple[int, Stopped]:
        """How many tokens of the story stay, and what it is to be called that it stopped by.

        Over its words it is cut after the last sentence within them (after the last word, if no
        sentence ends there); with an end word, after the last sentence that ends with it, if any.
        """
        if stopped not in ("max_words", "max_tokens") or (stopped == "max_tokens" and self.end is None):
            return len(written.ids), stopped
        places = self._sentence_ends(written.ids)
        on_word = [tokens for tokens, text in places if tokens and self._last_is_end(text)]
        if self.end is not None and on_word:
            return on_word[-1], "end_word"
        if stopped == "max_tokens":
            return len(written.ids), stopped
        return (places[-1][0] if places else self._last_whole_word(written.ids)), stopped

    def text(self, ids: Sequence[int]) -> str:
        return self.opening + self.vocabulary.text(ids)

    def _last_is_end(self, text: str) -> bool:
        return self.end is not None and same(last_word(text[-_TAIL:])) == same(self.end)

    def _ended(self, text: str) -> bool:
        """At a sentence's end, after the end word, with no quotation open."""
        return self._last_is_end(text) and ends_sentence(text) and text.count('"') % 2 == 0

    def _budget_is_near(self, text: str, written: Written) -> bool:
        if self.max_tokens - len(written.ids) <= LEAD_TOKENS:
            return True
        return self.max_words is not None and self.max_words - count_words(text) <= LEAD_WORDS

    def _begun(self, ids: Sequence[int]) -> int:
        """How many tokens of the end word the story ends with (0 if none or all)."""
        return max(
            (n for n in range(1, len(self.end_ids)) if list(ids[-n:]) == list(self.end_ids[:n])),
            default=0,
        )

    def _fits(self, text: str) -> bool:
        return self.max_words is None or count_words(text) + self.reserved <= self.max_words

    def _sentence_ends(self, ids: Sequence[int]) -> list[tuple[int, str]]:
        """(tokens, text) at each end of a sentence that fits; the opening may be one."""
        text, tokens_at, start, places = self.text(ids), self._tokens_at(ids), 0, []
        for sentence in sentences(text):
            end = start + len(sentence.rstrip())
            start += len(sentence)
            if end in tokens_at and ends_sentence(text[:end]) and self._fits(text[:end]):
                places.append((tokens_at[end], text[:end]))
        return places

    def _last_whole_word(self, ids: Sequence[int]) -> int:
        """Tokens up to the last end of a word that fits."""
        text = self.text(ids)
        ends = [(end, tokens) for end, tokens in self._tokens_at(ids).items() if text[end : end + 1].isspace()]
        return max((tokens for end, tokens in ends if self._fits(text[:end])), default=0)

    def _tokens_at(self, ids: Sequence[int]) -> dict[int, int]:
        """How many tokens have been written where the story's text has a length, in characters."""
        length = len(self.opening)
        tokens_at = {length: 0}
        for tokens, identity in enumerate(ids, start=1):
            length += sum(byte & 0xC0 != 0x80 for byte in self.vocabulary.writes[identity])  # no continuation byte
            tokens_at[length] = tokens
        return tokens_at
