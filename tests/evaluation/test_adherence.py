"""Rates of tags asked for, worked by hand."""

import math

import pytest

from tinystories.evaluation.adherence import adherence
from tinystories.evaluation.intervals import share_interval


def test_rates_are_those_of_the_stories_asked_for_the_tag_beside_the_plain_ones() -> None:
    requested = {
        "Twist": [{"Twist"}, {"Twist", "Dialogue"}, {"Dialogue"}, set()],
        "Dialogue": [{"Dialogue"}, {"Twist"}],
    }
    measured = adherence(requested, [{"Dialogue"}, {"Dialogue", "Twist"}, set(), {"Dialogue"}])  # type: ignore[arg-type]
    assert set(measured) == {"Twist", "Dialogue"}
    twist, dialogue = measured["Twist"], measured["Dialogue"]
    assert (twist["requested"], twist["unconditional"], twist["stories"]) == (0.5, 0.25, 4)
    assert (dialogue["requested"], dialogue["unconditional"], dialogue["stories"]) == (0.5, 0.75, 2)
    assert (twist["requested_low"], twist["requested_high"]) == pytest.approx(share_interval(2, 4))
    assert (twist["unconditional_low"], twist["unconditional_high"]) == pytest.approx(share_interval(1, 4))


def test_a_tag_without_stories_has_no_rate() -> None:
    measured = adherence({"Twist": []}, [])["Twist"]
    assert measured["stories"] == 0
    assert all(math.isnan(measured[key]) for key in measured if key != "stories")
