"""The planner's bench: a world of facts in which events happen one by one, each only if its preconditions hold."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field

from tinystories.corpus.world.language import Fact, Kind, kinds
from tinystories.corpus.world.lexicon import (
    CHILDREN,
    FLAWS,
    WEATHER,
    Character,
    Goal,
    Lesson,
    Place,
    Thing,
    Wish,
    goals,
    lessons,
    names,
    places,
    sorts,
    things,
    ways,
    wishes,
)  # fmt: skip
from tinystories.text.tags import Tag

Entity = Character | Thing | Place | Goal | Lesson | Wish | str
CHARACTERS = frozenset("abc")  # the roles that only characters take


@dataclass(frozen=True, slots=True)
class Event:
    """roles: role -> entity; added, removed: how it changed the facts; paragraph: whether it begins one."""

    kind: str
    roles: dict[str, Entity]
    added: frozenset[Fact]
    removed: frozenset[Fact]
    paragraph: bool


class ImpossibleError(AssertionError):
    """A plot let an event happen whose preconditions don't hold: a fault of the plot."""


@dataclass
class Plan:
    """A story in the making.

    `let` names who and what plays each role, `do` lets an event happen: the roles it needs come from there.
    The facts are tuples: ("has", who, what), ("here", who) of the characters who are present, ("at", place),
    ("want", who, what), ("lost", what) and so on; the kinds of events (language.py) say which they need and change.
    """

    rng: random.Random
    tags: frozenset[Tag]
    plot: str = ""
    cast: dict[str, Entity] = field(default_factory=dict)
    facts: set[Fact] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    fresh: bool = False

    def __post_init__(self) -> None:
        self.bad = "BadEnding" in self.tags
        self.clash = "Conflict" in self.tags
        self.hint = "Foreshadowing" in self.tags
        self.moral = "MoralValue" in self.tags
        self.twist = "Twist" in self.tags
        self.talk = "Dialogue" in self.tags
        self.animals = self.rng.random() < 0.45
        self.weather(self.rng.choice(WEATHER))

    def weather(self, word: str) -> None:
        """The weather of the story; has to be known before it is told."""
        self.facts = {fact for fact in self.facts if fact[0] != "weather"} | {("weather", word)}
        self.cast["w"] = word

    # ---- chance and choice

    def maybe(self, probability: float = 0.5) -> bool:
        return self.rng.random() < probability

    def person(self, trait: str = "") -> Character:
        """A character of a kind with those already there; mostly of the other pronoun than a single one there."""
        taken = {value for value in self.cast.values() if isinstance(value, Character)}
        last = next(iter(taken), None) if len(taken) == 1 else None
        wanted = None
        if last is not None and self.maybe(0.8):
            wanted = "she" if last.pronoun == "he" else "he"
        who = "animal" if self.animals else self.rng.choice(CHILDREN)
        used = {person.name for person in taken}
        if not self.animals and wanted:
            who = "girl" if wanted == "she" else "boy"
        fitting = [name for name, (kind, pronoun) in names().items() if kind == who and name not in used]
        if wanted:
            fitting = [name for name in fitting if names()[name][1] == wanted]
        name = self.rng.choice(fitting)
        sort = who
        if self.animals:
            sort = self.rng.choice([word for word in sorts() if word not in {person.sort for person in taken}])
        return Character(
            name, names()[name][1], sort, trait or self.rng.choice([trait for trait in ways() if trait not in FLAWS])
        )

    def elder(self) -> Character:
        hero = self.cast["a"]
        assert isinstance(hero, Character)
        family = [name for name, (kind, _) in names().items() if kind == "family"]
        others = [name for name in family if names()[name][1] != hero.pronoun]
        name = self.rng.choice(others if self.maybe(0.8) else family)
        return Character(name, names()[name][1], "family")

    def thing(self, *wanted: str, but: str = "") -> Thing:
        """Any thing that has one of the wanted properties, not the other one, and isn't in the story yet."""
        taken = {value.noun for value in self.cast.values() if isinstance(value, Thing)}
        fitting = [
            kind
            for noun, kind in things().items()
            if noun not in taken and but not in kind[0].properties and not kind[0].properties.isdisjoint(wanted)
        ]
        return self.rng.choice(self.rng.choice(fitting))

    def place(self, *among: str, outside: bool = False) -> Place:
        """A place that isn't the story's already; one of these, if any are named."""
        others = [place for place in places().values() if place is not self.cast.get("p")]
        if among:
            return self.rng.choice([place for place in others if place.name in among])
        return self.rng.choice([place for place in others if place.outside or not outside])

    def has(self, role: str, property_: str) -> bool:
        """Whether the thing in a role has a property."""
        thing = self.cast[role]
        return isinstance(thing, Thing) and property_ in thing.properties

    def present(self, role: str) -> bool:
        return role in self.cast and ("here", label(self.cast[role])) in self.facts

    def spot(self) -> str:
        """A spot at the place of the story where nobody has looked yet."""
        place = self.cast["p"]
        assert isinstance(place, Place)
        spot = self.rng.choice([spot for spot in place.spots if spot not in self.used])
        self.used.add(spot)
        return spot

    def wish(self, of: str) -> Wish | Goal:
        if of == "skill":
            return self.rng.choice(goals())
        return self.rng.choice(self.rng.choice(wishes()[of]))

    # ---- events

    def let(self, **roles: Entity) -> None:
        self.cast.update(roles)

    def do(self, name: str, **roles: Entity) -> None:
        """Let an event happen. Raises ImpossibleError if something that it needs doesn't hold."""
        kind = kinds()[name]
        bound = {role: roles.get(role) or self.cast[role] for role in kind.roles if self._is_given(role, kind)}
        labels = {role: label(entity) for role, entity in bound.items()}
        labels["@"] = next((fact[1] for fact in self.facts if fact[0] == "at"), "nowhere")
        effects = [(adds, tuple(labels.get(word, word) for word in fact)) for adds, fact in kind.effects]
        arriving = {fact[1] for adds, fact in effects if adds and fact[0] == "here"}
        absent_too = {labels[need[1]] for need in kind.needs if need[0] == "any"}
        if not name.startswith("end."):
            for role in CHARACTERS & bound.keys():
                if ("here", labels[role]) not in self.facts and labels[role] not in arriving | absent_too:
                    raise ImpossibleError(f"{self.plot}: {name}: {labels[role]} is not there")
        for need in kind.needs:
            if not self._holds(tuple(labels.get(word, word) for word in need), bound, need):
                raise ImpossibleError(f"{self.plot}: {name} needs {need}; {sorted(self.facts)}")
        before = set(self.facts)
        for adds, fact in effects:
            if fact[0] == "scene":
                company = {labels[role] for role in CHARACTERS & bound.keys()}
                self.facts = {f for f in self.facts if f[0] != "at" and (f[0] != "here" or f[1] in company)}
                self.facts.add(("at", fact[1]))
            elif adds:
                self.facts.add(fact)
            else:
                self.facts.discard(fact)
        self.events.append(
            Event(name, bound, frozenset(self.facts - before), frozenset(before - self.facts), self.fresh)
        )
        self.fresh = False

    def _is_given(self, role: str, kind: Kind) -> bool:
        if role not in kind.optional:
            return True
        return role in self.cast and (role != "p" or ("at", label(self.cast["p"])) in self.facts)

    def _holds(self, fact: Fact, bound: dict[str, Entity], need: Fact) -> bool:
        if fact[0] == "any":
            return True
        if fact[0] == "is":
            thing = bound[need[1]]
            return isinstance(thing, Thing) and fact[2] in thing.properties
        if fact in self.facts:
            return True
        return len(fact) < 3 and any(known[: len(fact)] == fact for known in self.facts)

    def has_speech(self) -> bool:
        """Whether something that happened can be told in direct speech."""
        return any(phrase.direct for event in self.events for phrase in kinds()[event.kind].phrases)

    def one(self, *names_: str, **roles: Entity) -> None:
        self.do(self.rng.choice(names_), **roles)

    def paragraph(self) -> None:
        """The next event begins a paragraph."""
        self.fresh = True

    def learn(self, keys: Iterable[str], teacher: str = "") -> None:
        """The lesson, if the story is to have one; told by the character in role `teacher`, if any is there."""
        if not self.moral:
            return
        lesson = lessons()[self.rng.choice(list(keys))]
        if self.present(teacher) and self.maybe(0.4):
            self.do("lesson.told", l=lesson, b=self.cast[teacher])
        else:
            self.do("lesson", l=lesson)


def label(entity: Entity) -> str:
    """The entity's name in facts."""
    if isinstance(entity, Character | Place):
        return entity.name
    if isinstance(entity, Thing | Wish):
        return f"{entity.adjective} {entity.noun}"
    if isinstance(entity, Lesson):
        return entity.key
    return entity.verb if isinstance(entity, Goal) else entity
