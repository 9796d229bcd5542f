"""Every two controls go together, and all at once; what does not is in one short list."""

import json
from itertools import combinations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.generation.test_property import check_again, options
from tinystories import Request, StoryModel
from tinystories.errors import RequestError
from tinystories.generation.requests import BY_MODEL

FIRST, LAST = "Tom had a red kite.", "They all went home, tired and glad."
# agreeing with each other
CONTROLS: dict[str, Any] = {
    "prompt": "Tom had", "tags": ["Dialogue"], "first": FIRST, "last": LAST, "start": "Tom", "end": "glad",
    "words": ["dog", "jump"], "avoid": ["sad"], "length": 40, "max_words": 50,
}  # fmt: skip
SAMPLING: dict[str, Any] = {"temperature": 0.9, "top_k": 40, "top_p": 0.9, "min_p": 0.02}
SEARCH: dict[str, Any] = {"beams": 2, "length_penalty": 1.2}
OTHER: dict[str, Any] = {
    "repetition_penalty": 1.2, "no_repeat_ngram": 4, "eos_after": 20, "guidance": 1.5, "best_of": 2, "max_tokens": 70,
}  # fmt: skip
EVERYTHING = {**CONTROLS, **SAMPLING, **SEARCH, **OTHER}
APART = {
    frozenset(pair)
    for pair in [
        ("prompt", "first"), ("prompt", "start"), ("beams", "best_of"), ("length_penalty", "best_of"),
        *((search, sampling) for search in SEARCH for sampling in SAMPLING),
    ]
}  # fmt: skip


def asked_for(names: tuple[str, ...]) -> dict[str, Any]:
    """A length penalty is of beam search."""
    given_ = {name: EVERYTHING[name] for name in names}
    return {"max_tokens": 40, **({"beams": 2} if "length_penalty" in given_ else {}), **given_}


def request_or_refusal(asked: dict[str, Any]) -> Request | str:
    refusal = ""
    try:
        return Request(**asked)
    except RequestError as error:
        refusal = str(error)
    assert refusal and "\n" not in refusal
    return refusal


def test_all_of_a_requests_fields_are_combined_here() -> None:
    assert Request.__dataclass_fields__.keys() - {"seed", "index"} == EVERYTHING.keys()


def test_every_two_go_together_or_are_refused_in_a_line(bigram: StoryModel) -> None:
    refused: set[frozenset[str]] = set()
    requests: list[Request] = []
    for pair in combinations(EVERYTHING, 2):
        request = request_or_refusal(asked_for(pair))
        if isinstance(request, Request):
            requests.append(request)
        else:
            refused.add(frozenset(pair))
    assert refused == APART
    for story, request in zip(bigram.generate_many(requests), requests, strict=True):
        check_again(story)
        asked = request.to_json()
        assert {
            key: value for key, value in story.request.to_json().items() if key in asked or key not in BY_MODEL
        } == asked
        for kept in ("prompt", "first", "last", "start"):  # by construction, whatever stands beside it
            assert story.met.get(kept, True)


@pytest.mark.parametrize("how", [SAMPLING, SEARCH], ids=["sampled", "searched"])
@pytest.mark.parametrize("beginning", ["prompt", "first"])
@pytest.mark.parametrize("teller", ["bigram", "model"])
def test_all_at_once(how: dict[str, Any], beginning: str, teller: str, request: pytest.FixtureRequest) -> None:
    own: StoryModel = request.getfixturevalue(teller)
    without = {"prompt": {"first", "start"}, "first": {"prompt"}}[beginning] | ({"best_of"} if how is SEARCH else set())
    asked = {name: value for name, value in {**CONTROLS, **how, **OTHER}.items() if name not in without}
    for story in own.generate_many([Request(**asked, seed=seed) for seed in range(3 if how is SAMPLING else 1)]):
        check_again(story)
        assert set(story.met) == {
            beginning, "tag:Dialogue", "last", "end", "word:dog", "word:jump", "avoid:sad", "length", "max_words",
            *({"start"} - without),
        }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("teller", ["bigram", "model"])
@settings(
    max_examples=600, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip
@given(asked=options())
def test_many_random_requests_are_refused_in_a_line_or_told_truly(
    teller: str, asked: dict[str, Any], bigram: StoryModel, model: StoryModel
) -> None:
    own = {"bigram": bigram, "model": model}[teller]
    request = request_or_refusal(asked)
    if isinstance(request, str):
        return
    [story] = own.generate_many([request])
    check_again(story)
    assert story.tokens <= asked["max_tokens"]
    assert Request(**json.loads(json.dumps(story.to_json(), allow_nan=False))["request"]) == story.request
