"""The words that diversity and memorisation count: no case, no marks, one kind of apostrophe."""

import re
from typing import Final

_WORD: Final = re.compile(r"\w+(?:['-]\w+)*")


def words_of(text: str) -> list[str]:
    """Words in order; an apostrophe or a hyphen inside belongs to the word ("don't", "ice-cream")."""
    return _WORD.findall(text.casefold().replace("’", "'"))
