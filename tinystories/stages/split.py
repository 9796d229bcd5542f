"""Stage 3: each story cut into first sentence, middle and last sentence; tags for those that bring none."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from tinystories.corpus.record import PARTITIONS, SPLIT
from tinystories.corpus.tables import read_rows, write_rows
from tinystories.files import write_json
from tinystories.params import Params
from tinystories.paths import Paths
from tinystories.text.sentences import sentences, split_story
from tinystories.text.tagger import Tagger
from tinystories.text.tags import TAGS, ordered


def run(params: Params, paths: Paths) -> dict[str, Any]:
    """Write `paths.validated` with its parts and tags to `paths.split`, in the same order.

    Tags are those that the data brings, else its features, else what the tagger finds; tags_from
    says which. Returns the metrics.
    """
    counts: Counter[str] = Counter()
    write_rows(paths.split, SPLIT, _rows(read_rows(paths.validated), counts))
    metrics = _metrics(counts)
    write_json(paths.split_metrics, metrics)
    return metrics


def _rows(rows: Iterator[dict[str, Any]], counts: Counter[str]) -> Iterator[dict[str, Any]]:
    tagger = Tagger.load("tagger")
    for row in rows:
        text = row["text"]
        first, middle, last, infillable = split_story(text)
        tags, tags_from = _tags(row, tagger)
        counts["stories"] += 1
        counts["infillable"] += infillable
        counts["sentences"] += len(sentences(text))
        counts[f"from {tags_from}"] += 1
        counts[row["partition"]] += 1
        counts.update(f"{row['partition']} {tag}" for tag in tags)
        parts = {"first": first, "middle": middle, "last": last, "infillable": infillable}
        yield row | {"tags": tags, "tags_from": tags_from} | parts


def _tags(row: dict[str, Any], tagger: Tagger) -> tuple[list[Any], str]:
    if row["tags"] is not None:
        return ordered(row["tags"]), row["tags_from"] or "read"
    if row["features"] is not None:
        return ordered(row["features"]), "features"
    return tagger.tags(row["text"]), "tagger"


def _metrics(counts: Counter[str]) -> dict[str, Any]:
    stories = counts["stories"]
    return {
        "stories": stories,
        "infillable": counts["infillable"] / max(1, stories),
        "sentences_per_story": counts["sentences"] / max(1, stories),
        "tags_from": {origin: counts[f"from {origin}"] for origin in ("read", "features", "tagger", "world")},
        "stories_per_partition": {partition: counts[partition] for partition in PARTITIONS},
        "tags": {partition: {tag: counts[f"{partition} {tag}"] for tag in TAGS} for partition in PARTITIONS},
    }
