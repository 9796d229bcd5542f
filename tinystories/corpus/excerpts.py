"""Stories shown as examples: whole as a rule, and never more than a page can bear."""

from typing import Final

LONGEST: Final = 1200  # characters; of a hundred stories of TinyStories about ninety are shorter


def excerpt(text: str) -> str:
    """The text without white space around it, cut after a word where it is longer than LONGEST characters."""
    text = text.strip()
    if len(text) <= LONGEST:
        return text
    cut = text[:LONGEST]
    return f"{cut.rsplit(maxsplit=1)[0] if ' ' in cut else cut} …"
