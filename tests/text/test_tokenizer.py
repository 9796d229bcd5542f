"""Tokenizers: nothing lost, nothing smuggled in, the same bytes every time."""

import json
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinystories.errors import ModelError
from tinystories.requests.controls import CONTROL_TOKENS
from tinystories.text.sentences import split_story
from tinystories.text.tokenizer import StoryTokenizer

KINDS = ("bpe", "unigram")
HARD = [
    "",
    "One.",
    "Wow 😀 é ñ — “Hi,” she said… ▁a▁ b",
    "tabs\tand\r\nline ends\n\n\nand   runs of   spaces  ",
    "NUL \x00 and \ufffd and â€œmojibakeâ€\x9d",
    "It's 3.50, isn't it? 1234567890",
]


@pytest.fixture(scope="module")
def texts(root: Path) -> list[str]:
    lines = (root / "tinystories/corpus/sample/original-stories.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["story"] for line in lines[:300]]


@pytest.fixture(scope="module", params=KINDS)
def tokenizer(request: pytest.FixtureRequest, texts: list[str]) -> StoryTokenizer:
    return StoryTokenizer.train(texts[:200], request.param, 1500, CONTROL_TOKENS)


def test_every_story_comes_back_byte_for_byte(tokenizer: StoryTokenizer, texts: list[str]) -> None:
    for text in [*texts, *HARD]:
        assert tokenizer.decode(tokenizer.encode(text)) == text


@settings(max_examples=200)
@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back(tokenizer: StoryTokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("control", CONTROL_TOKENS)
def test_user_text_that_spells_a_control_token_stays_text(tokenizer: StoryTokenizer, control: str) -> None:
    text = f"He typed {control} and{control}."
    ids = tokenizer.encode(text)
    assert not set(ids) & set(tokenizer.control_ids)
    assert tokenizer.decode(ids) == text


def test_a_tokenizer_read_from_a_file_still_keeps_control_tokens_out(tokenizer: StoryTokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path / "tokenizer.json")
    loaded = StoryTokenizer.load(tmp_path)
    assert not set(loaded.encode("<eos><pad>")) & set(loaded.control_ids)
    assert loaded.vocab_size == tokenizer.vocab_size


def test_controls_have_the_first_ids_in_their_order_and_pad_is_its_own(tokenizer: StoryTokenizer) -> None:
    assert [tokenizer.control(token) for token in CONTROL_TOKENS] == list(range(len(CONTROL_TOKENS)))
    assert len({tokenizer.control(t) for t in ("<pad>", "<bos>", "<eos>")}) == 3


def test_pieces_of_a_story_tokenise_alone_as_they_do_inside(tokenizer: StoryTokenizer, texts: list[str]) -> None:
    for text in texts:
        parts = split_story(text)
        pieces = [tokenizer.encode(p) for p in (parts.first, parts.middle, parts.last)]
        assert [i for piece in pieces for i in piece] == tokenizer.encode(text)


def test_many_texts_at_once_give_the_ids_of_each(tokenizer: StoryTokenizer, texts: list[str]) -> None:
    assert tokenizer.encode_many(texts[:20]) == [tokenizer.encode(text) for text in texts[:20]]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_texts_give_the_same_bytes(kind: str, texts: list[str], tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.json", "b.json")]
    for file in files:
        StoryTokenizer.train(texts[:60], kind, 900, CONTROL_TOKENS).save(file)  # type: ignore[arg-type]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_unigram_keeps_frequent_words_whole_and_matches_bpe_in_bytes_per_token(texts: list[str]) -> None:
    # SentencePiece's own candidates leave whole words out of counted words: 20 % more tokens
    counts = {}
    for kind in KINDS:
        tokenizer = StoryTokenizer.train(texts, kind, 2000, CONTROL_TOKENS)
        counts[kind] = sum(len(tokenizer.encode(text)) for text in texts)
        assert len(tokenizer.encode(" and the was")) == 3
    assert counts["unigram"] < 1.05 * counts["bpe"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"model": {}}', "no json"])
def test_a_damaged_tokenizer_file_is_one_clear_line(content: str, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        StoryTokenizer.load(tmp_path)


def test_a_missing_tokenizer_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="dvc repro tokenize"):
        StoryTokenizer.load(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_saved_and_loaded_is_saved_as_the_same_bytes(
    kind: Literal["bpe", "unigram"], texts: list[str], tmp_path: Path
) -> None:
    StoryTokenizer.train(texts, kind, 700, CONTROL_TOKENS).save(tmp_path / "one.json")
    StoryTokenizer.load(tmp_path / "one.json").save(tmp_path / "two.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
