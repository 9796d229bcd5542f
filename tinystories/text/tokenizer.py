"""Byte-level tokenizers (BPE or unigram), lossless on any text, that no text can make write a control."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from tinystories.errors import ModelError
from tinystories.files import atomic, read_json
from tinystories.text.unigram import fit_pieces

# White space stands at the start of a pre-token or alone, never after other characters: so the cut
# between two sentences, made before white space, is always a cut between pre-tokens, and a piece of
# a story tokenises alone as it does inside. Contractions and letters as in GPT-2; digits one by one.
_PRETOKENS = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"

GPT2_END = "<|endoftext|>"
_ENDS = ("<pad>", "<bos>", "<eos>")


class StoryTokenizer:
    """Text <-> token ids. Control tokens have ids of their own, reached only through `control`."""

    def __init__(self, tokenizer: Tokenizer, ends: Mapping[str, str] | None = None) -> None:
        """`ends`: what stands for <bos>, <eos> and <pad> in a tokenizer of other people's."""
        tokenizer.encode_special_tokens = True  # "<eos>" in a text is five characters, not the control
        self._tokenizer = tokenizer
        self._ends = ends or {}

    @classmethod
    def copy_of(cls, tokenizer: Tokenizer) -> "StoryTokenizer":
        """From a tokenizer that somebody else uses too, and that is left as it is."""
        return cls(Tokenizer.from_str(tokenizer.to_str()))

    @property
    def vocab_size(self) -> int:
        return int(self._tokenizer.get_vocab_size())

    def encode(self, text: str) -> list[int]:
        """Ids of `text`; never a control's id."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def encode_many(self, texts: Sequence[str]) -> list[list[int]]:
        """As `encode` for each text, on all cores."""
        return [list(e.ids) for e in self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    def decode(self, ids: Sequence[int]) -> str:
        """Text of `ids`, controls left out; bytes that are no UTF-8 become U+FFFD."""
        return str(self._tokenizer.decode([int(i) for i in ids], skip_special_tokens=True))

    def control(self, token: str) -> int:
        """Id of a control token such as "<eos>"; GPT-2's own tokenizer has one token for all three ends."""
        identity = self._tokenizer.token_to_id(token)
        if identity is None and token in _ENDS:
            identity = self._tokenizer.token_to_id(self._ends.get(token, GPT2_END))
        assert identity is not None, f"the tokenizer has no control {token}"
        return int(identity)

    def knows(self, token: str) -> bool:
        """Whether there is a control token of this name."""
        return self._tokenizer.token_to_id(token) is not None

    @property
    def control_ids(self) -> list[int]:
        """Ids of all control tokens, ascending."""
        return sorted(i for i, added in self._tokenizer.get_added_tokens_decoder().items() if added.special)

    def token(self, identity: int) -> str:
        """The token as it stands in tokenizer.json (bytes as printable characters)."""
        token = self._tokenizer.id_to_token(identity)
        assert token is not None, f"no token {identity}"
        return str(token)

    @property
    def cuts_as_ours(self) -> bool:
        """Whether texts are cut into pieces as `train` sets it up; a tokenizer of others may cut otherwise."""
        kept = json.loads(self._tokenizer.to_str())["pre_tokenizer"] or {}
        steps = kept.get("pretokenizers", [])
        return bool(steps) and steps[0].get("pattern") == {"Regex": _PRETOKENS}

    def with_controls(self, controls: Sequence[str]) -> "StoryTokenizer":
        """The same with `controls`, those that it lacks getting the next free ids."""
        tokenizer = Tokenizer.from_str(self._tokenizer.to_str())
        tokenizer.add_special_tokens(list(controls))
        return StoryTokenizer(tokenizer)

    @staticmethod
    def is_in(folder: Path) -> bool:
        """Whether `folder` has the files of a tokenizer."""
        own = (folder / "tokenizer.json").is_file()
        return own or all((folder / name).is_file() for name in ("vocab.json", "merges.txt"))

    def save(self, path: Path) -> None:
        with atomic(path) as temporary:
            self._tokenizer.save(str(temporary))

    @classmethod
    def load(cls, path: Path) -> "StoryTokenizer":
        """Read tokenizer.json, or the one in a folder, or a folder's vocab.json and merges.txt (GPT-2's layout).

        Raises ModelError if there is none, if it is damaged or not byte-level.
        """
        file = path / "tokenizer.json" if path.is_dir() else path
        if not file.is_file() and (path / "vocab.json").is_file() and (path / "merges.txt").is_file():
            return cls(_gpt2(path))
        if not file.is_file():
            raise ModelError(f"no {file}: run `dvc repro tokenize`, or name a complete model folder")
        text = file.read_text(encoding="utf-8")
        try:
            complete = {"model", "pre_tokenizer", "decoder", "added_tokens"} <= json.loads(text).keys()
        except (json.JSONDecodeError, AttributeError):
            complete = False
        if not complete:  # asked before, as tokenizers raises a bare Exception
            raise ModelError(f"{file} is damaged or no tokenizer.json: make it again, or copy the whole folder again")
        if (json.loads(text)["decoder"] or {}).get("type") != "ByteLevel":
            raise ModelError(f"{file} is not a byte-level tokenizer, which this version needs: take another")
        return cls(Tokenizer.from_str(text), _ends_of(path) if path.is_dir() else None)

    @classmethod
    def train(
        cls, texts: Iterable[str], kind: Literal["bpe", "unigram"], vocab_size: int, controls: Sequence[str]
    ) -> "StoryTokenizer":
        """Fit on `texts`; `controls` get the ids from 0 on, in their order.

        Both kinds work on bytes shown as characters (GPT-2's table), with all 256 in the vocabulary: that
        is the byte fallback of SentencePiece with one case fewer, and "▁" in a text is no space. A corpus
        that can't fill `vocab_size` gives a smaller vocabulary.
        """
        pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(_PRETOKENS), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        if kind == "bpe":
            tokenizer = Tokenizer(models.BPE())
            tokenizer.pre_tokenizer = pre_tokenizer
            trainer = trainers.BpeTrainer(
                vocab_size=vocab_size, special_tokens=list(controls), min_frequency=2, show_progress=False,
                initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            )  # fmt: skip
            tokenizer.train_from_iterator(texts, trainer)
        else:
            pieces = fit_pieces(texts, pre_tokenizer, vocab_size, list(controls))
            tokenizer = Tokenizer(models.Unigram(pieces, unk_id=None, byte_fallback=False))
            tokenizer.pre_tokenizer = pre_tokenizer
            tokenizer.add_special_tokens(list(controls))
        tokenizer.decoder = decoders.ByteLevel()
        return cls(tokenizer)


def _ends_of(folder: Path) -> dict[str, str]:
    """The tokens that begin and end a text and fill a row, by the folder's tokenizer_config.json."""
    file = folder / "tokenizer_config.json"
    stored = read_json(file) if file.is_file() else {}
    named = {token: stored.get(f"{token.strip('<>')}_token") for token in _ENDS}
    spelled = {token: name["content"] if isinstance(name, dict) else name for token, name in named.items()}
    return {token: name for token, name in spelled.items() if name}


def _gpt2(folder: Path) -> Tokenizer:
    """vocab.json and merges.txt as GPT-2 reads them; its end of text is a control and never text's own."""
    try:
        vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
        lines = (folder / "merges.txt").read_text(encoding="utf-8").split("\n")
        pairs = (line.split() for line in lines if not line.startswith("#version"))
        merges = [(a, b) for a, b in filter(None, pairs)]
        needed = {*pre_tokenizers.ByteLevel.alphabet(), *(part for a, b in merges for part in (a, b, a + b))}
        known = needed <= vocabulary.keys()
    except (ValueError, AttributeError, TypeError):  # no JSON or UTF-8, a line that is no pair, no table
        known = False
    if not known:
        raise ModelError(f"{folder}: vocab.json and merges.txt are damaged or no byte-level BPE: copy them again")
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([GPT2_END])
    return tokenizer
