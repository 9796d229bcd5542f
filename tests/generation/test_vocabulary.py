"""What ids write, and that only text can be written."""

import json
import random
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from tokenizers import Tokenizer

from tinystories.generation.vocabulary import COMPLETE, Vocabulary
from tinystories.requests.controls import CONTROL_TOKENS, EOS_ID
from tinystories.text.tokenizer import StoryTokenizer

HARD = 'Émile “said”: 🐉 — ▁one_two\n\n\tnaïve… 中文 "<eos>" <Twist> \u200d👩‍🚀 ﷽'


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_ids_write_the_bytes_of_the_text(kind: Literal["bpe", "unigram"], texts: list[str]) -> None:
    tokenizer = StoryTokenizer.train(texts[:60], kind, 500, CONTROL_TOKENS)
    vocabulary = Vocabulary(tokenizer, tokenizer.vocab_size + 7, EOS_ID)
    for text in (HARD, *texts[60:70]):
        ids = tokenizer.encode(text)
        assert vocabulary.text(ids) == text == tokenizer.decode(ids)
        state = COMPLETE
        for identity in ids:
            assert vocabulary.follows[state, identity]
            state = int(vocabulary.leads_to[state, identity])
        assert state == COMPLETE


def test_any_path_that_is_allowed_is_valid_utf8(tokenizer: StoryTokenizer) -> None:
    vocabulary = Vocabulary(tokenizer, tokenizer.vocab_size, EOS_ID)
    rng = random.Random(0)
    halves = [i for i, written in enumerate(vocabulary.writes) if not written.isascii()]
    assert len(halves) >= 128  # every byte above 0x7F is a token of its own
    for _ in range(300):
        state, ids = COMPLETE, []
        while len(ids) < 20 or state != COMPLETE:
            identity = rng.choice([i for i in halves if vocabulary.follows[state, i]])
            state = int(vocabulary.leads_to[state, identity])
            ids.append(identity)
        assert b"".join(vocabulary.writes[i] for i in ids).decode("utf-8") == vocabulary.text(ids)


def test_every_character_can_be_written_byte_by_byte(tokenizer: StoryTokenizer) -> None:
    vocabulary = Vocabulary(tokenizer, tokenizer.vocab_size, EOS_ID)
    token_of = {written: i for i, written in enumerate(vocabulary.writes) if len(written) == 1}
    for code in [*range(0x80, 0x3000), 0xD7FF, 0xE000, 0xFFFD, 0x10000, 0x1F409, 0x10FFFF]:
        state = COMPLETE
        for byte in chr(code).encode("utf-8"):
            identity = token_of[bytes([byte])]
            assert vocabulary.follows[state, identity], hex(code)
            state = int(vocabulary.leads_to[state, identity])
        assert state == COMPLETE


def test_controls_padding_and_control_characters_never_follow(tokenizer: StoryTokenizer) -> None:
    vocabulary = Vocabulary(tokenizer, tokenizer.vocab_size + 7, EOS_ID)
    never = {tokenizer.control(token) for token in CONTROL_TOKENS} - {EOS_ID}
    never |= set(range(tokenizer.vocab_size, tokenizer.vocab_size + 7))
    never |= {i for i, written in enumerate(vocabulary.writes) if b"\0" in written}
    assert not vocabulary.follows[:, sorted(never)].any()
    assert np.flatnonzero(vocabulary.follows[:, EOS_ID]).tolist() == [COMPLETE]


def test_what_another_tokenizer_marks_as_special_is_never_written(tokenizer: StoryTokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path / "tokenizer.json")
    theirs = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    special = ["<unk>", "<mask>", "<|endoftext|>", "[PAD]"]
    theirs.add_special_tokens(special)
    theirs.save(str(tmp_path / "tokenizer.json"))
    vocabulary = Vocabulary(StoryTokenizer.load(tmp_path), theirs.get_vocab_size(), EOS_ID)
    ids = [theirs.token_to_id(token) for token in special]
    assert min(ids) >= tokenizer.vocab_size and not vocabulary.follows[:, ids].any()
    assert vocabulary.text(ids) == ""


def test_our_own_have_no_token_for_what_is_unknown(texts: list[str], tmp_path: Path) -> None:
    for kind in ("bpe", "unigram"):
        StoryTokenizer.train(texts[:60], kind, 500, CONTROL_TOKENS).save(tmp_path / "tokenizer.json")
        model = json.loads((tmp_path / "tokenizer.json").read_text())["model"]
        assert model.get("unk_token") is None and model.get("unk_id") is None


def test_an_unfinished_last_character_is_dropped(tokenizer: StoryTokenizer) -> None:
    vocabulary = Vocabulary(tokenizer, tokenizer.vocab_size, EOS_ID)
    token_of = {written: i for i, written in enumerate(vocabulary.writes) if len(written) == 1}
    dragon = [token_of[bytes([byte])] for byte in "🐉".encode()]
    assert vocabulary.text([*tokenizer.encode("A"), *dragon[:3]]) == "A"
    assert vocabulary.text([*tokenizer.encode("A"), *dragon]) == "A🐉"
