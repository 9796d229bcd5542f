"""The judge says what its file says: its decision worked out a second time, by code that shares nothing with it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import sample
from tests.text import judge_again
from tinystories.text.tagger import Tagger
from tinystories.text.tags import TAGS

ODD = (
    "", "  \n", "No.", '"A fight!" The moral is.', "¡Hola! 3 cats ² ½ ran_off. Don’t’ve you seen Tom’s ’s hat?",
    "He said: “Stop!” «Non!» she said. 'Go away!' he cried. The sign said, \"Keep out.\"",
    "Émile s'en va. İstanbul ist schön. Straße. x" * 3,
)  # fmt: skip


def probabilities(text: str) -> dict[str, float]:
    return dict(zip(TAGS, Tagger.load("judge").probabilities([text])[0].tolist(), strict=True))


@pytest.mark.parametrize("many", [150, pytest.param(1260, marks=pytest.mark.slow)])
def test_on_real_stories_both_find_the_same_tags_for_the_same_reasons(many: int) -> None:
    found = []
    for row in sample(many):
        again = judge_again.probabilities(row["story"])
        assert again == pytest.approx(probabilities(row["story"]), abs=1e-9)
        assert judge_again.tags(row["story"]) == set(Tagger.load("judge").tags(row["story"]))
        found.append(list(again.values()))
    assert (np.ptp(np.array(found), axis=0) > 0.5).all(), "or there was nothing to find"


@pytest.mark.parametrize("text", ODD)
def test_on_odd_texts_too(text: str) -> None:
    assert judge_again.probabilities(text) == pytest.approx(probabilities(text), abs=1e-9)


@settings(max_examples=60, derandomize=True)
@given(
    st.lists(
        st.sampled_from(
            [
                "Mom warned him.", "He didn't listen.", '"Stop!" she cried.', "They fought.", "It was only a toy.",
                "No!", "The end is", "He was really a prince.", "She should have listened.", "Tom learned to share.",
                "The bird died.", "They hugged and laughed.", "\n\n", "a-b c_d 7 don’t", "“Who?” thought Al.",
            ]
        ),
        max_size=9,
    )
)  # fmt: skip
def test_on_any_order_of_sentences(told: list[str]) -> None:
    text = " ".join(told)
    assert judge_again.probabilities(text) == pytest.approx(probabilities(text), abs=1e-9)
    assert judge_again.tags(text) == set(Tagger.load("judge").tags(text))
