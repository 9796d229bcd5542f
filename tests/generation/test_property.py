"""No request crashes, hangs, or is told to be met where it is not: random requests, and another way to check them."""

import json
import re
import unicodedata
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.text import judge_again
from tinystories import Request, Story, StoryModel
from tinystories.errors import RequestError
from tinystories.generation.words import forms
from tinystories.requests.controls import CONTROL_TOKENS
from tinystories.text.sentences import sentences
from tinystories.text.tags import TAGS

WORDS = ("dog", "Kite", "ice-cream", "don't", "Émile", "the", "home", "a", "jump", "garden", "happy", "7")
SENTENCES = (
    "Tom had a red kite.",
    '"Come!" she said.',
    "They all went home, tired and glad.",
    "Mr. Ito saw the sea…",
    "Hm",
)


def words_in(text: str) -> list[str]:
    """Runs of letters, marks and digits; an apostrophe or a hyphen between two of them is inside."""
    inside = [unicodedata.category(c)[0] in "LMN" for c in text]
    for at in range(1, len(text) - 1):
        if text[at] in "'’-" and unicodedata.category(text[at - 1])[0] in "LMN" and inside[at + 1]:
            inside[at] = True
    joined = "".join(c if keep else " " for c, keep in zip(text, inside, strict=True))
    return [plain(word) for word in joined.split(" ") if word]


def plain(word: str) -> str:
    return unicodedata.normalize("NFC", word).casefold().replace("’", "'")


def is_form(own: str, word: str) -> bool:
    """Whether `own` is `word` or a regular inflection of it, found by taking endings off."""
    if own == word or len(word) < 2 or not word[-1].isalpha():
        return own == word
    y = re.search(r"[^aeiou]y$", word) is not None
    doubles = re.search(r"[aeiou][^aeiouwxy]$", word) is not None
    drops_e = len(word) > 2 and re.search(r"[^e]e$", word) is not None
    return (
        own in (f"{word}s", f"{word}ing")
        or (own == f"{word}es" and word.endswith(("s", "x", "z", "ch", "sh", "o")))
        or (own == f"{word}ed" and len(word) > 2 and word[-1] != "e")
        or (own[-2:] == "ed" and drops_e and own[:-1] == word)
        or (own[-3:] == "ing" and drops_e and own[:-3] + "e" == word)
        or (own[-4:] == "ying" and own[:-4] + "ie" == word)
        or (own[-3:] in ("ies", "ied") and y and own[:-3] + "y" == word)
        or (own[-3:] == "ves" and word in (own[:-3] + "f", own[:-3] + "fe"))
        or (doubles and own in (word + word[-1] + "ed", word + word[-1] + "ing"))
    )


def last_sentence(text: str) -> tuple[int, int]:
    """(fewest, most) words that the last sentence can have: after any mark or line, after a mark that is surely one."""
    end = len(text.rstrip())
    while end and not text[end - 1].isalnum():
        end -= 1
    after_any = max((at + 1 for at in range(end) if text[at] in ".!?…\n"), default=0)
    sure = [m.end() for m in re.finditer(r"[a-z]{4}[.!?] (?=[A-Z][a-z])", text[:end])]
    whole = next((at for at in reversed(sure) if not re.search("[\"“”‘’'«»]", text[:at])), 0)
    pieces = [piece for piece in text[after_any:].split() if any(c.isalnum() for c in piece)]
    return len(pieces), len(text[whole:].split())


def check_again(story: Story) -> None:
    """What `met` says, found out without its code; of a last sentence's length from both sides."""
    text, request, met = story.text, story.request, dict(story.met)
    words = words_in(text)
    count = len(text.split())
    expected: dict[str, bool] = {}
    if request.prompt is not None:
        expected["prompt"] = text.find(request.prompt.rstrip()) == 0
    if request.first is not None:
        rest = text[len(request.first) :]
        expected["first"] = text[: len(request.first)] == request.first and (not rest or rest[0].isspace())
        assert met["first"], "a sentence given always stands in the story"
    if request.last is not None:
        rest = text[: len(text) - len(request.last)]
        joined = request.last[0].isspace() or not rest or rest[-1].isspace()
        expected["last"] = rest + request.last == text and joined
        assert met["last"]
    if request.start is not None:
        expected["start"] = words[:1] == [plain(request.start)]
    if request.end is not None:
        expected["end"] = words[-1:] == [plain(request.end)]
    for word in request.avoid:
        apart = {part.removesuffix("'s").removesuffix("'") for own in words for part in [own, *own.split("-")]}
        expected[f"avoid:{word}"] = plain(word) not in apart | set(words)
        assert met[f"avoid:{word}"], "an avoided word never occurs"
    if request.max_words is not None:
        expected["max_words"] = count <= request.max_words
        assert met["max_words"], "a story never has more words than it may"
    for word in request.words:
        alone = [own.removesuffix("'s").removesuffix("'") for own in words]
        expected[f"word:{word}"] = any(is_form(own, plain(word)) for own in [*words, *alone])
    if request.length is not None:
        told, off = met.pop("length"), abs(count - request.length)
        fewest, most = last_sentence(text)
        ends = bool(re.search(r"[.!?…][\"”'’)\]]*\s*$", text))
        assert told or not ends or off > max(request.length // 10, fewest // 2)
        assert not told or (ends and off <= max(request.length // 10, most // 2))
    found = judge_again.tags(text) if request.tags else ()
    expected |= {f"tag:{tag}": tag in found for tag in request.tags}
    assert met == expected


def test_the_second_way_agrees_on_the_forms_of_many_words(texts: list[str]) -> None:
    words = sorted({word for text in texts[:120] for word in words_in(text)})
    by_beginning: dict[str, list[str]] = {}
    for word in words:
        by_beginning.setdefault(word[:2], []).append(word)
    pairs = [(own, word) for word in words for own in [*by_beginning[word[:2]], *forms(word)]]
    assert len(pairs) > 10_000 and sum(is_form(own, word) for own, word in pairs) > len(words)
    assert [pair for pair in pairs if is_form(*pair) != (pair[0] in forms(pair[1]))] == []


def test_the_second_way_finds_last_sentences_of_real_stories(texts: list[str]) -> None:
    for text in texts:
        fewest, most = last_sentence(text)
        assert fewest <= len(sentences(text)[-1].split()) <= most


@st.composite
def options(draw: st.DrawFn) -> dict[str, Any]:
    some: dict[str, st.SearchStrategy[Any]] = {
        "prompt": st.sampled_from(["Once", "Once upon ", "The old <eos> cat", "🐉", " "]),
        "tags": st.lists(st.sampled_from(TAGS), max_size=2),
        "first": st.sampled_from(SENTENCES), "last": st.sampled_from(SENTENCES),
        "start": st.sampled_from(WORDS), "end": st.sampled_from(WORDS),
        "words": st.lists(st.sampled_from(WORDS), max_size=4), "avoid": st.lists(st.sampled_from(WORDS), max_size=3),
        "length": st.integers(1, 60), "max_words": st.integers(1, 60),
        "temperature": st.sampled_from([0, 0.3, 1.0, 3.0]), "top_k": st.sampled_from([0, 1, 7]),
        "top_p": st.sampled_from([0.01, 0.9, 1.0]), "min_p": st.sampled_from([0.0, 0.1, 1.0]),
        "repetition_penalty": st.sampled_from([1.0, 1.3, 10]), "no_repeat_ngram": st.integers(1, 4),
        "eos_after": st.integers(0, 30), "beams": st.integers(1, 3), "length_penalty": st.sampled_from([0.0, 1.0, 3.0]),
        "guidance": st.sampled_from([0.0, 1.5, 20.0]), "best_of": st.integers(1, 3),
    }  # fmt: skip
    chosen = draw(st.sets(st.sampled_from(sorted(some)), max_size=7))
    asked = {name: draw(some[name]) for name in sorted(chosen)}
    return {**asked, "max_tokens": draw(st.integers(1, 50)), "seed": draw(st.integers(0, 99))}


@pytest.mark.parametrize("teller", ["bigram", "model"])
@example(asked={"end": "garden", "no_repeat_ngram": 1, "prompt": "The garden", "max_tokens": 40})
@example(asked={"words": ["ice-cream"], "avoid": ["a", "the", "i"], "max_tokens": 50, "length": 12})
@example(asked={"temperature": 0, "no_repeat_ngram": 1, "repetition_penalty": 10, "max_tokens": 50})
@settings(
    max_examples=40, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip
@given(asked=options())
def test_any_request_is_refused_in_a_line_or_told_truly(
    teller: str, asked: dict[str, Any], bigram: StoryModel, model: StoryModel
) -> None:
    own = {"bigram": bigram, "model": model}[teller]
    refused = None
    try:
        request = Request(**asked)
    except RequestError as refusal:
        refused = str(refusal)
    if refused is not None:
        assert refused.count("\n") == 0
        return
    [story] = own.generate_many([request])
    check_again(story)
    assert story.tokens <= asked["max_tokens"] and "\ufffd" not in story.text
    assert Request(**json.loads(json.dumps(story.to_json(), allow_nan=False))["request"]) == story.request
    *pieces, last = own.stream(request)
    assert "".join(str(piece) for piece in pieces) == story.text and last == story
    assert all(pieces), "no piece is empty"


def test_no_control_is_in_a_story_whatever_is_asked_for(model: StoryModel) -> None:
    hot = model.generate_many(
        [
            Request(temperature=3.0, guidance=3.0, tags=("Twist",), words=("dog",), index=i, max_tokens=60)
            for i in range(8)
        ]
    )
    beams = model.generate(beams=3, count=3, max_tokens=20)
    for story in [*hot, *beams]:
        assert not any(token in story.text for token in CONTROL_TOKENS)
