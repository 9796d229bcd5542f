"""What is measured of each row before a story may go on; the suite in pipeline/expectations judges it."""

import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from tinystories.corpus.detectors import cut_off, leaked_prompt, not_english, refusal
from tinystories.corpus.record import story_id

if TYPE_CHECKING:
    import pandas as pd

# UTF-8 read as Windows-1252 that repair could not put right; such a story is counted, not refused
_MOJIBAKE: Final = re.compile("â€|[ÃÂ][\u0080-\u00bf]")
_FIELD: Final = re.compile(r"(Features|Words|Summary|Random sentence):")

MEASURES: Final = pa.schema(
    [
        *(pa.field(name, pa.string(), nullable=False) for name in ("story_id", "partition", "source")),
        pa.field("identity", pa.uint64(), nullable=False),
        *(
            pa.field(name, pa.int32(), nullable=False)
            for name in ("characters", "words", "nul", "replacement", "mojibake", "instruction_only", "cut_off",
                         "refusal", "leaked_prompt", "other_language", "id_differs", "unknown_tags")
        ),
        pa.field("unknown_names", pa.string(), nullable=False),
    ]
)  # fmt: skip


def measure(records: Any, *, known_tags: Collection[str], english: bool) -> Any:
    """EXTRACTED -> MEASURES, a narrow row for each record, in order; the text itself stays behind.

    identity: the first half of the hash of the normalised text. unknown_tags: how many names in `features` or
    `tags` are not in `known_tags`; unknown_names: a line each. other_language: 0 unless
    `english` is asked for. The others are counts, or 1 for yes.
    """
    columns: dict[str, list[Any]] = {name: [] for name in MEASURES.names if name not in ("story_id", "partition")}
    known = set(known_tags)
    given = (records[name].to_pylist() for name in ("story_id", "text", "features", "tags", "source"))
    for identity, text, features, tags, source in zip(*given, strict=True):
        own = story_id(text)
        unknown = sorted({*(features or ()), *(tags or ())} - known)
        row = (
            source or "", int(own, 16), len(text.strip()), len(text.split()), text.count("\0"), text.count("\ufffd"),
            not text.isascii() and bool(_MOJIBAKE.search(text)), bool(_FIELD.match(text)), cut_off(text),
            refusal(text), leaked_prompt(text), english and not_english(text), own != identity, len(unknown),
            "\n".join(unknown),
        )  # fmt: skip
        for name, value in zip(columns, row, strict=True):
            columns[name].append(int(value) if isinstance(value, bool) else value)
    return pa.table({**{name: records[name] for name in ("story_id", "partition")}, **columns}, schema=MEASURES)


def frame(tables: list[Any]) -> "pd.DataFrame":
    """All rows' measures with what only shows when rows are beside each other.

    row: number. earlier_copies: rows before this one with the same normalised text. other_partition: 1 if the
    first of them is in another partition.
    """
    import pandas as pd

    table = pa.concat_tables(tables)
    few = {name: table[name].dictionary_encode() for name in ("source", "partition")}
    measures = pd.DataFrame({name: few.get(name, table[name]).to_pandas() for name in table.column_names})
    copies = measures.groupby("identity", sort=False)
    measures.insert(0, "row", range(len(measures)))
    measures["earlier_copies"] = copies.cumcount().astype("int32")
    codes = measures["partition"].cat.codes
    measures["other_partition"] = (codes != codes.groupby(measures["identity"]).transform("first")).astype("int32")
    return measures.drop(columns="identity")
