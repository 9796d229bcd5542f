"""The nouns of the world: things and their uses, places and their spots, names, sorts of animals, lessons."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

Pronoun = Literal["he", "she"]

FOLDER: Final = Path(__file__).parent
CHILDREN: Final = ("boy", "girl")
FAMILY: Final[dict[str, Pronoun]] = {"Mom": "she", "Dad": "he", "Grandma": "she", "Grandpa": "he"}
FLAWS: Final = frozenset(
    {"careless", "wild", "lazy", "greedy", "hasty", "timid", "proud", "stubborn"}
)  # bring a bad end
WEATHER: Final = ("sunny", "windy", "cloudy", "warm", "cold", "bright", "gray", "misty")


@dataclass(frozen=True, slots=True)
class Thing:
    """noun and adjective tell it apart; properties say what can happen to it; uses are (base, past) phrases."""

    noun: str
    adjective: str
    properties: frozenset[str]
    uses: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Place:
    """preposition: "in" the park, "on" the hill; spots: where a thing can lie; sights: clauses, true any time."""

    name: str
    preposition: str
    outside: bool
    spots: tuple[str, ...]
    sights: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Character:
    """sort: boy, girl, an animal's, or "family" (whose name is Mom, Dad, Grandma or Grandpa)."""

    name: str
    pronoun: Pronoun
    sort: str
    trait: str = ""


@dataclass(frozen=True, slots=True)
class Lesson:
    key: str
    clauses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Goal:
    """Something that one may want to be able to do."""

    verb: str


@dataclass(frozen=True, slots=True)
class Wish:
    """Something that may be grown or built."""

    noun: str
    adjective: str


@cache
def things() -> dict[str, tuple[Thing, ...]]:
    """Noun -> the thing in each of its adjectives."""
    found: dict[str, tuple[Thing, ...]] = {}
    for noun, adjectives, properties, base, past in _rows("words/things.txt", 5):
        uses = tuple(zip(_list(base), _list(past), strict=True))
        found[noun] = tuple(Thing(noun, word, frozenset(properties.split()), uses) for word in adjectives.split())
    return found


@cache
def places() -> dict[str, Place]:
    return {
        name: Place(name, preposition, inside == "out", _list(spots), _list(sights))
        for name, preposition, inside, spots, sights in _rows("words/places.txt", 5)
    }


@cache
def names() -> dict[str, tuple[str, Pronoun]]:
    """Name -> (boy, girl, animal or family; he or she)."""
    return {
        name: (who, "he" if pronoun == "he" else "she")
        for who, pronoun, row in _rows("words/names.txt", 3)
        for name in row.split()
    }


@cache
def sorts() -> tuple[str, ...]:
    return tuple(word for (row,) in _rows("words/sorts.txt", 1) for word in row.split())


@cache
def goals() -> tuple[Goal, ...]:
    return tuple(Goal(verb) for (verb,) in _rows("words/skills.txt", 1))


@cache
def wishes() -> dict[str, tuple[tuple[Wish, ...], ...]]:
    """ "plant" or "work" -> for each noun the wish in each of its adjectives."""
    return {
        "plant": _wishes(_rows("words/plants.txt", 2)),
        "work": _wishes(_rows("words/works.txt", 2)),
    }


@cache
def ways() -> dict[str, tuple[str, ...]]:
    """Trait -> what one does who has it."""
    return {trait: _list(clauses) for trait, clauses in _rows("words/traits.txt", 2)}


@cache
def lessons() -> dict[str, Lesson]:
    return {key: Lesson(key, _list(clauses)) for key, clauses in _rows("words/lessons.txt", 2)}


def article(words: str) -> str:
    """The words with "a" or "an" before them."""
    return f"an {words}" if words[0] in "aeiou" or words.startswith("honest") else f"a {words}"


def _wishes(rows: list[list[str]]) -> tuple[tuple[Wish, ...], ...]:
    return tuple(tuple(Wish(noun, word) for word in adjectives.split()) for noun, adjectives in rows)


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(";"))


def _rows(name: str, columns: int) -> list[list[str]]:
    rows = []
    for line in (FOLDER / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            row = [cell.strip() for cell in line.split("|")]
            assert len(row) == columns, f"{name}: {line}"
            rows.append(row)
    return rows
