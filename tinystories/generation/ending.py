"""How a story comes to its end: its end word, its length, and where it is cut when it stops."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tinystories.generation.story import Stopped
from tinystories.generation.vocabulary import Vocabulary
from tinystories.generation.words import (
    allowed_words,
    count_words,
    ends_sentence,
    has_word,
    last_word,
    opens_quotation,
    same,
)
from tinystories.generation.written import Written
from tinystories.text.sentences import sentences

WANTS_TO_END: Final = 0.3  # probability of <eos> from which on a story is led to its end word
LEAD_TOKENS: Final = 64  # so many tokens before the budget's end it is led there in any case
LEAD_WORDS: Final = 40
LENGTH_LEAD: Final = 20  # words before its length at which a story is led to its end word
RATE: Final = 0.2  # nats by which the end word's logit grows with each token
STOP_BONUS: Final = 3.0  # nats more for a full stop after it than for the word itself
END_BONUS: Final = 6.0  # nats for a sentence's end, and <eos> after it, at the most words that are about the length
_GOES_ON: Final = " So"  # a sentence that begins after the text: "He saw Mr." is none
_TAIL: Final = 200  # characters looked at for the last word


@dataclass(frozen=True)
class Ending:
    """Leads a story to its end word and its length, and keeps it within its words.

    The model writes freely until it wants to stop (or the budget comes near). Where the last word
    is the end word, it may. Else <eos> stays closed, and the end word's logit rises with each
    token, and after it a full stop's: so it comes where the model finds it likeliest. It stays closed too
    while the story is shorter than about `length`, and then grows likelier after each sentence.

    opening: the story's text before what is written. reserved: words of the text after it.
    end_ids: the end word with a space before it. words: those that must occur; a cut keeps them if it can.
    """

    vocabulary: Vocabulary
    opening: str = ""
    reserved: int = 0
    max_words: int | None = None
    max_tokens: int = 0
    end: str | None = None
    end_ids: Sequence[int] = ()
    length: int | None = None
    words: tuple[str, ...] = ()
    hard: bool = True

    def steer(self, logits_V: Tensor, written: Written, eos_probability: float) -> None:
        """Change logits_V (V,) of the next token in place."""
        if self._too_short(written) or (self.length is not None and not ends_sentence(written.text)):
            logits_V[self.vocabulary.eos] = -torch.inf
        if self.end is not None:
            self._lead(logits_V, written, eos_probability)
        elif self.length is not None and written.complete:
            words, least = self._count(written.text), self._least
            bonus = END_BONUS * (1 + words - least) / (1 + allowed_words(self.length) - least)
            if bonus > 0 and _ends(written.text):
                logits_V[self.vocabulary.eos] += bonus
            elif bonus > 0 and written.text[-1:].isalnum():
                logits_V[torch.from_numpy(self._stops(written.text))] += bonus

    def stop(self, written: Written) -> Stopped | None:
        """Whether the story is to stop after its last token."""
        if self.max_words is None and self.length is None and written.led_since is None:
            return None
        words = self._count(written.text)
        if self.max_words is not None and words > self.max_words:
            return "max_words"
        if self.length is not None and words > allowed_words(self.length) and self._long_enough(written, words):
            return "length"
        ended = written.led_since is not None and self._ended(written.text) and not self._too_short(written)
        return "end_word" if ended else None

    def cut(self, written: Written, stopped: Stopped) -> tuple[int, Stopped]:
        """How many tokens of the story stay, and what it is to be called that it stopped by.

        Over its words, and over its tokens if a text is to follow, it is cut after the last sentence within them
        (after the last word, if no sentence ends there), over its length after the sentence that ends nearest to
        it; with an end word, after a sentence that ends with it, if any. Of these, one that has all the words that
        must occur.
        """
        free = self.end is None and self.length is None and not self.reserved
        if stopped in ("eos", "end_word") or (stopped == "max_tokens" and free):
            return len(written.ids), stopped
        places = self._sentence_ends(written)
        on_word = [(tokens, text) for tokens, text in places if tokens and self._last_is_end(text)]
        if self.end is not None and on_word:
            return self._best(on_word), "end_word"
        if stopped == "max_tokens" and not self.reserved and (self.end is not None or not places):
            return len(written.ids), stopped
        if self.length is not None and places:
            return self._best(places), stopped
        return (self._best(places) if places else self._last_whole_word(written)), stopped

    def certain(self, written: Written) -> int:
        """Characters of the story so far that no cut will take away."""
        if self.max_words is None and self.length is None and self.end is None and not self.reserved:
            return len(written.text)
        if self.length is not None or self.words:  # of the sentences' ends, the best is not known yet
            return len(self.opening)
        places = self._sentence_ends(written)
        # what follows may yet belong to the last, or to any whose quotation is open ("Come!" | she said.)
        settled = [(tokens, text) for tokens, text in places[:-1] if not opens_quotation(text)]
        if any(tokens and self._last_is_end(text) for tokens, text in places):
            settled = [(tokens, text) for tokens, text in settled if tokens and self._last_is_end(text)]
        return len(settled[-1][1]) if settled else len(self.opening)

    @property
    def bends(self) -> bool:
        """Whether `steer` may change anything."""
        return self.end is not None or self.length is not None or bool(self.words)

    @property
    def _least(self) -> int:
        """The fewest words that are about the length."""
        assert self.length is not None
        return self.length - self.length // 10

    def _too_short(self, written: Written) -> bool:
        if written.missing:
            return True
        return self.length is not None and self._count(written.text) < self._least

    def _long_enough(self, written: Written, words: int) -> bool:
        """Over its length: at a sentence's end, or after one that was near enough, or hopelessly over it."""
        assert self.length is not None
        if words > 2 * self.length + LEAD_WORDS:
            return True
        places = self._sentence_ends(written)
        if self.end is not None:
            places = [place for place in places if self._last_is_end(place[1])]
        return any(self._count(text) >= self._least for _, text in places)

    def _lead(self, logits_V: Tensor, written: Written, eos_probability: float) -> None:
        text = written.text
        if written.complete and self._ended(text):
            written.led_since = None if self._too_short(written) else written.led_since  # led there again, later
            return
        logits_V[self.vocabulary.eos] = -torch.inf
        if written.led_since is None:
            wants = eos_probability >= WANTS_TO_END and not self._too_short(written)
            if not wants and not self._budget_is_near(written):
                return
            written.led_since = len(written.ids)
        late = self.length is not None and self._count(text) >= self.length
        bonus = RATE * (3 if late else 1) * (1 + len(written.ids) - written.led_since)
        last_is_end = written.complete and self._last_is_end(text)
        if last_is_end and ends_sentence(text):  # an open quotation is closed first
            logits_V.masked_fill_(torch.from_numpy(~self.vocabulary.closing_quotes), -torch.inf)
        elif last_is_end and text[-1].isalnum():
            logits_V[torch.from_numpy(self._stops(text))] += bonus + STOP_BONUS
        else:
            done = begun(written.ids, self.end_ids)
            logits_V[self.end_ids[done]] += bonus + (STOP_BONUS if done else 0)

    def _stops(self, text: str) -> NDArray[np.bool_]:
        """(V,) tokens that end a sentence, and the quotation that is open."""
        quoted = self.vocabulary.quoted_stops
        return quoted if text.count('"') % 2 and quoted.any() else self.vocabulary.stops

    def _count(self, text: str) -> int:
        return count_words(text) + self.reserved

    def _last_is_end(self, text: str) -> bool:
        return self.end is not None and same(last_word(text[-_TAIL:])) == same(self.end)

    def _ended(self, text: str) -> bool:
        return self._last_is_end(text) and _ends(text)

    def _budget_is_near(self, written: Written) -> bool:
        if self.max_tokens - len(written.ids) <= LEAD_TOKENS:
            return True
        if written.missing:
            return False
        words = self._count(written.text)
        if self.length is not None and words >= self.length - LENGTH_LEAD:
            return True
        return self.max_words is not None and self.max_words - words <= LEAD_WORDS

    def _best(self, places: Sequence[tuple[int, str]]) -> int:
        """Tokens at the place that has most of the words that must occur, then is nearest to the length, or last."""

        def merit(place: tuple[int, str]) -> tuple[int, int, int]:
            tokens, text = place
            off = 0 if self.length is None else abs(self._count(text) - self.length)
            return sum(has_word(text, word) for word in self.words), -off, tokens

        return max(places, key=merit)[0]

    def _fits(self, text: str) -> bool:
        return self.max_words is None or self._count(text) <= self.max_words

    def _sentence_ends(self, written: Written) -> list[tuple[int, str]]:
        """(tokens, text) at each end of a sentence that fits; the opening may be one."""
        text, tokens_at, start, places = written.text, self._tokens_at(written.ids), 0, []
        for sentence in sentences(text + _GOES_ON):
            end = start + len(sentence.rstrip())
            start += len(sentence)
            if end in tokens_at and ends_sentence(text[:end]) and self._fits(text[:end]):
                places.append((tokens_at[end], text[:end]))
        return places

    def _last_whole_word(self, written: Written) -> int:
        """Tokens up to the last end of a word that fits."""
        text = written.text
        ends = [(end, tokens) for end, tokens in self._tokens_at(written.ids).items() if text[end : end + 1].isspace()]
        return max((tokens for end, tokens in ends if self._fits(text[:end])), default=0)

    def _tokens_at(self, ids: Sequence[int]) -> dict[int, int]:
        """How many tokens have been written where the story's text has a length, in characters."""
        length = len(self.opening)
        tokens_at = {length: 0}
        for tokens, identity in enumerate(ids, start=1):
            length += sum(byte & 0xC0 != 0x80 for byte in self.vocabulary.writes[identity])  # no continuation byte
            tokens_at[length] = tokens
        return tokens_at


def _ends(text: str) -> bool:
    """At a sentence's end, with no quotation open."""
    return ends_sentence(text) and text.count('"') % 2 == 0


def begun(ids: Sequence[int], word_ids: Sequence[int]) -> int:
    """How many tokens of a word the story ends with (0 if none or all)."""
    return max((n for n in range(1, len(word_ids)) if list(ids[-n:]) == list(word_ids[:n])), default=0)
