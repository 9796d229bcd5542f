"""The record: one row a story, Parquet. Everything downstream reads this and nothing else."""

import hashlib
import unicodedata
from typing import Final, Literal

import pyarrow as pa

Partition = Literal["train", "validation", "test"]
PARTITIONS: Final[tuple[Partition, ...]] = ("train", "validation", "test")

TagsFrom = Literal["read", "features", "tagger", "world"]

# tags_from says who says so; null features = not labelled, [] = asked for none
EXTRACTED: Final = pa.schema(
    [
        pa.field("story_id", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("features", pa.list_(pa.string())),
        pa.field("tags", pa.list_(pa.string())),
        pa.field("tags_from", pa.string()),
        pa.field("words", pa.list_(pa.string())),
        pa.field("summary", pa.string()),
        pa.field("source", pa.string()),
        pa.field("partition", pa.string(), nullable=False),
    ]
)

# what split adds: first + middle + last == text, byte for byte; a story of fewer than
# three sentences has middle == last == "" and infillable false
SPLIT: Final = pa.schema(
    [
        *EXTRACTED,
        pa.field("first", pa.string(), nullable=False),
        pa.field("middle", pa.string(), nullable=False),
        pa.field("last", pa.string(), nullable=False),
        pa.field("infillable", pa.bool_(), nullable=False),
        # of each of `tags`, by how much its log odds are above its threshold; null = the tagger wasn't asked
        pa.field("sureness", pa.list_(pa.float32())),
    ]
)


def normalise(text: str) -> str:
    """Unicode NFC, every run of white space one space, stripped: for ids and duplicates only."""
    return " ".join((text if text.isascii() else unicodedata.normalize("NFC", text)).split())


def story_id(text: str) -> str:
    """First 16 hex digits of sha256 of the normalised text."""
    return hashlib.sha256(normalise(text).encode("utf-8")).hexdigest()[:16]


def partition_of(identity: str, validation: float, test: float) -> Partition:
    """Partition by hash, never by position: adding stories moves none, equal texts can't part.

    `identity` is a story_id; `validation` and `test` are fractions of all stories. The hash is
    salted, so that other uses of the id (halves of the hand labels, say) are independent of it.
    """
    draw = int(hashlib.sha256(f"partition:{identity}".encode()).hexdigest()[:13], 16) / 16**13
    if draw < test:
        return "test"
    return "validation" if draw < test + validation else "train"
