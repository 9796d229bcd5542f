"""The tags of a text in the world's language, read from the text: what the story says happened."""

from functools import cache

from tinystories.corpus.world import rules
from tinystories.corpus.world.language import kinds
from tinystories.corpus.world.reader import read
from tinystories.text.tags import Tag


def read_tags(text: str) -> frozenset[Tag]:
    """The tags that are true of a text; sentences that aren't in the language say nothing.

    Of a story as the narrator told it these are its tags; of a model's text, what it managed to tell. Where a
    sentence can be read in several ways, the first counts.
    """
    happened = [readings[0].kind for sentence in read(text) for readings in sentence.clauses]
    families = {kind.split(".")[0] for kind in happened}
    planted = {hint for kind in happened for hint in _hints(kind, ("plant", "warn", "told"))}
    paid = {hint for kind in happened for hint in _hints(kind, ("pay", "paid", "saved", "turn"))}
    true: dict[Tag, bool] = {
        "BadEnding": any(kind.startswith("end.") and _ends_badly(kind) for kind in happened),
        "Conflict": not _clashes().isdisjoint(happened),
        "Dialogue": '"' in text,
        "Foreshadowing": bool(planted & paid),
        "MoralValue": "lesson" in families,
        "Twist": "turn" in families and "expect" in families,
    }
    return frozenset(tag for tag, is_true in true.items() if is_true)


def _hints(kind: str, families: tuple[str, ...]) -> set[str]:
    family, *rest = kind.split(".")
    if family not in families:
        return set()
    if family in ("warn", "told"):
        return {"warn"}
    return {"crow"} if kind == "paid.away" else rules.HINTS.keys() & set(rest)


def _ends_badly(kind: str) -> bool:
    return kind.endswith(".bad") or kind == "end.broken"


@cache
def _clashes() -> frozenset[str]:
    return frozenset(kind.name for kind in kinds().values() if (True, ("clash",)) in kind.effects)
