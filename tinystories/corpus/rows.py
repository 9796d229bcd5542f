"""What is measured of each row before a story may go on; the suite in pipeline/expectations judges it."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

from tinystories.corpus.record import story_id

# UTF-8 read as Windows-1252: "â€œ" for a curly quote, "Ã©" for é; such a story is counted, not refused
_MOJIBAKE: Final = re.compile("â€|[ÃÂ][\u0080-\u00bf]")
_FIELD: Final = re.compile(r"(Features|Words|Summary|Random sentence):")

Measures = dict[str, Any]


def measure(rows: Iterable[dict[str, Any]], known_tags: Collection[str]) -> Iterator[Measures]:
    """One narrow row of measures for each record (EXTRACTED), in order; the text itself stays behind.

    earlier_copies: rows before this one with the same normalised text.
    other_partition: 1 if an earlier copy is in another partition.
    unknown_tags: how many names in `features` or `tags` are not in `known_tags`; unknown_names: a line each.
    """
    copies: Counter[str] = Counter()
    partitions: dict[str, str] = {}
    for number, row in enumerate(rows):
        text: str = row["text"]
        identity = story_id(text)
        unknown = sorted({*(row["features"] or ()), *(row["tags"] or ())} - set(known_tags))
        yield {
            "row": number,
            "story_id": row["story_id"],
            "partition": row["partition"],
            "source": row["source"] or "",
            "characters": len(text.strip()),
            "words": len(text.split()),
            "nul": text.count("\0"),
            "replacement": text.count("\ufffd"),
            "mojibake": int(bool(_MOJIBAKE.search(text))),
            "instruction_only": int(bool(_FIELD.match(text))),
            "id_differs": int(identity != row["story_id"]),
            "earlier_copies": copies[identity],
            "other_partition": int(partitions.setdefault(identity, row["partition"]) != row["partition"]),
            "unknown_tags": len(unknown),
            "unknown_names": "\n".join(unknown),
        }
        copies[identity] += 1
