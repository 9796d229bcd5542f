"""Stage 4: fit a tokenizer on the training stories and write every partition as arrays of ids."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tinystories.corpus.record import PARTITIONS, SPLIT
from tinystories.errors import ModelError, TrainingError
from tinystories.files import write_json
from tinystories.params import Params, TokenizeParams
from tinystories.paths import Paths
from tinystories.requests.controls import CONTROL_TOKENS, TAG_CONTROLS
from tinystories.requests.mixed import StoryTokens
from tinystories.requests.stored import write_tokens
from tinystories.text.tags import ordered
from tinystories.text.tokenizer import StoryTokenizer

COMMON = 150  # the most frequent words of the training stories are no words to ask for
OFFERED = 8  # words of a story, at most, that training may ask for
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def run(params: Params, paths: Paths, say: Callable[[str], None] = lambda message: None) -> dict[str, Any]:
    """data/split -> data/tokens; returns the metrics, also written to reports/metrics/tokenize.json.

    `say` hears of a vocabulary that the training stories could not fill. Raises TrainingError without
    training stories, ModelError where tokenize.folder has no tokenizer.
    """
    rows = pq.read_table(paths.split, schema=SPLIT).to_pylist()
    training = [row["text"] for row in rows if row["partition"] == "train"]
    if not training:
        raise TrainingError(
            f"{paths.split}: no training stories, so no tokenizer; give more stories or other partitions"
        )
    wanted = params.tokenize
    tokenizer = _tokenizer(wanted, training, paths.root)
    asked = tokenizer.vocab_size if wanted.kind == "folder" else wanted.vocab_size
    if tokenizer.vocab_size < asked:
        say(f"the training stories fill {tokenizer.vocab_size:,} of the {asked:,} tokens asked for")
    tokenizer.save(paths.tokens / "tokenizer.json")
    common = _common_words(training)
    metrics: dict[str, Any] = {"vocab_size": tokenizer.vocab_size, "vocab_size_asked": asked}
    for partition in PARTITIONS:
        chosen = [row for row in rows if row["partition"] == partition]
        stories = _tokenized(tokenizer, chosen, common)
        tokens = write_tokens(paths.tokens, partition, stories, tokenizer.vocab_size)
        size = sum(story.bytes for story in stories)
        metrics[partition] = {
            "stories": len(stories),
            "tokens": tokens,
            "bytes": size,
            "bytes_per_token": round(size / tokens, 4) if tokens else None,
            "longest_story_tokens": max((len(s.text) for s in stories), default=0),
        }
    metrics["bytes_per_token"] = metrics["test"]["bytes_per_token"] or metrics["train"]["bytes_per_token"]
    write_json(paths.tokenize_metrics, metrics)
    return metrics


def _tokenizer(wanted: TokenizeParams, training: list[str], root: Path) -> StoryTokenizer:
    controls = CONTROL_TOKENS if wanted.controls == "all" else TAG_CONTROLS
    if wanted.kind != "folder":
        return StoryTokenizer.train(training, wanted.kind, wanted.vocab_size, controls)
    assert wanted.folder is not None, "params are validated"
    folder = root / wanted.folder
    if not StoryTokenizer.is_in(folder):
        raise ModelError(
            f"tokenize.folder: no tokenizer.json, nor vocab.json and merges.txt, in {wanted.folder}: "
            "name the folder that has them, or choose a preset with tokens of its own"
        )
    return StoryTokenizer.load(folder).with_controls(controls)


def _common_words(texts: list[str]) -> frozenset[str]:
    counts = Counter(word.lower() for text in texts for word in _WORD.findall(text))
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return frozenset(word for word, _ in ranked[:COMMON])


def _tokenized(tokenizer: StoryTokenizer, rows: list[dict[str, Any]], common: frozenset[str]) -> list[StoryTokens]:
    pieces = {name: tokenizer.encode_many([row[name] for row in rows]) for name in ("first", "middle", "last")}
    stories = []
    for i, row in enumerate(rows):
        words = _WORD.findall(row["text"])
        stories.append(
            StoryTokens(
                story_id=row["story_id"],
                first=pieces["first"][i],
                middle=pieces["middle"][i],
                last=pieces["last"][i],
                infillable=row["infillable"],
                tags=tuple(ordered(row["tags"] or [])),
                words=_offered_words(words, row["words"], common),
                end=words[-1].lower() if words else "",
                length=len(row["text"].split()),
                bytes=len(row["text"].encode("utf-8")),
            )
        )
    return stories


def _offered_words(words: list[str], asked: list[str] | None, common: frozenset[str]) -> tuple[str, ...]:
    """Those of the data's own required words that do stand in the story; without any, its uncommon words."""
    present = {word.lower(): None for word in words}
    if asked:
        return tuple(word.lower() for word in asked if word.lower() in present)[:OFFERED]
    rare = [word for word in present if len(word) > 3 and word not in common]
    step = max(1, len(rare) // OFFERED)  # from all over the story, not only its beginning
    return tuple(rare[::step][:OFFERED])
