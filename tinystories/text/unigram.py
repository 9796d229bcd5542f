"""Unigram pieces (Kudo 2018, arXiv:1804.10959) by SentencePiece's own trainer.

tokenizers' UnigramTrainer gives other scores on every run, and on the sample 2.7 bytes a token
where SentencePiece's gives 3.7; the model that it fits is stored in tokenizer.json like any other.
"""

import io
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tokenizers import pre_tokenizers

_SCORE_OF_A_CONTROL = 0.0
_LONGEST = 16  # characters of a piece
_MOST_SEEDS = 1_000_000


def fit_pieces(
    texts: Iterable[str], pre_tokenizer: pre_tokenizers.PreTokenizer, vocab_size: int, controls: list[str]
) -> list[tuple[str, float]]:
    """(piece, log probability) with `controls` first and every one of the 256 byte characters among them.

    The same texts give the same pieces: one thread, counted pre-tokens in one order.
    """
    import sentencepiece

    counts = Counter(word for text in texts for word, _ in pre_tokenizer.pre_tokenize_str(text))
    unseen = sorted(set(pre_tokenizers.ByteLevel.alphabet()) - set().union(*counts))
    model = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        words, seeds = Path(folder) / "words.tsv", Path(folder) / "seeds.tsv"
        _write_table(words, sorted(counts.items()))
        _write_table(seeds, _seeds(counts))
        sentencepiece.SentencePieceTrainer.train(
            input=str(words), input_format="tsv", seed_sentencepieces_file=str(seeds),
            model_writer=model, model_type="unigram", num_threads=1, minloglevel=2,
            vocab_size=vocab_size - len(controls) - len(unseen) + 1, hard_vocab_limit=False,  # + 1: its <unk>
            max_sentencepiece_length=_LONGEST, character_coverage=1.0, normalization_rule_name="identity",
            add_dummy_prefix=False, remove_extra_whitespaces=False, split_by_unicode_script=False,
            split_by_number=False, split_by_whitespace=False, bos_id=-1, eos_id=-1,
        )  # fmt: skip
    fitted = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    # six decimals are all that its float32 has, and what tokenizers reads back from JSON to the last bit
    scores = {i: round(fitted.get_score(i), 6) for i in range(len(fitted)) if not fitted.is_unknown(i)}
    pieces = [(fitted.id_to_piece(i), score) for i, score in scores.items()]
    lowest = min(score for _, score in pieces)
    pieces += [(character, lowest - 1) for character in unseen]
    return [(control, _SCORE_OF_A_CONTROL) for control in controls] + pieces


def _seeds(counts: Counter[str]) -> list[tuple[str, int]]:
    """Candidate pieces with their frequency: all characters, then substrings by frequency times length.

    SentencePiece's own candidates come from a suffix array over lines and leave out whatever is always
    followed by the end of a line: here, most whole words.
    """
    characters: Counter[str] = Counter()
    pieces: Counter[str] = Counter()
    for word, n in counts.items():
        for start in range(len(word)):
            characters[word[start]] += n
            for stop in range(start + 2, min(len(word), start + _LONGEST) + 1):
                pieces[word[start:stop]] += n
    frequent = [(piece, n) for piece, n in pieces.items() if n > 1]
    frequent.sort(key=lambda item: (-item[1] * len(item[0]), item[0]))
    return sorted(characters.items()) + frequent[:_MOST_SEEDS]


def _write_table(path: Path, rows: list[tuple[str, int]]) -> None:
    path.write_text("".join(f"{text}\t{n}\n" for text, n in rows), encoding="utf-8")
