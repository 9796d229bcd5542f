"""Who gave what to whom: clauses in which giver and receiver can be exchanged, and the exchange."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

_AS_OBJECT: Final = {"he": "him", "she": "her", "they": "them", "we": "us", "I": "me"}
_AS_SUBJECT: Final = {receiver: giver for giver, receiver in _AS_OBJECT.items()}
_WORD: Final = r"(?!(?:and|but|or|then|who|that|which|he|she|they|it|to|of|in|had|has|also|just)\b)[a-z]+"
_NOUN: Final = rf"(?:[Tt]he|[Hh]is|[Hh]er|[Tt]heir) (?:{_WORD} )?{_WORD}"  # the king, her little brother
_GIVING: Final = r"gave|handed|showed|offered|brought|passed|lent|threw|sent|told"
_TAKING: Final = r"took|got|borrowed|bought"
_THING: Final = r"(?:a|an|the|his|her|its|their|some|one|two|another)\b"
_ALONE: Final = r"(?=[.,!?;]| and\b)"  # so that "her" is no one's mother, and "the old" no half of a man


def exchanges(text: str, names: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """(start, stop, what to put there) for each clause of giving or taking between two parties.

    "Mia gave the king a stone" becomes "The king gave Mia a stone"; pronouns change their case.
    names: of the story's characters. Parties are these, pronouns, and nouns with an article.
    """
    name = "|".join(sorted(names, key=len, reverse=True)) or r"(?!)"
    giver = rf"\b(?P<one>{name}|[Hh]e|[Ss]he|[Tt]hey|[Ww]e|I|{_NOUN})"
    receiver = rf"(?P<other>{name}|him|her|them|us|me|{_NOUN})"
    for pattern in (
        rf"{giver} (?P<between>{_GIVING}) {receiver}(?= {_THING})",
        rf"{giver} (?P<between>(?:{_GIVING}) {_THING}(?: [a-z]+){{0,3}} to) {receiver}{_ALONE}",
        rf"{giver} (?P<between>(?:{_TAKING}) {_THING}(?: [a-z]+){{0,3}} from) {receiver}{_ALONE}",
    ):
        for match in re.finditer(pattern, text):
            one, other = match["one"], match["other"]
            if one not in names and one != "I":
                one = one[0].lower() + one[1:]
            subject, object_ = _AS_SUBJECT.get(other, other), _AS_OBJECT.get(one, one)
            if subject == one:  # "she gave her": nobody can say who is who
                continue
            if _begins(text, match.start()):
                subject = subject[0].upper() + subject[1:]
            yield match.start(), match.end(), f"{subject} {match['between']} {object_}"


def _begins(text: str, at: int) -> bool:
    """Whether a sentence, or what somebody says, begins at `at`."""
    before = text[max(0, at - 8) : at]
    told = before.rstrip(" \n\"“”’')")
    return not told or told[-1] in ".!?…" or before[-1] in '"“'
