"""What tells nothing is not seen by the judge; what is told is left as it is."""

import pytest

from tests.builders import sample
from tinystories.text.fragments import without_fragments
from tinystories.text.tagger import Tagger


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Tom had a kite. A fight! It flew away.", "Tom had a kite. It flew away."),
        ("Tom had a kite. The moral of the story is.", "Tom had a kite."),
        ('Tom ran. "Come home!" he said.', '"Come home!" he said.'),
        ("", ""),
    ],
)
def test_fragments_are_left_out(text: str, told: str) -> None:
    assert without_fragments(text).strip() == told


def test_little_is_left_out_of_hand_written_stories() -> None:
    stories = [row["story"] for row in sample(200)]
    assert sum(len(without_fragments(story)) for story in stories) > 0.97 * sum(map(len, stories))


def test_the_judge_is_blind_to_them_and_the_tagger_is_not() -> None:
    text = "Ana had a red ball. She took it to the big park. They sat on the grass. Then they went home."
    keyed = f"{text} A lesson! The moral of the story is."
    assert (Tagger.load("judge").probabilities([text]) == Tagger.load("judge").probabilities([keyed])).all()
    assert (Tagger.load("tagger").probabilities([text]) != Tagger.load("tagger").probabilities([keyed])).any()
