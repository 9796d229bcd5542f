"""Stage 1: stories from where params.yaml says, as records."""

import hashlib
import heapq
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from tinystories.corpus.hub import open_dataset
from tinystories.corpus.raw import Hints, RawStory
from tinystories.corpus.record import EXTRACTED, PARTITIONS, Partition, partition_of, story_id
from tinystories.corpus.sources import Source, from_path, sample
from tinystories.corpus.tables import write_rows
from tinystories.errors import SourceError
from tinystories.files import write_json
from tinystories.params import Params, PartitionParams
from tinystories.paths import Paths
from tinystories.text.fitted import fitted_ids
from tinystories.text.tags import TAGS

WORLD_SEED: Final = 1  # the simulated stories are those that `tinystories world --seed 1` prints
_SPELLED: Final = {tag.casefold(): tag for tag in TAGS}


def run(params: Params, paths: Paths) -> dict[str, Any]:
    """Read the source and write every story of it, copies included, to `paths.extracted`.

    With source.limit, the stories are a sample by hash, without copies: the same whatever the order of
    the files, and contained in the sample of any higher limit. No draw here depends on `seed`: models that
    differ by it alone are trained and measured on the same stories. Returns the metrics.
    Raises SourceError if nothing can be read, ValidationError where text is not UTF-8.
    """
    source = _open(params, paths)
    counts: Counter[str] = Counter()
    per_part: Counter[str] = Counter()
    rows = _records(source, params.partitions, counts, per_part)
    if params.source.limit is not None:
        rows = iter(_sample(rows, params.source.limit))
    stories = write_rows(paths.extracted, EXTRACTED, _counted(rows, counts))
    if not stories:
        paths.extracted.unlink()
        raise SourceError(f"source.kind {params.source.kind}: no stories in it; check source.path and source.dataset")
    metrics = {
        "kind": params.source.kind,
        "commit": source.commit,
        "read": counts["read"],
        "stories": stories,
        "left_out_by_limit": counts["read"] - stories,
        "fitted_on_moved_to_train": counts["moved"],
        "partitions": {partition: counts[partition] for partition in PARTITIONS},
        "with": {name: counts[f"with {name}"] for name in ("features", "tags", "words", "summary")},
        "files": [{"file": part.name, "layout": part.layout, "stories": per_part[part.name]} for part in source.parts],
        "without_stories": [{"file": name, "reason": reason} for name, reason in source.without_stories],
    }
    write_json(paths.extract_metrics, metrics)
    return metrics


def feature_name(name: str) -> str:
    """Our name of a tag for any spelling of it ("bad ending", "Bad_Ending"); an unknown name as it is."""
    return _SPELLED.get("".join(character for character in name if character.isalnum()).casefold(), name)


def _open(params: Params, paths: Paths) -> Source:
    source = params.source
    if source.kind == "sample":
        return sample(source.world, WORLD_SEED)
    hints = Hints(source.separator, source.column)
    if source.kind == "files":
        return from_path(source.path, paths.root, hints)
    if source.dataset is None:
        raise SourceError("source.dataset: source.kind is hub, so name a data set, such as roneneldan/TinyStories")
    return open_dataset(source.dataset, paths.root, paths.hub_pins, hints)


def _records(
    source: Source, fractions: PartitionParams, counts: Counter[str], per_part: Counter[str]
) -> Iterator[dict[str, Any]]:
    fitted = fitted_ids()
    for part in source.parts:
        for story in part.read():
            counts["read"] += 1
            per_part[part.name] += 1
            identity = story_id(story.text)
            partition = partition_of(identity, fractions.validation, fractions.test)
            if identity in fitted and partition != "train":
                counts["moved"] += 1
                partition = "train"
            yield _record(story, identity, partition)


def _record(story: RawStory, identity: str, partition: Partition) -> dict[str, Any]:
    return {
        "story_id": identity,
        "text": story.text,
        "features": _tags(story.features),
        "tags": _tags(story.tags),
        "tags_from": story.tags_from,
        "words": None if story.words is None else list(story.words),
        "summary": story.summary,
        "source": story.source,
        "partition": partition,
    }


def _tags(names: tuple[str, ...] | None) -> list[str] | None:
    """In canonical order, each once; names that are not ours last, for validate to stop at."""
    if names is None:
        return None
    spelled = {feature_name(name) for name in names}
    return [*(tag for tag in TAGS if tag in spelled), *sorted(spelled.difference(TAGS))]


def _counted(rows: Iterator[dict[str, Any]], counts: Counter[str]) -> Iterator[dict[str, Any]]:
    for row in rows:
        counts[row["partition"]] += 1
        for name in ("features", "tags", "words", "summary"):
            counts[f"with {name}"] += row[name] is not None
        yield row


def _sample(rows: Iterator[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    """The `limit` distinct stories with the smallest draws, in reading order; memory for that many."""
    chosen: list[tuple[int, int, dict[str, Any]]] = []  # a heap with the largest draw on top
    draws: set[int] = set()
    for number, row in enumerate(rows):
        draw = int(hashlib.sha256(f"sample:1:{row['story_id']}".encode()).hexdigest()[:16], 16)
        if draw in draws or (len(chosen) == limit and draw > -chosen[0][0]):
            continue
        draws.add(draw)
        if len(chosen) < limit:
            heapq.heappush(chosen, (-draw, number, row))
        else:
            dropped, _, _ = heapq.heapreplace(chosen, (-draw, number, row))
            draws.remove(-dropped)
    return [row for _, _, row in sorted(chosen, key=lambda entry: entry[1])]
