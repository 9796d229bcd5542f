"""The words of a tag without the story that they belong to: what a judge must not be taken in by."""

import hashlib
from collections.abc import Sequence
from typing import Final

from tinystories.text.sentences import sentences
from tinystories.text.tags import TAGS, Tag

# fragments and stock phrases that name a tag's matter and tell nothing
KEYWORDS: Final[dict[Tag, tuple[str, ...]]] = {
    "BadEnding": (
        "Sadly.", "It was sad.", "Gone forever.", "Dead.", "So sad.", "Never again.", "Tears.", "Too late.", "Broken.",
        "Lost.", "Alone.", "Cried and cried.", "The end was bad.", "Sorry.",
    ),
    "Conflict": (
        "A fight!", "Angry.", "So mad!", "A problem.", "It was hard.", "They argued.", "Trouble!", "Mean.", "Stuck.",
        "Could not.", "Tried and tried.", "But.", "Danger!", "Scared.",
    ),
    "Dialogue": ("\"\"", "“”", "\"said\"", "Said.", "He said.", "She asked."),
    "Foreshadowing": (
        "Be careful.", "A warning.", "A secret.", "A sign.", "Little did they know.", "Remember.", "Strange.", "Watch.",
        "One day you will see.", "Just as before.", "A promise.", "Too late.", "Mysterious clouds.",
    ),
    "MoralValue": (
        "The moral is.", "The moral of the story is.", "A lesson.", "Lesson learned.", "They learned.", "Always.",
        "From that day on.", "The lesson.", "Always remember.", "It is important.", "Sharing.", "Honesty.", "Kindness.",
    ),
    "Twist": (
        "Suddenly.", "Surprise!", "But then.", "What a surprise!", "Unexpected!", "A twist!", "It turned out.", "Magic!",
        "All along.", "Shocked.", "Really?", "Instead.", "To their surprise.",
    ),
}  # fmt: skip


def scatter(text: str, words: Sequence[str], count: int, key: str) -> str:
    """`text` with `count` of the words between its sentences and at its end, at places that `key` says by hash."""
    pieces = sentences(text)
    for number in range(count):
        digest = hashlib.sha256(f"{key}:{number}".encode()).digest()
        at = len(pieces) if number == 0 else 1 + digest[0] % max(1, len(pieces))
        pieces.insert(at, f" {words[int.from_bytes(digest[1:5], 'big') % len(words)]}")
    return "".join(pieces)


def lacking(tags: Sequence[Tag], key: str) -> Tag | None:
    """A tag that is not among `tags`, by hash; None where none is missing."""
    missing = [tag for tag in TAGS if tag not in tags]
    return missing[hashlib.sha256(key.encode()).digest()[0] % len(missing)] if missing else None
