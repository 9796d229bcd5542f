"""How a stage that takes minutes says where it is: rows, rows a second, what was dropped so far."""

import time
from collections.abc import Callable
from typing import Final

Say = Callable[[str], None]

_EVERY: Final = 10.0  # seconds


def QUIET(message: str) -> None:
    """Says nothing: a stage that is called from a program."""


class Pace:
    """Called with the rows done so far, says so now and then."""

    def __init__(self, say: Say, what: str = "stories") -> None:
        self._what, self._say = what, say
        self._began = self._said = time.monotonic()

    def __call__(self, rows: int, more: str = "") -> None:
        now = time.monotonic()
        if now - self._said >= _EVERY:
            self._said = now
            rate = rows / (now - self._began)
            self._say(f"{rows:,} {self._what}, {rate:,.0f} a second{', ' + more if more else ''}")
