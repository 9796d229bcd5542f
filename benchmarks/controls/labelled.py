"""Sixty generated stories read by hand, beside what tagger and judge find in them.

labels.jsonl: ten stories asked for each tag (the 30-minute model of the shared stories, guidance 1.5, at most 170
words, seed 60), shown in random order without the tag asked for and read by the definitions of the tags;
`deciding` is the sentence that each tag rests on. The labels were finished before any figure of the judge's on
these stories was looked at.
"""

import json
from pathlib import Path

from tinystories.text.tagger import Tagger
from tinystories.text.tags import TAGS

LABELS = Path(__file__).with_name("labels.jsonl")


def read_by_hand() -> str:
    """The table: what was read, and how much of what tagger and judge find was read too."""
    rows = [json.loads(line) for line in LABELS.read_text(encoding="utf-8").split("\n")[:-1]]
    found = {name: Tagger.load(name).tags_many([row["text"] for row in rows]) for name in ("tagger", "judge")}
    lines = [
        "| tag | read in 60 | in the 10 asked for it | tagger: found, of them read | judge: found, of them read |",
        "|---" * 5 + "|",
    ]
    for tag in TAGS:
        read = [tag in row["tags"] for row in rows]
        asked = sum(has for has, row in zip(read, rows, strict=True) if row["asked"] == tag)
        cells = []
        for tags in found.values():
            said = [tag in some for some in tags]
            cells.append(f"{sum(said)}, {sum(one and other for one, other in zip(said, read, strict=True))}")
        lines.append(f"| {tag} | {sum(read)} | {asked} | {' | '.join(cells)} |")
    return "\n".join(lines)
