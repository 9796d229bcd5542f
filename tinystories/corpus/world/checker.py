"""The checker: replays a story from its text alone and says where it breaks.

It reads by the narrator's phrases (reader.py) and judges by rules of its own (rules.py), not by the plan.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from tinystories.corpus.world import rules
from tinystories.corpus.world.lexicon import FAMILY, names, things
from tinystories.corpus.world.narrator import SPEECH_VERBS
from tinystories.corpus.world.reader import Mention, Reading, Sentence, read

FOREIGN: Final = "not in the language of the world"
_ACTS: Final = frozenset({"", "he", *SPEECH_VERBS})
_PRONOUN_OF: Final = {"he": "he", "him": "he", "his": "he", "himself": "he",
                      "she": "she", "her": "she", "hers": "she", "herself": "she"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Problem:
    """sentence: its number, from 0; reason: what is wrong with it."""

    sentence: int
    text: str
    reason: str


@dataclass
class _World:
    sorts: dict[str, str] = field(default_factory=dict)  # name -> boy, girl, rabbit, family
    present: set[str] = field(default_factory=set)
    adjectives: dict[str, str] = field(default_factory=dict)  # noun -> adjective
    holder: dict[str, str] = field(default_factory=dict)  # noun -> name
    state: dict[str, str] = field(default_factory=dict)  # noun -> lost, broken, gone; nothing: all is well
    places: set[str] = field(default_factory=set)
    planted: set[str] = field(default_factory=set)
    happened: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)  # names in the sentence before
    now: list[str] = field(default_factory=list)
    things_before: list[str] = field(default_factory=list)
    things_now: list[str] = field(default_factory=list)
    new: set[str] = field(default_factory=set)  # names that this clause introduces


def check(text: str) -> list[Problem]:
    """Everything that is wrong with a story; an empty list if it is consistent from beginning to end."""
    world = _World()
    found: list[Problem] = []
    told = read(text)
    for number, sentence in enumerate(told):
        reasons, world = _sentence(sentence, world)
        found += [Problem(number, sentence.text, reason) for reason in reasons]
    found += [Problem(len(told) - 1, told[-1].text if told else "", reason) for reason in _whole(world)]
    return found


def _sentence(sentence: Sentence, world: _World) -> tuple[list[str], _World]:
    world.before, world.now = world.now, []
    world.things_before, world.things_now = world.things_now, []
    if not sentence.clauses:
        return [FOREIGN], world
    reasons: list[str] = []
    for readings in sentence.clauses:
        tried = []
        for reading in readings:
            attempt = copy.deepcopy(world) if len(readings) > 1 else world
            tried.append((_clause(reading, attempt), attempt))
        best, world = min(tried, key=lambda one: len(one[0]))
        reasons += best
    return reasons, world


def _clause(reading: Reading, world: _World) -> list[str]:
    """Apply one reading to the world; what is wrong with it."""
    reasons: list[str] = []
    world.new = set()
    bound: dict[str, str] = {}
    family = reading.kind.split(".")[0]
    _introduce(reading, world, reasons)
    for role in rules.COMES.get(reading.kind, ""):
        world.present |= {mention.words for mention in reading.mentions if mention.role == role and mention.form == "n"}
    for mention in reading.mentions:
        for role, who in _people(mention, world, reasons):
            if bound.setdefault(role, who) != who:
                reasons.append(f"{mention.words!r} should be {bound[role]} and is {who}")
            if role in rules.COMES.get(reading.kind, ""):
                world.present.add(who)
            if mention.form in _ACTS and who not in world.present and family not in rules.COMMENTS:
                reasons.append(f"{who} isn't there")
        if mention.role in ("o", "q"):
            _thing(mention, reading, bound, world, reasons)
        if mention.role == "p":
            _place(mention, family, world, reasons)
    _state(reading.kind, bound, world, reasons)
    _story(reading, world, reasons)
    world.happened.append(reading.kind)
    return reasons


def _introduce(reading: Reading, world: _World, reasons: list[str]) -> None:
    """ "a shy rabbit named Pip": the name fits, and is new."""
    for described in reading.mentions:
        if described.form != "x":
            continue
        sort = described.words.split()[-1]
        named = [one.words for one in reading.mentions if one.role == described.role and one.form == "n"]
        for name in dict.fromkeys(word.split()[-1] for word in named):
            who, _ = names().get(name, ("", ""))
            if name in world.sorts:
                reasons.append(f"{name} is introduced twice")
            if who != (sort if sort in ("boy", "girl") else "animal"):
                reasons.append(f"{name} is no name for a {sort}")
            world.sorts[name] = sort
            world.new.add(name)
            world.present.add(name)
    if reading.kind in ("open.friends", "want.gift"):
        for mention in reading.mentions:
            if mention.form == "n" and mention.words in names():
                world.sorts.setdefault(mention.words, names()[mention.words][0])
                world.present.add(mention.words)


def _people(mention: Mention, world: _World, reasons: list[str]) -> list[tuple[str, str]]:
    """(role, name) of those whom a mention means."""
    if len(mention.role) == 2:
        return _pair(mention, world, reasons)
    if mention.role not in "abc" or mention.form in ("x", "sort", "um", "way"):
        return []
    words = mention.words
    for verb in SPEECH_VERBS:
        words = words.removeprefix(f"{verb} ").removesuffix(f" {verb}")
    words = words.removesuffix("'s")
    who = _who(words, world, reasons)
    if who:
        world.now.append(who)
        return [(mention.role, who)]
    return []


def _who(words: str, world: _World, reasons: list[str]) -> str:
    if words in _PRONOUN_OF:
        wanted = _PRONOUN_OF[words]
        meant = {name for name in (*world.before, *world.now) if names()[name][1] == wanted}
        if len(meant) != 1:
            reasons.append(f"{words!r} can mean {', '.join(sorted(meant)) or 'nobody'}")
        return min(meant, default="")
    if words.startswith("the "):
        sort = words.rsplit(maxsplit=1)[-1]
        meant = {name for name, known in world.sorts.items() if known == sort}
        meant = meant - world.new or meant
        if len(meant) != 1:
            reasons.append(f"{words!r} can mean {', '.join(sorted(meant)) or 'nobody'}")
        return min(meant, default="")
    if words not in names():
        reasons.append(f"{words} is no name of this world")
        return ""
    if words not in world.sorts:
        if words not in FAMILY:
            reasons.append(f"{words} comes out of nowhere")
        world.sorts[words] = "family" if words in FAMILY else names()[words][0]
    return words


def _pair(mention: Mention, world: _World, reasons: list[str]) -> list[tuple[str, str]]:
    if " and " in mention.words:
        pair = [_who(name, world, reasons) for name in mention.words.split(" and ")]
    else:
        pair = sorted({*world.before, *world.now})
        if len(pair) != 2:
            reasons.append(f"{mention.words!r} can mean {', '.join(pair) or 'nobody'}")
            return []
        hero = next(iter(world.sorts))
        pair.sort(key=lambda who: (who != hero) == (mention.role[0] == "a"))
    world.now += [who for who in pair if who]
    return [(role, who) for role, who in zip(mention.role, pair, strict=True) if who]


def _thing(mention: Mention, reading: Reading, bound: dict[str, str], world: _World, reasons: list[str]) -> None:
    if mention.form in ("use", "used"):
        noun = bound.get(mention.role) or (world.things_now or world.things_before or [""])[-1]
        if noun and mention.words not in {use[mention.form == "used"] for use in things()[noun][0].uses}:
            reasons.append(f"nobody {mention.words!r} with a {noun}")
        return
    if mention.form == "adj":
        return
    if mention.words == "it":
        near = set(world.things_now or world.things_before)
        if len(near) != 1:
            reasons.append(f"'it' can mean {', '.join(sorted(near)) or 'nothing'}")
        noun = min(near, default="")
        world.things_now += [noun] if noun else []
    else:
        noun = next(noun for noun in _nouns() if mention.words.endswith(noun))
        adjective = mention.words.removesuffix(noun).strip().split(" ")[-1]
        if mention.form == "a":
            if world.adjectives.setdefault(noun, adjective) != adjective or adjective not in _adjectives(noun):
                reasons.append(f"no {mention.words} can be here")
        elif noun not in world.adjectives:
            reasons.append(f"{mention.words} comes out of nowhere")
        elif adjective not in ("", "the", world.adjectives[noun]):
            reasons.append(f"the {noun} was {world.adjectives[noun]}")
        if mention.form != "noun":
            world.things_now.append(noun)
    if noun and bound.setdefault(mention.role, noun) != noun:
        reasons.append(f"{mention.words!r} should be the {bound[mention.role]}")


def _place(mention: Mention, family: str, world: _World, reasons: list[str]) -> None:
    if mention.form in ("sight", "two"):
        return
    if mention.words == "there":
        if not world.places:
            reasons.append("'there' can mean nothing")
        return
    place = mention.words.split("the ", 1)[-1]
    if family == "end" and place not in world.places:
        reasons.append(f"the {place} comes out of nowhere")
    world.places.add(place)


def _state(kind: str, bound: dict[str, str], world: _World, reasons: list[str]) -> None:
    """Possessions and what has become of things: what the kind needs, then what it changes."""
    noun = bound.get("o", "")
    state = world.state.get(noun, "")
    for needed in _needs().get(kind, ()):
        held = noun in world.holder and not state
        fits = {"lost": state == "lost", "broken": state == "broken", "held": held, "whole": not state,
                "away": bool(state) or bound.get("a") != world.holder.get(noun)}[needed]  # fmt: skip
        if noun and not fits:
            reasons.append(f"the {noun} is {state or 'not lost'}: {kind} can't be")
    for role, things_ in (("ao", "o"), ("bo", "o"), ("aq", "q"), ("bq", "q")):
        if kind in _words(rules.GETS[role]) and things_ in bound:
            world.holder[bound[things_]] = bound.get(role[0], "")
            world.state.pop(bound[things_], None)
    if noun:
        for name, table in (("lost", rules.LOST), ("broken", rules.BROKEN), ("gone", rules.GONE)):
            if kind in _words(table):
                world.state[noun] = name
        if kind in _words(rules.MENDED):
            world.state.pop(noun, None)
    for role in rules.LEAVES.get(kind, ""):
        world.present.discard(bound.get(role, ""))
    if kind in rules.GOES:
        world.present = {bound[role] for role in rules.GOES[kind] if role in bound}


def _story(reading: Reading, world: _World, reasons: list[str]) -> None:
    """What a sentence owes to earlier ones: hints, expectations, lessons."""
    family, *rest = reading.kind.split(".")
    hints = rules.HINTS.keys() & set(rest)
    if family == "plant":
        world.planted |= hints
    elif family in ("warn", "told"):
        world.planted.add("warn")
    elif reading.kind == "paid.away":
        hints = {"crow"}
    if family in ("pay", "paid", "saved", "turn") and not hints <= world.planted:
        reasons.append(f"{', '.join(sorted(hints - world.planted))}: paid off but never planted")
    if family == "turn" and not any(kind.startswith("expect") for kind in world.happened):
        reasons.append("a turn that nobody had expected otherwise")
    if family == "lesson":
        clause = next(mention.words for mention in reading.mentions if mention.role == "l")
        fitting = _words(rules.LESSONS[_lesson(clause)])
        if not fitting.intersection(world.happened):
            reasons.append(f"nothing in the story teaches that {clause}")


def _whole(world: _World) -> list[str]:
    if not world.happened or not world.happened[0].startswith("open"):
        return ["the story has no beginning"]
    ends = sum(kind.startswith("end.") for kind in world.happened)
    if ends != 1 or not any(kind.startswith("end.") for kind in world.happened[-2:]):
        return ["the story has no end" if not ends else "the story ends before its end"]
    return []


@cache
def _words(table: str) -> frozenset[str]:
    return frozenset(table.split())


@cache
def _needs() -> dict[str, tuple[str, ...]]:
    every = {kind for table in rules.NEEDS.values() for kind in table.split()}
    return {kind: tuple(need for need, table in rules.NEEDS.items() if kind in table.split()) for kind in every}


@cache
def _nouns() -> Sequence[str]:
    return sorted(things(), key=len, reverse=True)


@cache
def _adjectives(noun: str) -> frozenset[str]:
    return frozenset(thing.adjective for thing in things()[noun])


@cache
def _lesson(clause: str) -> str:
    from tinystories.corpus.world.lexicon import lessons

    return next(key for key, lesson in lessons().items() if clause in lesson.clauses)
