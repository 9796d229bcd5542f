"""Tagger and judge on the sample's own stories: recall of what was asked for, and F1 of what a reader found.

python benchmarks/tags/asked.py
"""

import json
from pathlib import Path

from tinystories.text.fitted import NAMES
from tinystories.text.tagger import Tagger
from tinystories.text.tags import TAGS

SAMPLE = Path("tinystories/corpus/sample/original-stories.jsonl")


def main() -> None:
    rows = [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]
    print("| | tag | asked for | of these found | read | precision | recall | F1 |\n|---|---|---|---|---|---|---|---|")
    for name in NAMES:
        found = [set(tags) for tags in Tagger.load(name).tags_many([row["story"] for row in rows])]
        for tag in TAGS:
            asked = [tag in row["instruction"]["features"] for row in rows]
            read = [tag in row["tags"] for row in rows]
            said = [tag in tags for tags in found]
            both = sum(one and other for one, other in zip(said, read, strict=True))
            given = sum(one and other for one, other in zip(said, asked, strict=True))
            print(
                f"| {name} | {tag} | {sum(asked)} | {given / sum(asked):.3f} | {sum(read)} | {both / sum(said):.3f} "
                f"| {both / sum(read):.3f} | {2 * both / (sum(said) + sum(read)):.3f} |"
            )


if __name__ == "__main__":
    main()
