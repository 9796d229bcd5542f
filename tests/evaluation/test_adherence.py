"""Rates of tags asked for, worked by hand."""

import math

import pytest

from tinystories.evaluation.adherence import adherence
from tinystories.evaluation.correction import Errors, corrected
from tinystories.evaluation.intervals import share_interval

ERRORS = dict.fromkeys(("Twist", "Dialogue", "Conflict"), Errors(tp=45, fp=10, fn=5, tn=90))


def test_rates_are_those_of_the_stories_asked_for_the_tag_beside_the_plain_ones() -> None:
    requested = {
        "Twist": [{"Twist"}, {"Twist", "Dialogue"}, {"Dialogue"}, set()],
        "Dialogue": [{"Dialogue"}, {"Twist"}],
    }
    measured = adherence(requested, [{"Dialogue"}, {"Dialogue", "Twist"}, set(), {"Dialogue"}], ERRORS)  # type: ignore[arg-type]
    assert set(measured) == {"Twist", "Dialogue"}
    twist, dialogue = measured["Twist"], measured["Dialogue"]
    assert (twist["requested"], twist["unconditional"], twist["stories"]) == (0.5, 0.25, 4)
    assert (dialogue["requested"], dialogue["unconditional"], dialogue["stories"]) == (0.5, 0.75, 2)
    assert (twist["requested_low"], twist["requested_high"]) == pytest.approx(share_interval(2, 4))
    assert (twist["unconditional_low"], twist["unconditional_high"]) == pytest.approx(share_interval(1, 4))


def test_the_shuffled_rate_is_that_of_the_stories_asked_for_other_tags() -> None:
    requested = {"Twist": [{"Twist"}] * 4, "Dialogue": [{"Dialogue"}, {"Twist"}], "Conflict": [set(), {"Twist"}]}
    measured = adherence(requested, [], ERRORS)  # type: ignore[arg-type]
    assert measured["Twist"]["shuffled"] == 2 / 4  # of Dialogue's and Conflict's stories
    assert measured["Dialogue"]["shuffled"] == 0 and measured["Conflict"]["shuffled"] == 0
    ignoring = {tag: [{"Twist"}, set()] for tag in ERRORS}  # a model that doesn't listen
    for rates in adherence(ignoring, [], ERRORS).values():  # type: ignore[arg-type]
        assert rates["requested"] == rates["shuffled"]


def test_every_rate_stands_beside_itself_corrected_for_the_judges_errors() -> None:
    found = [{"Twist"}] * 11 + [set()] * 9
    rates = adherence({"Twist": found}, [{"Twist"}, set()], ERRORS)["Twist"]  # type: ignore[arg-type,dict-item]
    # Se = 0.9, Sp = 0.9: (0.55 + 0.9 - 1) / 0.8
    assert rates["requested"] == 0.55 and rates["requested_corrected"] == pytest.approx(0.45 / 0.8)
    ends = rates["requested_corrected_low"], rates["requested_corrected_high"]
    assert ends == corrected(11, 20, ERRORS["Twist"])[1:]
    assert rates["unconditional_corrected"] == pytest.approx(0.5)


def test_a_tag_without_stories_has_no_rate() -> None:
    measured = adherence({"Twist": []}, [], ERRORS)["Twist"]  # type: ignore[arg-type]
    assert measured["stories"] == 0
    assert all(math.isnan(measured[key]) for key in measured if key != "stories")
