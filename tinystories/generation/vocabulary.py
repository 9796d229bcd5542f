"""What each token id writes, in bytes, and which ids may follow so that a story stays valid text."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tinystories.text.tokenizer import StoryTokenizer

COMPLETE: Final = 0  # the state between two characters

# The states of UTF-8 (Unicode 16, table 3-7): what may follow, as (low, high, next state).
# 1 to 3 = that many continuation bytes to come; 4 to 7 = after E0, ED, F0, F4
_TAIL: Final = (0x80, 0xBF)
_UTF8: Final[tuple[tuple[tuple[int, int, int], ...], ...]] = (
    (
        (0x00, 0x7F, 0), (0xC2, 0xDF, 1), (0xE0, 0xE0, 4), (0xE1, 0xEC, 2), (0xED, 0xED, 5), (0xEE, 0xEF, 2),
        (0xF0, 0xF0, 6), (0xF1, 0xF3, 3), (0xF4, 0xF4, 7),
    ),
    ((*_TAIL, 0),),
    ((*_TAIL, 1),),
    ((*_TAIL, 2),),
    ((0xA0, 0xBF, 1),),
    ((0x80, 0x9F, 1),),
    ((0x90, 0xBF, 2),),
    ((0x80, 0x8F, 2),),
)  # fmt: skip
STATES: Final = len(_UTF8)
_CONTROL_CHARACTERS: Final = frozenset({*range(32), 127}) - set(b"\t\n\r")  # in no story; NUL breaks other tools


class Vocabulary:
    """Token ids as bytes, and as moves of an automaton that accepts UTF-8 alone.

    writes: bytes of each id; b"" for controls, which a story never contains.
    follows: (STATES, V) bool; whether an id may come next in a state. Controls never, <eos>
        between two characters, any other id where its bytes go on as valid UTF-8 and hold no NUL or the like.
    leads_to: (STATES, V) uint8; the state after it.
    """

    def __init__(self, tokenizer: StoryTokenizer, size: int, eos: int) -> None:
        """`size` is the model's vocabulary; ids above the tokenizer's (padding of the matrix) write nothing."""
        controls = set(tokenizer.control_ids)
        self.eos: Final = eos
        self.writes: Final = [
            b"" if i in controls or i >= tokenizer.vocab_size else _bytes(tokenizer.token(i)) for i in range(size)
        ]
        self.follows: Final[NDArray[np.bool_]] = np.zeros((STATES, size), dtype=bool)
        self.leads_to: Final[NDArray[np.uint8]] = np.zeros((STATES, size), dtype=np.uint8)
        for i, written in enumerate(self.writes):
            if written.isascii():
                self.follows[COMPLETE, i] = bool(written) and not _CONTROL_CHARACTERS & set(written)
                continue
            for state in range(STATES):
                after = _after(state, written)
                if after is not None:
                    self.follows[state, i], self.leads_to[state, i] = True, after
        self.follows[COMPLETE, eos] = True

    def text(self, ids: Sequence[int]) -> str:
        """Text of sampled ids; an incomplete last character is dropped."""
        return b"".join(self.writes[i] for i in ids).decode("utf-8", errors="ignore")

    def beginning(self, accept: Callable[[str], bool]) -> NDArray[np.bool_]:
        """(V,) the ids whose first character `accept` takes; part of a character never does."""
        first = (written.decode("utf-8", errors="ignore")[:1] for written in self.writes)
        begins = np.array([bool(c) and accept(c) for c in first], dtype=np.bool_)
        allowed: NDArray[np.bool_] = begins & self.follows[COMPLETE]
        return allowed

    @cached_property
    def spaced(self) -> NDArray[np.bool_]:
        """(V,) ids that begin with white space."""
        return self.beginning(str.isspace)

    @cached_property
    def ends_word(self) -> NDArray[np.bool_]:
        """(V,) ids that can't go on with a word: white space, or a mark that no word has inside."""
        return self.beginning(lambda c: c.isspace() or c in '.,;:!?…"”)')

    @cached_property
    def stops(self) -> NDArray[np.bool_]:
        """(V,) ids that are one mark that ends a sentence."""
        return np.array([written in (b".", b"!", b"?") for written in self.writes])

    @cached_property
    def quoted_stops(self) -> NDArray[np.bool_]:
        """(V,) ids that end a sentence and its quotation."""
        return np.array([written in (b'."', b'!"', b'?"') for written in self.writes])

    @cached_property
    def closing_quotes(self) -> NDArray[np.bool_]:
        """(V,) ids that are one closing quote."""
        return np.array([written in (b'"', "”".encode()) for written in self.writes])


def _after(state: int, written: bytes) -> int | None:
    for byte in written:
        following = [to for low, high, to in _UTF8[state] if low <= byte <= high]
        if not following:
            return None
        state = following[0]
    return state


def _byte_of() -> dict[str, int]:
    """GPT-2's table: the character that stands for each byte in a byte-level tokenizer's file."""
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {chr(b): b for b in shown} | {chr(256 + n): b for n, b in enumerate(hidden)}


_BYTE_OF: Final = _byte_of()


def _bytes(token: str) -> bytes:
    return bytes(_BYTE_OF[c] for c in token)
