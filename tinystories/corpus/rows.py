"""What is measured of each row before a story may go on; the suite in pipeline/expectations judges it."""

import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tinystories.corpus.detectors import cut_off, leaked_prompts, not_english, refusals
from tinystories.corpus.record import story_id

if TYPE_CHECKING:
    import pandas as pd

# UTF-8 read as Windows-1252 that repair could not put right; such a story is counted, not refused
_MOJIBAKE: Final = re.compile("â€|[ÃÂ][\u0080-\u00bf]")
_OF_MOJIBAKE: Final = "âÃÂ"  # one of them stands in it: looked for first, which is forty times faster
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
    texts = records["text"].combine_chunks()
    listed, known = texts.to_pylist(), set(known_tags)
    given, own = records["story_id"].to_pylist(), [story_id(text) for text in listed]
    named = zip(records["features"].to_pylist(), records["tags"].to_pylist(), strict=True)
    unknown = [sorted({*(features or ()), *(tags or ())} - known) for features, tags in named]
    columns = {
        "story_id": records["story_id"],
        "partition": records["partition"],
        "source": pc.fill_null(records["source"], ""),
        "identity": [int(identity, 16) for identity in own],
        "characters": [len(text.strip()) for text in listed],
        "words": [len(text.split()) for text in listed],
        "nul": [text.count("\0") for text in listed],
        "replacement": [text.count("\ufffd") for text in listed],
        "mojibake": [_mojibake(text) for text in listed],
        "instruction_only": [_FIELD.match(text) is not None for text in listed],
        "cut_off": [cut_off(text) for text in listed],
        "refusal": refusals(texts),
        "leaked_prompt": leaked_prompts(texts),
        "other_language": [english and not_english(text) for text in listed],
        "id_differs": [one != other for one, other in zip(own, given, strict=True)],
        "unknown_tags": [len(names) for names in unknown],
        "unknown_names": ["\n".join(names) for names in unknown],
    }
    return pa.table([_column(columns[field.name], field.type) for field in MEASURES], schema=MEASURES)


def _column(values: Any, kind: Any) -> Any:
    """As Arrow takes it: of yes and no it makes no numbers, NumPy does."""
    return pa.array(np.asarray(values, np.int32)) if kind == pa.int32() else values


def _mojibake(text: str) -> bool:
    return not text.isascii() and any(sign in text for sign in _OF_MOJIBAKE) and bool(_MOJIBAKE.search(text))


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
