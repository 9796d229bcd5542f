"""Share links: the request that comes out is the request that went in; what can't be is told in one line."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinystories.app.links import default_avoid, from_query, link, to_query
from tinystories.errors import RequestError
from tinystories.generation.requests import Request

TEXT = st.text(min_size=1, max_size=40).filter(lambda t: t.strip() and "\0" not in t and t.isprintable())


def opened(address: str) -> Any:
    return from_query(parse_qs(urlsplit(address).query, keep_blank_values=True))


@given(
    prompt=TEXT, tags=st.sets(st.sampled_from(["Twist", "Dialogue"])), seed=st.integers(0, 2**53 - 1),
    temperature=st.none() | st.floats(0, 5), beams=st.none() | st.integers(4, 64), index=st.integers(0, 3),
    avoid=st.sampled_from([default_avoid(), (), ("cat", "dog")]), words=st.sampled_from([(), ("kite", "river")]),
)  # fmt: skip
def test_a_link_gives_the_request_back(avoid: tuple[str, ...], tags: set[Any], **options: Any) -> None:
    if options["beams"] is not None:
        options["temperature"] = None
    request = Request(tags=tuple(tags), avoid=avoid, **options)
    shared = opened(link("http://localhost:8501/", request, 3, "0123456789abcdef"))
    assert (shared.request, shared.count, shared.model, shared.unknown) == (request, 3, "0123456789abcdef", ())


def test_a_link_is_short_and_readable_and_silent_about_the_usual_words_to_avoid() -> None:
    request = Request(prompt="A little otter", tags=("Twist",), seed=7, avoid=default_avoid())
    assert link("http://localhost:8501/", request) == "http://localhost:8501/?prompt=A+little+otter&tag=Twist&seed=7"
    assert "avoid" in to_query(Request()) and to_query(Request())["avoid"] == [""]


def test_a_page_opened_without_a_link_asks_for_nothing() -> None:
    assert from_query({}) is None
    assert from_query({"utm_source": ["chat"]}) is None


def test_what_messengers_add_is_told_and_not_followed() -> None:
    shared = from_query({"seed": ["3"], "fbclid": ["x"]})
    assert shared is not None and shared.unknown == ("fbclid",) and shared.request.seed == 3


@pytest.mark.parametrize(
    "query",
    [
        {"tag": ["Sadness"]}, {"seed": ["-1"]}, {"seed": ["three"]}, {"seed": ["9007199254740993"]}, {"seed": ["true"]},
        {"temperature": ["NaN"]}, {"temperature": ["1e999"]}, {"stories": ["0"]}, {"stories": ["4000000"]},
        {"seed": ["[" * 100_000]}, {"start": ["two words"]}, {"prompt": ["a"], "first": ["b"]}, {"end": [""]},
    ],
)  # fmt: skip
def test_a_link_that_asks_for_what_can_not_be_is_refused_in_one_line(query: dict[str, list[str]]) -> None:
    with pytest.raises(RequestError) as refused:
        from_query(query)
    assert "\n" not in str(refused.value)


def test_the_words_to_avoid_are_words_and_hide_no_ordinary_ones() -> None:
    assert len(default_avoid()) > 40
    ordinary = {"hello", "asked", "class", "grass", "shell", "hell", "kitten", "title", "peacock"}
    assert not ordinary & set(default_avoid())
