"""The narrator: events to sentences, by the phrases of the language.

A pronoun stands only where one character alone can be meant: among those named in this sentence so far and in the
one before it, no other goes by the same pronoun. "It" is the one thing named in this sentence so far, or, if there
is none, in the sentence before. "There" is the last place or spot named, if the sentence before named it.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tinystories.corpus.world.language import Choice, Part, Phrase, Slot, kinds
from tinystories.corpus.world.lexicon import (
    CHILDREN,
    Character,
    Goal,
    Lesson,
    Place,
    Thing,
    Wish,
    article,
    ways,
)  # fmt: skip
from tinystories.corpus.world.plan import Entity, Event

# each with its weight
CONNECTIVES: Final = {"then ": 4, "soon ": 2, "after that, ": 1, "a moment later, ": 1, "a little later, ": 1}
INTERJECTIONS: Final = {"shy": "um, ", "quiet": "um, ", "cheerful": "oh, ", "merry": "oh, ", "proud": "hey, ",
                        "lively": "hey, ", "kind": "please, ", "gentle": "please, "}  # fmt: skip
PRONOUNS: Final = {
    "he": {"": "he", "o": "him", "s": "his", "he": "he", "him": "him", "his": "his", "hers": "his", "self": "himself",
           "himself": "himself"},
    "she": {"": "she", "o": "her", "s": "her", "he": "she", "him": "her", "his": "her", "hers": "hers",
            "self": "herself", "himself": "herself"},
}  # fmt: skip
SPEECH_VERBS: Final = frozenset(
    {"said", "asked", "cried", "whispered", "called", "shouted", "answered", "begged"}
)  # fmt: skip
# families of events that are states or comments, so that "Then" can't stand before them
_TIMELESS: Final = frozenset(
    {"end", "lesson", "plant", "expect", "open", "skill", "lonely", "want", "sight", "own", "price", "know", "say",
     "pack", "seed", "game", "plan", "take", "go", "bring", "set", "turn", "fright", "night", "day", "wait", "water",
     "practice", "way", "pay", "paid", "saved", "thank", "agree",
     "tired"}
)  # fmt: skip
_PARAGRAPHS: Final = 0.97  # share of stories in paragraphs, as in TinyStories
_WORDS_BEFORE_IT: Final = 2  # later in a sentence "it" could be something else that was named
_IN_FULL: Final = 0.35  # probability that a thing known already is named with its adjective
_THERE: Final = 0.7  # probability of "there", of "do it" and the like, where they are sure
_LONGEST_JOINED: Final = 62  # characters of each half of a sentence made of two


class _RejectedError(Exception):
    """A phrase that can't be used here: a pronoun in it would be ambiguous, or nobody plays a role of it."""


@dataclass
class _Teller:
    rng: random.Random
    before: list[Character] = field(default_factory=list)
    now: list[Character] = field(default_factory=list)
    things_before: list[Thing] = field(default_factory=list)
    things_now: list[Thing] = field(default_factory=list)
    described: set[str] = field(default_factory=set)  # names of those of whom the text says what they are
    met: dict[str, str] = field(default_factory=dict)  # name -> sort
    roles: dict[str, Entity] = field(default_factory=dict)
    out: list[str] = field(default_factory=list)  # the sentence so far
    number: int = 0  # of the sentence
    named: list[tuple[int, Entity]] = field(default_factory=list)  # places, spots and skills: in which sentence, what
    short: bool = False  # whether "there" may stand in the phrase

    def render(self, phrase: Phrase, roles: dict[str, Entity]) -> str | None:
        """The phrase in words, first letter small; None, and nothing remembered, where a pronoun is not sure."""
        self.roles, self.short = roles, not (phrase.direct or phrase.there)
        mark = self.mark()
        self.out = []
        try:
            self._parts(phrase.parts)
        except _RejectedError:
            self.back_to(mark)
            return None
        return "".join(self.out)

    def mark(self) -> tuple[int, int, int]:
        return len(self.now), len(self.things_now), len(self.named)

    def back_to(self, mark: tuple[int, int, int]) -> None:
        """Forget what was mentioned after a mark in the same sentence."""
        for mentioned, length in zip((self.now, self.things_now, self.named), mark, strict=True):
            del mentioned[length:]  # type: ignore[attr-defined]

    def end_sentence(self) -> None:
        self.number += 1
        self.before, self.now = self.now, []
        self.things_before, self.things_now = self.things_now, []

    def _parts(self, parts: Sequence[Part]) -> None:
        for part in parts:
            if isinstance(part, str):
                self.out.append(part)
            elif isinstance(part, Slot):
                self.out.append(self._slot(part))
            else:
                assert isinstance(part, Choice)
                self._parts(self.rng.choice(part.options))

    def _slot(self, slot: Slot) -> str:
        role, form = slot.role, slot.form
        if len(role) == 2:
            return self._pair(role, form)
        match self.roles.get(role):
            case None:
                raise _RejectedError
            case Character() as who:
                text = self._character(who, form)
            case Thing() as thing:
                text = self._thing(thing, form)
            case Place() as place:
                text = self._place(place, form)
            case Lesson() as lesson:
                text = self.rng.choice(lesson.clauses)
            case Wish() as wish:
                full = article(f"{wish.adjective} {wish.noun}")
                text = {"": full, "the": f"the {wish.noun}"}.get(form, wish.noun)
            case Goal() as goal:
                text = "do it" if self._just(goal) and self.rng.random() < _THERE else goal.verb
                self.named.append((self.number, goal))
            case str() as words:
                text = self._spot(words) if role == "s" else words
        return text

    def _character(self, who: Character, form: str) -> str:
        if form in ("um", "sort", "way", "x"):
            return self._described(who, form)
        sure, again = self._sure(who), any(other is who for other in self.now)
        self.met[who.name] = who.sort
        self.now.append(who)
        if form == "n":
            text = who.name
        elif form in SPEECH_VERBS:
            text = f"{who.pronoun} {form}" if sure and self.rng.random() < 0.5 else f"{form} {self._named(who)}"
        elif form not in ("", "o", "s"):
            if not sure:
                raise _RejectedError
            text = PRONOUNS[who.pronoun][form]
        elif sure and (again or self.rng.random() < 0.6):
            text = PRONOUNS[who.pronoun][form]
        else:
            text = f"{who.name}'s" if form == "s" else self._named(who)
        return text

    def _described(self, who: Character, form: str) -> str:
        """What says something of a character without naming one."""
        if form == "um":
            return INTERJECTIONS.get(who.trait, "")
        if form == "sort":
            return who.sort
        if form == "way":
            return self.rng.choice(ways()[who.trait])
        self.described.add(who.name)
        little = "little " if self.rng.random() < 0.4 else ""
        return article(f"{who.trait} {little}{who.sort}")

    def _named(self, who: Character) -> str:
        chance = 0.05 if who.sort in CHILDREN else 0.2
        alone = who.name in self.described and list(self.met.values()).count(who.sort) == 1
        if alone and self.rng.random() < chance:
            return f"the {who.sort}"
        return who.name

    def _sure(self, who: Character) -> bool:
        found = False
        for other in (*self.before, *self.now):
            if other.pronoun == who.pronoun:
                if other.name != who.name:
                    return False
                found = True
        return found

    def _pair(self, pair: str, form: str) -> str:
        one, other = self.roles[pair[0]], self.roles[pair[1]]
        assert isinstance(one, Character) and isinstance(other, Character)
        seen = {who.name for who in (*self.before, *self.now)}
        sure = seen == {one.name, other.name}
        self.now += [one, other]
        self.met |= {one.name: one.sort, other.name: other.sort}
        if form:
            if not sure:
                raise _RejectedError
            return form
        return "they" if sure and self.rng.random() < 0.6 else f"{one.name} and {other.name}"

    def _thing(self, thing: Thing, form: str) -> str:
        if form in ("use", "used"):
            return self.rng.choice(thing.uses)[form == "used"]
        if form in ("noun", "adj"):
            return thing.noun if form == "noun" else thing.adjective
        near = self.things_now or self.things_before
        sure = form == "" and bool(near) and all(other is thing for other in near)
        self.things_now.append(thing)
        if sure and len("".join(self.out).split()) <= _WORDS_BEFORE_IT and self.rng.random() < 0.4:
            return "it"
        full = f"{thing.adjective} {thing.noun}"
        if form == "a":
            return article(full)
        words = full if self.rng.random() < _IN_FULL else thing.noun
        return words if form == "n" else f"the {words}"

    def _place(self, place: Place, form: str) -> str:
        if form == "sight":
            return self.rng.choice(place.sights)
        if form == "two":
            return " and ".join(self.rng.sample(place.sights, 2))
        if form and self._there(place):
            return "there"
        self.named.append((self.number, place))
        before = {"at": f"{place.preposition} ", "to": "to "}.get(form, "")
        return f"{before}the {place.name}"

    def _spot(self, spot: str) -> str:
        if self._there(spot):
            return "there"
        known = any(other == spot for _, other in self.named)
        self.named.append((self.number, spot))
        return spot.replace(" a ", " the ") if known else spot

    def _there(self, where: Place | str) -> bool:
        last = next(((at, one) for at, one in reversed(self.named) if not isinstance(one, Goal)), None)
        if not self.short or last != (self.number - 1, where) or self.rng.random() >= _THERE:
            return False
        self.named.append((self.number, where))
        return True

    def _just(self, what: Entity) -> bool:
        return any(one == what and at >= self.number - 1 for at, one in self.named)


def narrate(events: Sequence[Event], rng: random.Random, *, talk: bool) -> str | None:
    """The story of the events; None if some event can't be told without an ambiguous pronoun (rare).

    talk: with direct speech, at least once; without it, everything said is told.
    """
    told = _Narration(_Teller(rng), rng)
    direct = _who_speaks(events, rng) if talk else set()
    apart = "\n" if rng.random() < _PARAGRAPHS else " "
    for index, event in enumerate(events):
        if not told.add(event, index in direct, apart if event.paragraph else " "):
            return None
    return told.text()


def _who_speaks(events: Sequence[Event], rng: random.Random) -> set[int]:
    able = [index for index, event in enumerate(events) if any(p.direct for p in kinds()[event.kind].phrases)]
    chosen = {index for index in able if rng.random() < 0.75}
    return chosen or {rng.choice(able)}


@dataclass
class _Narration:
    teller: _Teller
    rng: random.Random
    sentences: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    used: set[int] = field(default_factory=set)
    joinable: bool = False
    connected: bool = False

    def add(self, event: Event, direct: bool, gap: str) -> bool:
        family = event.kind.split(".")[0]
        phrases = [phrase for phrase in kinds()[event.kind].phrases if phrase.direct == direct]
        self.rng.shuffle(phrases)
        phrases.sort(key=lambda phrase: id(phrase) in self.used)
        moving = bool(self.sentences) and family not in _TIMELESS
        if moving and gap == " " and self.joinable and self.rng.random() < 0.45 and self._join(phrases, event):
            return True
        self.teller.end_sentence()
        for phrase in phrases:
            text = self.teller.render(phrase, event.roles)
            if text is None:
                continue
            self.used.add(id(phrase))
            self.joinable = phrase.opens and ", " not in text and len(text) <= _LONGEST_JOINED and moving
            self.connected = moving and phrase.opens and not self.connected and self.rng.random() < 0.22
            if self.connected:
                text = self.rng.choices(list(CONNECTIVES), list(CONNECTIVES.values()))[0] + text
            self.sentences.append(text)
            self.gaps.append(gap)
            return True
        return False

    def _join(self, phrases: Sequence[Phrase], event: Event) -> bool:
        """Tell the event as the second half of the sentence before."""
        for phrase in phrases:
            if not phrase.opens or id(phrase) in self.used:
                continue
            mark = self.teller.mark()
            text = self.teller.render(phrase, event.roles)
            if text is None:
                continue
            if ", and " in text or len(text) > _LONGEST_JOINED:
                self.teller.back_to(mark)
                continue
            self.used.add(id(phrase))
            self.sentences[-1] = f"{self.sentences[-1].removesuffix('.')}, and {text}"
            self.joinable = False
            return True
        return False

    def text(self) -> str:
        out = []
        for gap, sentence in zip(self.gaps, self.sentences, strict=True):
            out += [gap, capitals(sentence)]
        return "".join(out[1:])


def capitals(sentence: str) -> str:
    """A sentence with capitals at its beginning and at the beginning of what is said."""
    at = sentence.find('"')
    while at != -1:  # the next opening mark
        sentence = sentence[: at + 1] + sentence[at + 1].upper() + sentence[at + 2 :]
        at = sentence.find('"', sentence.index('"', at + 1) + 1)
    return sentence[0].upper() + sentence[1:]


def summarise(phrase: Phrase, roles: dict[str, Entity]) -> str:
    """A phrase that stands alone. Its pronouns have to be sure by themselves."""
    text = _Teller(random.Random(0)).render(phrase, roles)
    assert text is not None, phrase
    return text
