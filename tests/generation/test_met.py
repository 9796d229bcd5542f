"""`met` is the truth about a text: each control told kept where it is, and broken where it isn't."""

from collections.abc import Sequence
from typing import Any

import pytest

from tinystories import Request, Story
from tinystories.generation.story import check, unmet
from tinystories.text.tags import Tag

TEXT = 'Tom had a kite. "Look!" he cried. It flew over the red garden.'


def judge(text: str) -> Sequence[Tag]:
    return ["Dialogue"] if '"' in text else []


@pytest.mark.parametrize(
    ("options", "met"),
    [
        ({}, {}),
        ({"prompt": "Tom had "}, {"prompt": True}),
        ({"prompt": "tom had"}, {"prompt": False}),
        ({"first": "Tom had a kite."}, {"first": True}),
        ({"first": "Tom had a kit"}, {"first": False}),
        ({"last": "It flew over the red garden."}, {"last": True}),
        ({"last": " It flew over the red garden."}, {"last": True}),
        ({"last": "t flew over the red garden."}, {"last": False}),
        ({"last": "\nIt flew over the red garden."}, {"last": False}),
        ({"last": "It flew."}, {"last": False}),
        ({"start": "tom"}, {"start": True}),
        ({"start": "To"}, {"start": False}),
        ({"end": "Garden"}, {"end": True}),
        ({"end": "red"}, {"end": False}),
        ({"words": ["cry", "kites", "fly"]}, {"word:cry": True, "word:kites": False, "word:fly": False}),
        ({"avoid": ["red"]}, {"avoid:red": False}),
        ({"avoid": ["re", "garde", "dog"]}, {"avoid:re": True, "avoid:garde": True, "avoid:dog": True}),
        ({"avoid": ["KITE"]}, {"avoid:KITE": False}),
        ({"length": 13}, {"length": True}),
        ({"length": 16}, {"length": True}),  # three off, and the last sentence has six
        ({"length": 17}, {"length": False}),
        ({"length": 9}, {"length": False}),
        ({"max_words": 13}, {"max_words": True}),
        ({"max_words": 12}, {"max_words": False}),
        ({"tags": ["Dialogue", "Twist"]}, {"tag:Dialogue": True, "tag:Twist": False}),
    ],
)
def test_each_control_is_told_as_it_is(options: dict[str, Any], met: dict[str, bool]) -> None:
    assert check(TEXT, Request(**options), judge) == met


def test_the_judge_is_asked_only_about_tags() -> None:
    def never(text: str) -> Sequence[Tag]:
        raise AssertionError("nobody asked for a tag")

    assert check(TEXT, Request(end="garden"), never) == {"end": True}


def test_a_control_is_unmet_when_no_story_keeps_it_and_tags_are_wishes() -> None:
    def story(**met: bool) -> Story:
        return Story("", Request(), {k.replace("_", ":"): v for k, v in met.items()}, "eos", 1, 1.0, 0, "m")

    assert unmet([story(end=False, word_dog=True), story(end=True, word_dog=False)]) == []
    assert unmet([story(end=False, word_dog=True), story(end=False, word_dog=False)]) == ["end"]
    assert unmet([story(tag_Twist=False)]) == []
