"""Minimal pairs made by program from held-out stories: a sentence as it stands, and the same with one fault.

After BLiMP (Warstadt et al. 2020), on stories instead of templates: each pair has the story so far
before it, shares every word but the changed ones, and is about one ability.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from tinystories.evaluation.handing import exchanges
from tinystories.evaluation.names import names_of
from tinystories.text.sentences import sentences

Ability = Literal["agreement", "pronoun", "speech_verbs", "negation", "who_has_it", "number"]


class Edit(NamedTuple):
    """text[start:stop] becomes `instead`, and the sentence is wrong."""

    start: int
    stop: int
    instead: str


@dataclass(frozen=True)
class Pair:
    """One place of a held-out story. context + good is the story up to the end of that sentence.

    `context` ends before white space, so that both sides are tokenised as the whole story is.
    """

    ability: Ability
    story_id: str
    context: str
    good: str
    bad: str


def pairs_of(ability: Ability, story_id: str, text: str) -> Pair | None:
    """The story's pair for an ability, at a place picked by hash; None where no rule finds one."""
    edits = sorted({edit for edit in EDITS[ability](text) if text[edit.start : edit.stop] != edit.instead})
    if not edits:
        return None
    digest = hashlib.sha256(f"{ability}:{story_id}".encode()).digest()
    start, stop, instead = edits[int.from_bytes(digest[:8], "big") % len(edits)]
    cut = start
    while cut and not text[cut - 1].isspace():  # a quote may stand before the word
        cut -= 1
    cut = len(text[:cut].rstrip())
    end = _sentence_end(text, stop)
    return Pair(ability, story_id, text[:cut], text[cut:end], text[cut:start] + instead + text[stop:end])


def _sentence_end(text: str, at: int) -> int:
    end = 0
    for sentence in sentences(text):
        end += len(sentence)
        if end >= at:
            break
    return end


# agreement: the verb is of the other number, after a subject that leaves no doubt
_OF_MANY: Final = {"was": "were", "is": "are", "has": "have", "does": "do", "wasn't": "weren't", "isn't": "aren't"}
_OTHER_NUMBER: Final = _OF_MANY | {many: one for one, many in _OF_MANY.items()}
_SUBJECT_VERB: Final = re.compile(
    r"\b(?:(?:he|she|it|they|we)|(?:the|a|his|her|their|my|your|our) [a-z]+) (?P<verb>"
    rf"{'|'.join(sorted(_OTHER_NUMBER, key=len, reverse=True))})\b",
    re.IGNORECASE,
)
_UNREAL: Final = re.compile(r"\b(?:if|wish|wished|though)\s+$", re.IGNORECASE)  # "if he were": right either way


def _agreement(text: str) -> Iterator[Edit]:
    for match in _SUBJECT_VERB.finditer(text):
        if match["verb"] in _OTHER_NUMBER and not _UNREAL.search(text, max(0, match.start() - 10), match.start()):
            yield Edit(*match.span("verb"), _OTHER_NUMBER[match["verb"]])


# pronoun: the first he or she after the only name, in stories that know one gender
_HE_OR_SHE: Final = re.compile(r"\b(?:[Hh]e|[Ss]he)\b")
_GENDERED: Final = (re.compile(r"\b(?:he|him|his|himself)\b", re.I), re.compile(r"\b(?:she|her|hers|herself)\b", re.I))
_SWAPPED: Final = {"he": "she", "she": "he", "He": "She", "She": "He"}


def _pronoun(text: str) -> Iterator[Edit]:
    names = list(names_of(text))
    if len(names) != 1 or all(gender.search(text) for gender in _GENDERED):
        return
    named = re.search(rf"\b{names[0]}\b", text)
    assert named is not None
    first = _HE_OR_SHE.search(text, named.end())
    if first:
        yield Edit(*first.span(), _SWAPPED[first.group()])


# speech verbs: "said" takes what was said, "told" whom
_TOLD: Final = re.compile(r"\b(?:said|told)\b|(?<=[\"”] )(?:asked|replied|answered|shouted|cried|whispered)\b")


def _speech_verbs(text: str) -> Iterator[Edit]:
    for match in _TOLD.finditer(text):
        yield Edit(*match.span(), "said" if match.group() == "told" else "told")


# negation: "not" with the wrong auxiliary, a second negation, or a word that only a negation allows
_AUXILIARY: Final = {"did": "was", "was": "did", "were": "did", "does": "is", "is": "does", "do": "are", "are": "do"}
_NEGATED: Final = re.compile(rf"\b(?P<verb>{'|'.join(_AUXILIARY)})(?:n['’]t| not)(?= \w)")
_NEGATION: Final = re.compile(
    r"\b(?:not|never|nobody|nothing|nowhere|without|neither|cannot)\b|n['’]t\b| no\b", re.IGNORECASE
)
_OPEN: Final = re.compile(r"\b(?:if|whether|before|than|most|until|unless)\b|\?")  # these allow "any" as well
_ANY: Final = {"anything": "nothing", "anybody": "nobody", "anyone": "nobody", "anywhere": "nowhere", "any": "no"}
_NONE: Final = {"nothing": "anything", "nobody": "anybody", "nowhere": "anywhere", "never": "ever"}
_POLAR: Final = re.compile(rf"\b(?:{'|'.join((*_ANY, *_NONE))})\b(?! longer| more)")


def _negation(text: str) -> Iterator[Edit]:
    for match in _NEGATED.finditer(text):
        yield Edit(*match.span("verb"), _AUXILIARY[match["verb"]])
    start = 0
    for sentence in sentences(text):
        for match in _POLAR.finditer(sentence):
            before, word = sentence[: match.start()], match.group()
            negated = _NEGATION.search(before) is not None
            if word in _ANY and negated:
                yield Edit(start + match.start(), start + match.end(), _ANY[word])
            elif word in _NONE and not negated and not _OPEN.search(sentence):
                yield Edit(start + match.start(), start + match.end(), _NONE[word])
        start += len(sentence)


# number: "two apple", "a stones"
_SEVERAL: Final = r"two|three|four|five|six|seven|eight|nine|ten|many|several|both|these|those"
_PLURAL: Final = re.compile(rf"\b(?:{_SEVERAL}) (?P<noun>[a-z]{{2,}}[a-z]s)\b(?! of\b)", re.IGNORECASE)
_SINGULAR: Final = re.compile(r"\b(?:an?|one|every|each|another) (?P<noun>[a-z]{3,})(?=[.,!?;])", re.IGNORECASE)
_NO_PLURAL: Final = frozenset(
    [
        "was",
        "has",
        "this",
        "his",
        "its",
        "less",
        "yes",
        "does",
        "always",
        "towards",
        "sometimes",
        "few",
        "bit",
        "little",
        "while",
    ]
)


def _number(text: str) -> Iterator[Edit]:
    for match in _PLURAL.finditer(text):
        noun = match["noun"]
        if noun not in _NO_PLURAL and not noun.endswith(("ss", "us", "ves")):
            yield Edit(*match.span("noun"), singular(noun))
    for match in _SINGULAR.finditer(text):
        noun = match["noun"]
        if noun not in _NO_PLURAL and not noun.endswith(("s", "ing", "ly", "f", "fe")):
            yield Edit(*match.span("noun"), plural(noun))


def singular(noun: str) -> str:
    """Of a regular plural."""
    if noun.endswith("ies") and len(noun) > 4:
        return noun[:-3] + "y"
    return noun[:-2] if noun.endswith(("sses", "xes", "zes", "ches", "shes", "oes")) else noun[:-1]


def plural(noun: str) -> str:
    """As if it were regular: "mans" is wrong after "one", too."""
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "z", "ch", "sh")) else "s")


def _who_has_it(text: str) -> Iterator[Edit]:
    names = names_of(text)
    for start, stop, instead in exchanges(text, list(names)):
        yield Edit(start, stop, instead)


EDITS: Final[dict[Ability, Callable[[str], Iterator[Edit]]]] = {
    "agreement": _agreement,
    "pronoun": _pronoun,
    "speech_verbs": _speech_verbs,
    "negation": _negation,
    "who_has_it": _who_has_it,
    "number": _number,
}
ABILITIES: Final[tuple[Ability, ...]] = tuple(EDITS)
