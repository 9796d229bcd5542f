"""What surprises a model, token by token: no byte of the text is lost, and the sum is the score."""

import pytest

from tinystories import StoryModel

EMOJI = "The café was 🦦 small. Naïve “otters” danced!"


@pytest.mark.parametrize("text", [EMOJI, "Once upon a time.\n\nThe end.", " ", "<eos> & <b>bold</b>"])
def test_the_pieces_are_the_text(model: StoryModel, text: str) -> None:
    found = model.surprise(text)
    assert "".join(piece for piece, _ in found) == text
    assert found[-1][0] == "" and all(piece for piece, _ in found[:-1])


def test_the_sum_is_the_score_also_in_windows(model: StoryModel, texts: list[str]) -> None:
    long = " ".join(texts[:5])
    assert len(model.loaded.tokenizer.encode(long)) > 2 * model.loaded.config.context
    for text in (texts[0], long):
        [score] = model.score([text])
        assert sum(nats for _, nats in model.surprise(text)) == pytest.approx(score.nats, rel=1e-5)


def test_surprise_depends_on_what_stands_before_and_on_nothing_after(model: StoryModel, texts: list[str]) -> None:
    alone, more = model.surprise("Tom had a kite."), model.surprise("Tom had a kite. It was red.")
    assert [nats for _, nats in more[: len(alone) - 1]] == pytest.approx([nats for _, nats in alone[:-1]], abs=1e-4)
