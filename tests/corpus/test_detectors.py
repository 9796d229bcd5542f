"""Cut-off stories, refusals and leaked prompts are found, and whole stories that look a little like them are not."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinystories.corpus.detectors import cut_off, leaked_prompt, leaked_prompts, not_english, refusal, refusals


@pytest.mark.parametrize(
    "text", ["He ran home. Then he", "He ran. She said, \"Let's", "He ran. They saw a cat,", "A. b\u2014"]
)
def test_a_story_that_stops_inside_a_sentence_is_cut_off(text: str) -> None:
    assert cut_off(text)


@pytest.mark.parametrize(
    "text",
    [
        "He ran.",
        'He said, "Run!"',
        "He ran. The End",
        "He ran.\nTHE END",
        "Cat",
        "",
        "He ran. 🎉",
        "他跑了。",
        "He ran (fast).",
        "So…",
    ],
)
def test_a_whole_story_is_not_cut_off(text: str) -> None:
    assert not cut_off(text)


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.", "As an AI language model, I have no feelings.",
        "Tom ran. I cannot continue this story.", "I am unable to write a story with that content.",
    ],
)  # fmt: skip
def test_a_model_that_declines_is_found(text: str) -> None:
    assert refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        'The cow said, "I\'m sorry, but I can\'t." It was sad.', '"I cannot write a story," said Tom. Mom helped him.',
        "Tom can't write yet. He told a story.", "She was sorry. I can not tell why.",
    ],
)  # fmt: skip
def test_people_in_a_story_may_decline(text: str) -> None:
    assert not refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "Tom ran.\nFeatures: Dialogue\nWords: a",
        "Here is a short story with a twist.\nTom ran.", "The plot twist was a cat.",
        "Tom ran. The story has a bad ending.", "Tom ran. The rope was foreshadowed.",
    ],
)  # fmt: skip
def test_a_request_that_stands_in_the_story_is_found(text: str) -> None:
    assert leaked_prompt(text)


@pytest.mark.parametrize(
    "text",
    [
        "Mom read a story: it was long.", "Here is a cat.", "It had a bad ending.", "The story had a moral: be kind.",
        "They twisted the plot of land.", 'He had two words: "Go on!"',
    ],
)  # fmt: skip
def test_a_story_may_speak_of_stories(text: str) -> None:
    assert not leaked_prompt(text)


OTHERS = [
    "Es war einmal ein kleiner Hund. Er hieß Max und war sehr lieb. Alle Kinder liebten ihn.",
    "Il était une fois un petit chat. Il aimait jouer dans le jardin avec ses amis.",
    "Había una vez un perro pequeño. Le gustaba correr por el parque con sus amigos.",
    "Era uma vez um gato. Ele gostava de brincar no jardim com a menina.",
    "Er was eens een kleine hond. Hij was erg blij en rende door het park.",
    "从前有一只小猫。它很快乐。",
    "昔々、小さな猫がいました。",
    "Жил-был маленький кот. Он был очень весёлый.",
]


@pytest.mark.parametrize("text", OTHERS)
def test_other_languages_are_told_from_english(text: str) -> None:
    assert not_english(text)


def test_the_samples_stories_are_whole_and_english(root: Path) -> None:
    lines = (root / "tinystories/corpus/sample/original-stories.jsonl").read_text().splitlines()
    texts = [json.loads(line)["story"] for line in lines]
    for detector in (cut_off, refusal, leaked_prompt, not_english):
        assert [text for text in texts if detector(text)] == [], detector.__name__


PIECES = (
    "As an AI", "ai language model", "OpenAI", "I'm sorry, but I can't", "I’m sorry, I won’t", "I cannot write a",
    "I am unable to continue", "story", "request", "Features", "WORDS", ":", "Here is a short", "here’s my",
    "plot twist", "foreshadowed", "The story has a", "Twist", "bad ending", "write a short story (", "3-5 paragraphs",
    "\u0130", "\u017ftory", "\u212a", " ", "\n", "\t", "\x0b", "\x1c", "\x85", '"', "“", "”", ".", "named", "Tom ran",
)  # fmt: skip


@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), max_size=6))
def test_many_texts_at_once_are_told_as_one_by_one(texts: list[str]) -> None:
    """Arrow's expressions, which are asked first there, know other letters and white space than Python's."""
    for together, alone in ((refusals, refusal), (leaked_prompts, leaked_prompt)):
        assert together(pa.array(texts, pa.string())) == [alone(text) for text in texts]
