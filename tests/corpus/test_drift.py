"""The population stability index: cases worked by hand, the bins, and the command that accepts a corpus."""

import json
from pathlib import Path

import numpy as np
import pytest

from tinystories.commands.drift import drift_command
from tinystories.corpus.drift import WARNING, binned, drift, psi, shifts
from tinystories.errors import ValidationError
from tinystories.files import write_json
from tinystories.paths import Paths


def test_the_index_worked_by_hand() -> None:
    # halves become 6 and 4 of ten: (.6 - .5) ln(.6 / .5) + (.4 - .5) ln(.4 / .5) = .018232 + .022314
    assert psi([50, 50], [60, 40]) == pytest.approx(0.040547, abs=1e-6)
    assert psi([5, 5], [600, 400]) == pytest.approx(0.040547, abs=1e-6)  # by shares, not by counts
    assert psi([60, 40], [50, 50]) == pytest.approx(psi([50, 50], [60, 40]))  # symmetric
    # 2, 3 and 5 of ten become 5, 3 and 2: .3 ln 2.5 + 0 + (-.3) ln .4 = .274887 + .274887
    assert psi([20, 30, 50], [50, 30, 20]) == pytest.approx(0.549774, abs=1e-6)
    assert psi([7, 0, 3], [7, 0, 3]) == 0


def test_an_empty_bin_counts_as_half_a_story_and_is_not_infinite() -> None:
    # (.5/10 - 5/10) ln(.05 / .5) + (10/10 - 5/10) ln(1 / .5) = 1.036163 + .346574
    assert psi([5, 5], [10, 0]) == pytest.approx(1.382737, abs=1e-6)


def test_bins_hold_a_tenth_of_the_accepted_stories_each() -> None:
    old, new = binned([10] * 20, [0] * 20 + [7])
    assert old == [20] * 10
    assert new == [0] * 9 + [7]  # what lies beyond all accepted stories is in the last bin
    old, _ = binned([1] * 95 + [400], [1] * 95)
    assert sum(old) == 495 and min(old) * 10 >= 495
    assert binned([3, 0, 9], [1]) == ([3, 0, 9], [1, 0, 0])  # few cells stay what they are


def measure(counts: list[int], step: float | None = None) -> dict[str, object]:
    return {"counts": counts} | ({} if step is None else {"step": step})


def test_two_samples_of_one_population_are_apart_by_chance_as_often_as_is_said() -> None:
    rng = np.random.default_rng(1)
    shares = rng.dirichlet(np.full(40, 5.0))
    beyond = 0
    for _ in range(400):
        then, now = rng.multinomial(3000, shares), rng.multinomial(2000, shares)
        files = [{"measures": {"words": measure(counts.tolist(), 10)}} for counts in (then, now)]
        [found] = shifts(*files)
        beyond += found.certain
    # expected 20 of 400; at 3.5 standard deviations of a binomial (4.4 each) 5 to 35
    assert 5 <= beyond <= 35


def test_values_are_means_of_numbers_and_shares_of_yes() -> None:
    then = {"measures": {"Twist": measure([30, 10]), "sentences": measure([0, 2, 2], 1), "words": measure([1, 1], 10)}}
    now = {"measures": {"Twist": measure([10, 30]), "sentences": measure([0, 4], 1), "words": measure([0, 1], 10)}}
    found = {one.measure: one for one in shifts(then, now)}
    assert (found["Twist"].then, found["Twist"].now) == (0.25, 0.75)
    assert (found["sentences"].then, found["sentences"].now) == (1.5, 1.0)
    assert (found["words"].then, found["words"].now) == (10.0, 15.0)  # the middles of their cells
    # .5 ln 3 + .5 ln 3
    assert found["Twist"].psi == pytest.approx(1.098612, abs=1e-6) and found["Twist"].moved


def test_measures_that_one_side_lacks_or_counts_otherwise_are_not_compared() -> None:
    then = {"measures": {"gone": measure([1, 1]), "words": measure([1, 1], 5), "empty": measure([0, 0])}}
    now = {"measures": {"new": measure([1, 1]), "words": measure([1, 1], 10), "empty": measure([1, 1])}}
    assert shifts(then, now) == []


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    write_json(paths.profile, {"stories": 1000, "measures": {"Twist": measure([700, 300])}, "typical": ["a text"]})
    return paths


def test_the_command_accepts_a_corpus_and_says_when_a_later_one_differs(paths: Paths) -> None:
    with pytest.raises(ValidationError, match="drift --accept"):
        drift_command(False, paths, False)
    accepted = drift_command(True, paths, False)
    assert (accepted.out, accepted.code) == ("", 0) and "1,000 stories accepted" in accepted.note
    assert json.loads(paths.accepted.read_text()) == {"measures": {"Twist": measure([700, 300])}, "stories": 1000}
    assert drift_command(False, paths, False).code == 0

    write_json(paths.profile, {"stories": 1000, "measures": {"Twist": measure([300, 700])}})
    moved = drift_command(False, paths, False)
    assert moved.code == 1 and "Twist" in moved.note and str(WARNING) in moved.note
    # twice .4 ln(7 / 3)
    assert json.loads(drift_command(False, paths, True).out)["Twist"]["psi"] == pytest.approx(0.677838, abs=1e-6)
    assert "0.678" in moved.out and "0.700" in moved.out


@pytest.mark.parametrize("text", ["", "{", "[]", '{"measures": 3}', '{"measures": {"words": {}}}', "\xff"])
def test_a_file_that_is_no_profile_is_named_in_one_line(paths: Paths, text: str) -> None:
    paths.accepted.parent.mkdir()
    paths.accepted.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValidationError, match=r"accepted-corpus\.json") as error:
        drift(paths.profile, paths.accepted)
    assert "\n" not in str(error.value)


def test_without_a_profile_the_stage_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="run `tinystories split` first"):
        drift_command(True, Paths(tmp_path), False)
