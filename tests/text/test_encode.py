"""The fast encoder gives tokenizer.json's ids, on any text."""

import re
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import sample, small_tokenizer
from tinystories.corpus.scan import Texts, scan
from tinystories.corpus.sources import read_stories
from tinystories.requests.controls import CONTROL_TOKENS
from tinystories.text.encode import FastEncoder, pieces
from tinystories.text.tokenizer import StoryTokenizer

# the tokenizer's own rule (text/tokenizer.py), for plain texts
PIECES = re.compile(r"'(?:[sdmt]|ll|ve|re)| ?[A-Za-z]+| ?[0-9]| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+")

ODD = [
    "", " ", "a\x1cb  c", "İstanbul  ½ x ²", "<eos> <|endoftext|>  \n\n x ", "it's we'll I'D 'sup ' s",
    "\t\t\n a\n\n\nb", "“Don’t—go…” 12 345", "a\u00a0b\u2003c", "🎉🎉 x", "A \0 b\r\n",
]  # fmt: skip


def ids(encoder: FastEncoder, texts: list[str]) -> list[list[int]]:
    found: list[list[int]] = encoder.encode_many(scan(Texts.of(pa.array(texts, pa.string())))).to_pylist()
    return found


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_ids_are_the_tokenizers_own(kind: str) -> None:
    texts = [row["story"] for row in sample(120)]
    tokenizer = StoryTokenizer.train(texts[:60], kind, 700, CONTROL_TOKENS)  # type: ignore[arg-type]
    encoder = FastEncoder(tokenizer)
    for _ in range(2):  # the second time from memory
        assert ids(encoder, texts + ODD) == [tokenizer.encode(text) for text in texts + ODD]


@given(st.lists(st.sampled_from([*" \n\t'ast1.,!?“’—", "ll", "ing", " the", "é"]), max_size=30).map("".join))
def test_ids_are_the_tokenizers_own_wherever_a_text_is_cut(text: str) -> None:
    texts = [text[:at] for at in range(len(text) + 1)] + [text[at:] for at in range(len(text) + 1)]
    assert ids(FastEncoder(small_tokenizer()), texts) == small_tokenizer().encode_many(texts)


@given(
    st.lists(
        st.lists(st.sampled_from([*" \n\t'’“—sdmtlrveaA1.,", "ll", "'s", "'ve"]), max_size=12).map("".join), max_size=8
    )
)
def test_pieces_are_those_of_the_tokenizers_rule_and_none_crosses_from_one_text_to_the_next(texts: list[str]) -> None:
    joined = "".join(texts).encode()
    begins = [*pieces(scan(Texts.of(pa.array(texts, pa.string())))).tolist(), len(joined)]
    found = [joined[begin:end].decode() for begin, end in pairwise(begins)]
    assert found == [piece for text in texts for piece in PIECES.findall(text)]


def test_a_tokenizer_that_cuts_otherwise_is_asked_itself(shared: Path) -> None:
    gpt2 = StoryTokenizer.load(shared / "gpt2-tokenizer")
    texts = [row["story"] for row in sample(20)] + ODD
    assert ids(FastEncoder(gpt2), texts) == [gpt2.encode(text) for text in texts]


@pytest.mark.slow
def test_ids_are_the_tokenizers_own_on_every_shared_story(shared: Path) -> None:
    texts = [story.text for story in read_stories(shared / "data" / "stories")]
    tokenizer = StoryTokenizer.train(texts[:2000], "bpe", 4096, CONTROL_TOKENS)
    assert ids(FastEncoder(tokenizer), texts) == tokenizer.encode_many(texts)
