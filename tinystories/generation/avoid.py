"""Words that a story never contains, whatever tokens they are cut into."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import regex
import torch
from torch import Tensor

from tinystories.generation.vocabulary import Vocabulary
from tinystories.generation.words import avoided_in, same
from tinystories.generation.written import Written

_UNFINISHED: Final = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:['’\-]+[\p{L}\p{M}\p{N}]*)*\Z")
_TAIL: Final = 100  # characters looked at for the unfinished word
_NEUTRAL: Final = "ǂ"  # a letter that no story has
_GOES_ON: Final = regex.compile(r"[\p{L}\p{M}\p{N}]")


@dataclass
class Avoid:
    """Forbids each token after which an avoided word stands in the story, or at its end, where it might stay.

    "cat" is so forbidden even as the beginning of "category", unless a word that must occur has to pass
    through it (`through`, folded): from there on only letters may follow.
    """

    vocabulary: Vocabulary
    words: Sequence[str]
    through: frozenset[str] = frozenset()
    hard: bool = True
    _masks: dict[tuple[str, bytes], Tensor] = field(default_factory=dict, init=False)
    _avoided: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._avoided = tuple(folded(word) for word in self.words)

    def steer(self, logits_V: Tensor, written: Written, eos_probability: float) -> None:
        """Change logits_V (V,) of the next token in place."""
        match = _UNFINISHED.search(written.text[-_TAIL:])
        key = (self._relevant(match.group() if match else ""), written.pending)
        if key not in self._masks:
            self._masks[key] = self._mask(*key)
        logits_V.masked_fill_(self._masks[key], -torch.inf)

    def offends(self, text: str) -> bool:
        """Whether an avoided word stands in `text`."""
        return avoided_in(text, self.words) is not None

    def _relevant(self, unfinished: str) -> str:
        """The unfinished word if an avoided one may come of it; else one that stands for all others."""
        word = folded(unfinished)
        if not word or any(avoided.startswith(word) for avoided in self._avoided):
            return word
        before, _, part = word.rpartition("-")
        if before and any(avoided.startswith(part) for avoided in self._avoided):
            return f"{_NEUTRAL}-{part}"
        return _NEUTRAL

    def _mask(self, unfinished: str, pending: bytes) -> Tensor:
        must_go_on = self.offends(unfinished)
        banned = [self._bans(unfinished, pending + written, must_go_on) for written in self.vocabulary.writes]
        return torch.tensor(banned)

    def _bans(self, unfinished: str, written: bytes, must_go_on: bool) -> bool:
        new = written.decode("utf-8", errors="ignore")
        if must_go_on and not _GOES_ON.match(new):
            return True
        after = folded(unfinished + new)
        if not any(word in after for word in self._avoided) or not self.offends(after):
            return False
        return after.strip() not in self.through


def folded(text: str) -> str:
    """Without case, and decomposed: so the beginning of a word stays a beginning whatever marks follow."""
    return unicodedata.normalize("NFD", same(text))
