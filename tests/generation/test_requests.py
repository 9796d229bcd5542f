"""Wrong requests are refused with one line, before anything heavy loads."""

import subprocess
import sys
from typing import Any

import pytest

from tinystories import Request
from tinystories.errors import RequestError


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"tags": ["twist"]}, "did you mean Twist?"),
        ({"tags": ["Dialoge"]}, "did you mean Dialogue?"),
        ({"tags": ["Love"]}, "choose from BadEnding, Conflict"),
        ({"tags": "Twist"}, "expected a list"),
        ({"prompt": "Once", "first": "One day."}, "prompt and first"),
        ({"prompt": "Once", "start": "Once"}, "prompt and start"),
        ({"first": "Tom ran.", "start": "Once"}, "begins with 'Tom'"),
        ({"last": "They were glad.", "end": "happy"}, "ends with 'glad'"),
        ({"start": "Once upon"}, "not one word"),
        ({"start": "<eos>"}, "not one word"),
        ({"end": ""}, "end is empty"),
        ({"end": "!"}, "not one word"),
        ({"first": "  "}, "first is empty"),
        ({"words": ["dog", "big cat"]}, "'big cat' is not one word"),
        ({"words": ["dog", ""]}, "empty"),
        ({"prompt": 3}, "expected text"),
        ({"prompt": "a\0b"}, "NUL"),
        ({"prompt": "a\ud800b"}, "not valid Unicode"),
        ({"temperature": -0.1}, "at least 0"),
        ({"temperature": float("nan")}, "at least 0"),
        ({"temperature": float("inf")}, "at least 0"),
        ({"temperature": "hot"}, "expected a number"),
        ({"temperature": 10**400}, "too large"),
        ({"top_p": 0.0}, "above 0"),
        ({"top_p": 1.1}, "at most 1"),
        ({"top_k": -1}, "at least 0"),
        ({"top_k": 2.5}, "whole number"),
        ({"max_tokens": 0}, "at least 1"),
        ({"max_words": 0}, "at least 1"),
        ({"seed": -1}, "at least 0"),
        ({"seed": True}, "whole number"),
        ({"seed": 2**63}, "must be below"),
        ({"last": "They all lived there for ever.", "max_words": 5}, "last alone have 6 words"),
        ({"first": "Tom had one dog.", "last": "They were glad.", "max_words": 6}, "first and last alone have 7"),
        ({"words": ["a", "b", "c"], "max_words": 2}, "a, b, c must occur, more than 2"),
        ({"words": ["dog", "sun"], "last": "A dog ran.", "max_words": 3}, "sun must occur beside the 3 words of last"),
        ({"start": "Lily", "end": "home", "max_words": 1}, "home must occur beside the 1 words of start"),
        ({"prompt": "Once upon a time", "end": "dog", "words": ["dog", "sun"], "length": 5}, "dog, sun must occur"),
        ({"end": "home", "avoid": ["Home"]}, "avoid: 'Home' is in end"),
        ({"start": "Once", "avoid": ["once"]}, "is in start"),
        ({"first": "Tom's dog ran.", "avoid": ["tom"]}, "avoid: 'tom' is in first"),
        ({"last": "It was ice-cream.", "avoid": ["cream"]}, "is in last"),
        ({"prompt": "The dog", "avoid": ["dog"]}, "is in prompt"),
        ({"words": ["Dog"], "avoid": ["dog"]}, "'Dog' must occur and must not"),
        ({"avoid": ["big dog"]}, "avoid: 'big dog' is not one word"),
        ({"length": 0}, "length: must be at least 1"),
        ({"length": 50, "max_words": 40}, "length: 50 words are more than max_words, 40"),
        ({"last": "They all lived there for ever.", "length": 5}, "length: last alone have 6 words"),
        ({"min_p": 1.5}, "between 0 and 1"),
        ({"repetition_penalty": 0.5}, "between 1 and 10"),
        ({"no_repeat_ngram": 0}, "at least 1"),
        ({"eos_after": -1}, "at least 0"),
        ({"guidance": -1}, "between 0 and 20"),
        ({"best_of": 0}, "at least 1"),
        ({"best_of": 65}, "must be below 65"),
        ({"best_of": 2, "temperature": 0}, "all candidates are the same"),
        ({"beams": 4, "temperature": 0.7}, "samples nothing"),
        ({"beams": 4, "top_p": 0.9}, "samples nothing"),
        ({"beams": 4, "best_of": 2}, "best_of"),
        ({"beams": 2, "index": 2}, "2 beams find 2 stories"),
        ({"length_penalty": 1.0}, "only beam search"),
    ],
)
def test_what_cannot_be_met_is_refused_in_one_line(options: dict[str, Any], says: str) -> None:
    with pytest.raises(RequestError) as refusal:
        Request(**options)
    assert says in str(refusal.value) and "\n" not in str(refusal.value)


@pytest.mark.parametrize("count", [0, -3, 1.5, True])
def test_a_count_that_is_no_number_of_stories_is_refused(count: Any) -> None:
    with pytest.raises(RequestError, match="count"):
        Request().repeat(count)


def test_beams_find_no_more_stories_than_they_are() -> None:
    with pytest.raises(RequestError, match="3 beams find 3 stories at most, not 4"):
        Request(beams=3).repeat(4)
    assert [request.index for request in Request(beams=3, temperature=0).repeat(3)] == [0, 1, 2]


def test_what_agrees_is_taken_together() -> None:
    request = Request(
        tags=["Twist", "Dialogue", "Twist"], first=" “Tom” ran. ", start="tom", last="\n\nAll was well. ", end="Well",
        words=["Dog", "dog", "ice-cream"], top_k=0, top_p=1, temperature=0, max_words=7,
    )  # fmt: skip
    assert request.tags == ("Dialogue", "Twist")
    assert (request.first, request.last) == ("“Tom” ran.", "\n\nAll was well.")
    assert request.words == ("Dog", "ice-cream")


@pytest.mark.parametrize(
    "options",
    [
        {"prompt": "The do", "words": ["dog"], "max_words": 2},
        {"prompt": "My ice", "end": "ice-cream", "max_words": 2},
        {"words": ["dog"], "end": "dog", "max_words": 1}, {"words": ["cry"], "end": "cried", "max_words": 1},
        {"prompt": "Once upon a time", "end": "time", "max_words": 4}, {"start": "Go", "end": "go", "length": 1},
    ],
)  # fmt: skip
def test_words_that_fit_are_not_refused(options: dict[str, Any]) -> None:
    assert Request(**options).given == options.get("prompt", options.get("start", ""))


def test_a_request_is_data_that_makes_the_same_request_again() -> None:
    request = Request(
        prompt="Once ", tags=["Twist"], words=["dog"], avoid=["cat"], temperature=0.5, guidance=1.5, seed=3, index=2
    )
    assert Request(**request.to_json()) == request
    assert request.to_json().keys() == {
        "prompt", "tags", "words", "avoid", "temperature", "guidance", "seed", "index",
    }  # fmt: skip
    assert [r.index for r in request.repeat(3)] == [2, 3, 4]


def test_an_empty_prompt_is_none() -> None:
    assert Request(prompt="") == Request(prompt=" \n") == Request()


def test_requests_are_checked_before_torch_is_imported() -> None:
    code = """
import sys, tinystories
assert "numpy" not in sys.modules, "import tinystories is light"
from tinystories.commands.generate import generate_command
from tinystories.errors import RequestError
from pathlib import Path
for refused in (lambda: tinystories.Request(tags=["Love"]),
                lambda: generate_command(Path("no/model"), tinystories.Request(), count=0)):
    try:
        refused()
    except RequestError:
        assert "torch" not in sys.modules, "torch came before the refusal"
    else:
        raise SystemExit("was not refused")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
