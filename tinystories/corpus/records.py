"""Stories as read -> records: a pure function over Arrow tables, which any engine may run."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

import pyarrow as pa

from tinystories.corpus.raw import RawStory
from tinystories.corpus.record import EXTRACTED, partition_of, story_id
from tinystories.corpus.repair import repaired
from tinystories.corpus.tables import GROUP
from tinystories.text.tags import TAGS

RAW: Final = pa.schema([field for field in EXTRACTED if field.name not in ("story_id", "partition")])
# the record, what was repaired (null = nothing), the text as it was before, and whether it was moved to training
RECORDS: Final = pa.schema(
    [
        *EXTRACTED,
        pa.field("repairs", pa.list_(pa.string())),
        pa.field("before", pa.string()),
        pa.field("moved", pa.bool_(), nullable=False),
    ]
)
# row: of the stories as extract writes them, from 0; `before` in its place undoes the repair
REPAIRED: Final = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("story_id", pa.string(), nullable=False),
        pa.field("source", pa.string()),
        pa.field("repairs", pa.list_(pa.string()), nullable=False),
        pa.field("before", pa.string(), nullable=False),
    ]
)

_SPELLED: Final = {tag.casefold(): tag for tag in TAGS}


def raw_tables(stories: Iterable[RawStory]) -> Iterator[Any]:
    """Tables (RAW) of GROUP stories, in order."""
    remaining = iter(stories)
    while group := list(islice(remaining, GROUP)):
        yield pa.table({name: [getattr(story, name) for story in group] for name in RAW.names}, schema=RAW)


def to_records(raw: Any, *, validation: float, test: float, fitted: frozenset[str], repair: bool) -> Any:
    """RAW -> RECORDS, row by row and in order.

    validation, test: shares of the partitions. fitted: story_ids, of the text before or after its repairs, that
    always belong to training. repair: make the repairs of corpus.repair.
    """
    columns: dict[str, list[Any]] = {
        name: [] for name in ("story_id", "text", "partition", "repairs", "before", "moved")
    }
    for text in raw["text"].to_pylist():
        fixed, made = repaired(text) if repair else (text, ())
        identity = story_id(fixed)
        partition = partition_of(identity, validation, test)
        known = identity in fitted or (bool(made) and story_id(text) in fitted)
        columns["moved"].append(known and partition != "train")
        columns["partition"].append("train" if known else partition)
        columns["story_id"].append(identity)
        columns["text"].append(fixed)
        columns["repairs"].append(made or None)
        columns["before"].append(text if made else None)
    spelled = {name: [_tags(names) for names in raw[name].to_pylist()] for name in ("features", "tags")}
    same = {name: raw[name] for name in ("tags_from", "words", "summary", "source")}
    return pa.table({**columns, **spelled, **same}, schema=RECORDS)


def repairs_of(records: Any, begin: int) -> Any:
    """REPAIRED: the rows of RECORDS that were repaired, to look into and to undo. begin: number of the first row."""
    numbered = records.append_column("row", pa.array(range(begin, begin + records.num_rows), pa.int64()))
    made = numbered.filter(records["repairs"].is_valid())
    return made.select(REPAIRED.names).cast(REPAIRED)


def feature_name(name: str) -> str:
    """Our name of a tag for any spelling of it ("bad ending", "Bad_Ending"); an unknown name as it is."""
    return _SPELLED.get("".join(character for character in name if character.isalnum()).casefold(), name)


def _tags(names: list[str] | None) -> list[str] | None:
    """In canonical order, each once; names that are not ours last, for validate to stop at."""
    if names is None:
        return None
    spelled = {feature_name(name) for name in names}
    return [*(tag for tag in TAGS if tag in spelled), *sorted(spelled.difference(TAGS))]
