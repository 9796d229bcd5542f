"""The six tags: names, meaning, and how the world spells them."""

from typing import Final, Literal

Tag = Literal["BadEnding", "Conflict", "Dialogue", "Foreshadowing", "MoralValue", "Twist"]

MEANING: Final[dict[Tag, str]] = {
    "BadEnding": "it ends badly for a main character, with no repair",
    "Conflict": "characters oppose each other, or one struggles with an obstacle that drives the plot",
    "Dialogue": "at least one line of direct speech",
    "Foreshadowing": "an early hint, warning or set-up is paid off later",
    "MoralValue": "a lesson is stated or plainly shown",
    "Twist": "an event reverses what the story had led one to expect",
}
TAGS: Final[tuple[Tag, ...]] = tuple(MEANING)


def ordered(tags: "set[str] | list[str] | tuple[str, ...]") -> list[Tag]:
    """The known tags among `tags`, in canonical order, each once."""
    return [tag for tag in TAGS if tag in tags]
