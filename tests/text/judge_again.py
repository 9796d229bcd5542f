"""The judge's decision a second time: from its JSON file and the list of phrases, by other code.

Of the package it uses two things, which have tests by hand of their own: where sentences end, and what kind of
quotation is which. All else is done anew: words, fragments, phrases, features, weights, thresholds.
"""

import json
import math
import re
from functools import cache
from typing import Any

from tests.conftest import ROOT
from tinystories.text import cues
from tinystories.text.sentences import sentences

NOTHING_ENDS_WITH = {"is", "was", "are", "were", "that", "a", "an", "the", "and", "but"}


@cache
def file() -> dict[str, Any]:
    judge: dict[str, Any] = json.loads((ROOT / "tinystories/text/judge.json").read_text(encoding="utf-8"))
    assert judge["family"] == "thirds", "the features below are those of this family"
    return judge


def probabilities(text: str) -> dict[str, float]:
    """The probability of each tag."""
    judge, told = file(), "".join(sentence for sentence in sentences(text) if tells_something(sentence))
    story = [found for sentence in sentences(told) if (found := words(straight(sentence)))]
    tags = list(judge["thresholds"])
    if not story:
        return dict.fromkeys(tags, 0.0)
    present, odds = phrases_in(story), dict(zip(sorted(tags), judge["bias"], strict=True))
    ngrams = ngrams_in(story)
    spoken = cues.quotations(cues.plain(told))._asdict()
    terms = [(value(name, story, present, spoken), weights) for name, weights in judge["values"].items()]
    terms += [(0.001, weights) for ngram, weights in judge["ngrams"].items() if ngram in ngrams]
    for amount, weights in terms:
        for tag, weight in zip(sorted(tags), weights, strict=True):
            odds[tag] += amount * weight
    return {tag: 1 / (1 + math.exp(-odds[tag])) for tag in tags}


def tags(text: str) -> set[str]:
    return {tag for tag, probability in probabilities(text).items() if probability >= file()["thresholds"][tag]}


def straight(text: str) -> str:
    return re.sub("[“”«»]", '"', re.sub("[’‘]", "'", text.lower()))


def words(text: str) -> list[str]:
    """Runs of letters; one apostrophe between two runs joins them."""
    found, at = list[str](), 0
    runs = [(m.start(), m.end()) for m in re.finditer(r"\w+", re.sub(r"[\d_]", " ", text))]
    while at < len(runs):
        start, end = runs[at]
        if at + 1 < len(runs) and text[end:].startswith("'") and runs[at + 1][0] == end + 1:
            at, end = at + 1, runs[at + 1][1]
        found.append(text[start:end])
        at += 1
    return found


def tells_something(sentence: str) -> bool:
    own = words(sentence.replace("’", "'"))
    quoted = any(mark in sentence for mark in '"“”«»')
    return len(own) >= (2 if quoted else 3) and own[-1].lower() not in NOTHING_ENDS_WITH


@cache
def patterns() -> dict[str, re.Pattern[str]]:
    """For each class of phrases one pattern over a sentence's words with a space between."""
    listed: dict[str, str] = {}
    name = ""
    for line in cues._PHRASES.strip().splitlines():
        head, colon, rest = line.partition(":")
        name = head if colon else name
        listed[name] = f"{listed.get(name, '')} {rest if colon else line}"

    def pattern(phrase: str) -> str:
        places = [re.escape(place).replace(r"\*", r"\S*").replace(r"\|", "|") for place in phrase.split()]
        return " ".join(f"(?:{place})" for place in places)

    return {
        name: re.compile(rf"(?<!\S)(?:{'|'.join(pattern(phrase) for phrase in text.split(','))})(?!\S)")
        for name, text in listed.items()
    }


def phrases_in(story: list[list[str]]) -> dict[str, list[int]]:
    """For each class the numbers of the sentences that have a phrase of it."""
    joined = [" ".join(sentence) for sentence in story]
    return {name: [n for n, text in enumerate(joined) if found.search(text)] for name, found in patterns().items()}


def bounds(story: list[list[str]]) -> tuple[int, int]:
    """Sentences before the first are the beginning; from the second on, the ending."""
    return max(1, round(0.4 * len(story))), max(0, len(story) - 3)


def ngrams_in(story: list[list[str]]) -> set[str]:
    early, ending = bounds(story)
    found = set()
    for number, sentence in enumerate(story):
        places = ["w"] + ["a"] * (number < early) + ["b"] * (early <= number < ending) + ["e"] * (number >= ending)
        for at, word in enumerate(sentence):
            after = f" {sentence[at + 1]}" if at + 1 < len(sentence) else ""
            found |= {f"{place} {word}{more}" for place in places for more in {"", after}}
    return found


def value(name: str, story: list[list[str]], present: dict[str, list[int]], spoken: dict[str, int]) -> float:
    """One of the features that are no n-grams, by its name."""
    total, (early, ending) = len(story), bounds(story)
    if name == "bad - good ending":
        return value("bad ending", story, present, spoken) - value("good ending", story, present, spoken)
    if name.startswith("quotations: "):
        kind = name.removeprefix("quotations: ")
        if kind == "spoken":
            return math.log(1 + spoken["spoken"])
        return float(spoken["spoken" if kind == "any" else kind] > 0)
    if " then " in name:
        one, other = (present[cue] for cue in name.split(" then "))
        apart = bool(one and other) and one[0] < 0.5 * total and other[-1] >= 0.6 * total and other[-1] > one[0]
        return float(apart)
    cue, what = name.split(" ", 1)
    found = present[cue]
    return {
        "sentences": math.log(1 + len(found)),
        "share": len(found) / total,
        "any": float(bool(found)),
        "ending": sum(number >= ending for number in found) / 3,
        "at the end": float(total - 1 in found),
        "early": float(bool(found) and found[0] < early),
        "latest": (found[-1] + 1) / total if found else 0.0,
    }[what]
