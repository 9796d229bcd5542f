"""The reader: text in the narrator's language back to what it says, by the same phrases, from the text alone.

It knows the language and the dictionary, nothing of plans and facts: what it reads may be any model's text.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from tinystories.corpus.world.language import Choice, Part, Phrase, Slot, kinds
from tinystories.corpus.world.lexicon import (
    CHILDREN,
    WEATHER,
    goals,
    lessons,
    names,
    places,
    sorts,
    things,
    ways,
    wishes,
)  # fmt: skip
from tinystories.corpus.world.narrator import CONNECTIVES, INTERJECTIONS, SPEECH_VERBS

_SENTENCE_END: Final = re.compile(r"(?<=[.!?])(\"?)(?=\s+[\"A-Z]|\s*$)")
_PRONOUN_FORMS: Final = {
    "he": "he|she", "him": "him|her", "his": "his|her", "hers": "his|hers", "self": "himself|herself",
    "himself": "himself|herself",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mention:
    """Words that stand in a slot. at: where in the sentence they begin."""

    role: str
    form: str
    words: str
    at: int


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to understand a clause: the kind of event, and the words in its slots, in order."""

    kind: str
    direct: bool
    mentions: tuple[Mention, ...]


@dataclass(frozen=True, slots=True)
class Sentence:
    """text: as it stands; clauses: for each clause of it all its readings. No clauses: it isn't the language."""

    text: str
    clauses: tuple[tuple[Reading, ...], ...]


def read(text: str) -> list[Sentence]:
    return [read_sentence(sentence) for sentence in sentences(text)]


def sentences(text: str) -> Iterator[str]:
    """Sentences as the narrator makes them: what is said belongs to who says it."""
    start = 0
    for match in _SENTENCE_END.finditer(text):
        if text.count('"', start, match.end()) % 2 == 0:
            yield text[start : match.end()].strip()
            start = match.end()
    if rest := text[start:].strip():
        yield rest


def read_sentence(sentence: str) -> Sentence:
    plain = _small(sentence)
    for text in (plain, *_without_connective(plain)):
        if found := _readings(text):
            return Sentence(sentence, (found,))
        for cut in re.finditer(", and ", text):
            first = _readings(f"{text[: cut.start()]}.")
            second = _readings(_small(text[cut.end() :])) if first else ()
            if first and second:
                return Sentence(sentence, (first, second))
    return Sentence(sentence, ())


def _without_connective(text: str) -> Iterator[str]:
    for connective in CONNECTIVES:
        if text.startswith(connective):
            yield text.removeprefix(connective)


def _small(sentence: str) -> str:
    """The sentence without the capitals that only its beginnings give it."""

    def small(match: re.Match[str]) -> str:
        word = match[0]
        return word if word.removesuffix("'s") in names() or word == "I" else word[0].lower() + word[1:]

    text = re.sub(r"^[A-Z][\w']*", small, sentence)
    parts = text.split('"')
    for number in range(1, len(parts), 2):
        parts[number] = re.sub(r"^[A-Z]\w*", small, parts[number])
    return '"'.join(parts)


def _readings(text: str) -> tuple[Reading, ...]:
    found = []
    for number_of_phrase, phrase in enumerate(_phrases()):
        if phrase.anchor not in text:
            continue
        pattern, slots = _pattern(number_of_phrase)
        if match := pattern.fullmatch(text):
            mentions = tuple(
                Mention(slot.role, slot.form, match[number], match.start(number))
                for number, slot in enumerate(slots, 1)
                if match[number] is not None
            )
            reading = Reading(phrase.kind, phrase.direct, mentions)
            if reading not in found:
                found.append(reading)
    return tuple(found)


@cache
def _phrases() -> tuple[Phrase, ...]:
    return tuple(phrase for kind in kinds().values() for phrase in kind.phrases)


@cache
def _pattern(number: int) -> tuple[re.Pattern[str], tuple[Slot, ...]]:
    """A phrase as a regular expression with a group for each slot."""
    slots: list[Slot] = []
    phrase = _phrases()[number]
    return re.compile(_source(phrase.parts, slots)), tuple(slots)


def _source(parts: Sequence[Part], slots: list[Slot]) -> str:
    out = []
    for part in parts:
        if isinstance(part, str):
            out.append(re.escape(part))
        elif isinstance(part, Choice):
            out.append("(?:" + "|".join(_source(option, slots) for option in part.options) + ")")
        else:
            slots.append(part)
            out.append(f"({_slot(part)})")
    return "".join(out)


def _slot(slot: Slot) -> str:
    role, form = slot.role, slot.form
    if len(role) == 2:
        return form or "they|[A-Z][a-z]+ and [A-Z][a-z]+"
    closed: dict[str, Callable[[], Iterable[str]]] = {
        "l": lambda: (clause for lesson in lessons().values() for clause in lesson.clauses),
        "s": lambda: ("there", *(name for place in places().values() for spot in place.spots for name in _again(spot))),
        "w": lambda: WEATHER,
    }
    if role in closed:
        return _any(closed[role]())
    other = {"p": _place, "x": _goal, "o": _thing, "q": _thing}
    return other.get(role, _character)(form)


def _again(spot: str) -> tuple[str, str]:
    """A spot as it is named the first time and later."""
    return spot, spot.replace(" a ", " the ")


def _place(form: str) -> str:
    where = _any(places())
    at = "|".join(("there", *(f"{place.preposition} the {place.name}" for place in places().values())))
    sight = _any(sight for place in places().values() for sight in place.sights)
    table = {"at": at, "to": f"there|to the (?:{where})", "sight": sight, "two": f"(?:{sight}) and (?:{sight})"}
    return table.get(form, f"the (?:{where})")


def _goal(form: str) -> str:
    nouns = _any(wish.noun for group in wishes().values() for of_noun in group for wish in of_noun)
    skills = _any(goal.verb for goal in goals())
    return {"the": f"the (?:{nouns})", "noun": nouns}.get(form, f"an? [a-z]+ (?:{nouns})|do it|{skills}")


def _character(form: str) -> str:
    sort = _any((*CHILDREN, *sorts()))
    noun = f"[A-Z][a-z]+|the (?:{sort})"
    if form in _PRONOUN_FORMS:
        return _PRONOUN_FORMS[form]
    if form in SPEECH_VERBS:
        return f"(?:he|she) {form}|{form} (?:{noun})"
    table = {
        "": f"he|she|{noun}",
        "o": f"him|her|{noun}",
        "s": "his|her|[A-Z][a-z]+'s",
        "n": "[A-Z][a-z]+",
        "x": f"an? (?:{_any(ways())}) (?:little )?(?:{sort})",
        "sort": sort,
        "way": _any(way for group in ways().values() for way in group),
        "um": "|".join(sorted({*INTERJECTIONS.values(), ""}, reverse=True)),
    }
    return table[form]


def _thing(form: str) -> str:
    nouns = _any(things())
    if form in ("use", "used"):
        return _any(use[form == "used"] for kind in things().values() for use in kind[0].uses)
    if form == "noun":
        return nouns
    adjectives = "[a-z]+"
    if form == "adj":
        return adjectives
    words = f"(?:(?:{adjectives}) )?(?:{nouns})"
    table = {"": f"it|the {words}", "the": f"the {words}", "n": words, "a": f"an? (?:{adjectives}) (?:{nouns})"}
    return table[form]


def _any(words: Iterable[str]) -> str:
    """A regular expression for any of the words, longer ones first."""
    listed = sorted(words, key=lambda word: (-len(word), word))
    return "|".join(re.escape(word) for word in dict.fromkeys(listed))
