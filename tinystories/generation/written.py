"""A story while it is written: its tokens, and what rules have to know about it."""

from dataclasses import dataclass, field, replace
from typing import Self

from tinystories.generation.vocabulary import COMPLETE, Vocabulary


@dataclass
class Written:
    """What the model wrote so far, after the text that was given.

    ids: without <eos>. nats: -ln p of each token, <eos> included; temperature 1, nothing forbidden.
    text: the story so far, `opening` included, of complete characters only.
    state: of the vocabulary's automaton. led_since: tokens when it began to be led to its end word.
    missing: required words that are not in the story yet; hurried_since: tokens when their time ran short.
    """

    vocabulary: Vocabulary
    text: str = ""
    missing: tuple[str, ...] = ()
    ids: list[int] = field(default_factory=list)
    nats: list[float] = field(default_factory=list)
    state: int = COMPLETE
    led_since: int | None = None
    hurried_since: int | None = None
    _pending: bytes = b""

    def add(self, identity: int) -> None:
        """One token more, not <eos>."""
        self.ids.append(identity)
        self.state = int(self.vocabulary.leads_to[self.state, identity])
        written = self._pending + self.vocabulary.writes[identity]
        new = written.decode("utf-8", errors="ignore")  # all but the end is valid
        self._pending = written[len(new.encode("utf-8")) :] if self.state != COMPLETE else b""
        self.text += new

    def fork(self) -> Self:
        """A copy that goes its own way."""
        return replace(self, ids=[*self.ids], nats=[*self.nats])

    @property
    def complete(self) -> bool:
        """Whether the text ends with a whole character."""
        return self.state == COMPLETE

    @property
    def pending(self) -> bytes:
        """The first bytes of a character that is not complete."""
        return self._pending
