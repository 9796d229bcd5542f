"""Small real things for tests: a tokenizer, stories as tokenize stores them, a split table, parameters."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import ROOT
from tinystories.corpus.record import SPLIT, story_id
from tinystories.params import Params, load_params
from tinystories.requests.controls import CONTROL_TOKENS
from tinystories.requests.mixed import StoryTokens
from tinystories.text.sentences import split_story
from tinystories.text.tags import ordered
from tinystories.text.tokenizer import StoryTokenizer

# a model that trains in seconds on one core
TINY = (
    "model.width=32", "model.layers=2", "model.heads=2", "model.ffn=64", "model.context=256", "train.threads=1",
    "tokenize.vocab_size=600", "train.steps=12", "train.batch_tokens=1024", "train.validate_every=4",
    "train.validation_stories=4", "train.checkpoint_every=5",
)  # fmt: skip


@cache
def sample(count: int) -> tuple[dict[str, Any], ...]:
    """The first `count` hand-written stories, as they stand in the sample's file."""
    lines = (ROOT / "tinystories/corpus/sample/original-stories.jsonl").read_text(encoding="utf-8").splitlines()
    return tuple(json.loads(line) for line in lines[:count])


@cache
def small_tokenizer() -> StoryTokenizer:
    return StoryTokenizer.train([row["story"] for row in sample(100)], "bpe", 600, CONTROL_TOKENS)


def story_tokens(tokenizer: StoryTokenizer, count: int) -> list[StoryTokens]:
    return [tokens_of(tokenizer, row["story"], tuple(row["tags"]), ("house", "tree")) for row in sample(count)]


def tokens_of(
    tokenizer: StoryTokenizer, text: str, tags: tuple[str, ...] = (), words: tuple[str, ...] = ()
) -> StoryTokens:
    parts = split_story(text)
    return StoryTokens(
        story_id=story_id(text),
        first=tokenizer.encode(parts.first),
        middle=tokenizer.encode(parts.middle),
        last=tokenizer.encode(parts.last),
        infillable=parts.infillable,
        tags=tuple(ordered(tags)),
        words=words,
        end=text.rsplit(maxsplit=1)[-1].strip('.!?"').lower(),
        length=len(text.split()),
        bytes=len(text.encode()),
    )


def write_split(path: Path, texts: dict[str, list[str]]) -> None:
    """A table as split leaves it; `texts` are the stories of each partition."""
    rows = [_row(text, partition) for partition, stories in texts.items() for text in stories]
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=SPLIT), path)


def _row(text: str, partition: str) -> dict[str, Any]:
    parts = split_story(text)
    return {
        "story_id": story_id(text), "text": text, "features": None, "tags": ["Dialogue"] if '"' in text else [],
        "tags_from": "read", "words": None, "summary": None, "source": "test", "partition": partition,
        "first": parts.first, "middle": parts.middle, "last": parts.last, "infillable": parts.infillable,
        "sureness": None,
    }  # fmt: skip


def tiny_params(*overrides: str) -> Params:
    return load_params(ROOT, [*TINY, *overrides])
