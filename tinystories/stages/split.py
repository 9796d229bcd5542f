"""Stage 3: each story cut into first sentence, middle and last sentence; tags for those that bring none."""

import shutil
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

import tinystories
from tinystories.corpus.parallel import map_tables
from tinystories.corpus.profile import ORIGINS, Profile
from tinystories.corpus.progress import QUIET, Pace, Say
from tinystories.corpus.record import PARTITIONS, SPLIT
from tinystories.corpus.tables import count_rows, read_tables, write_tables
from tinystories.corpus.vocabulary import Vocabulary
from tinystories.files import fingerprint, write_json
from tinystories.params import Params
from tinystories.paths import Paths
from tinystories.text.fitted import HERE
from tinystories.text.sentences import sentences
from tinystories.text.tagger import Tagger
from tinystories.text.tags import TAGS, ordered

_CUT: Final = pa.schema([*SPLIT, *(pa.field(n, pa.int32(), nullable=False) for n in ("sentences", "words_in_text"))])


def run(params: Params, paths: Paths, say: Say = QUIET) -> dict[str, Any]:
    """Write `paths.validated` with its parts and tags to `paths.split`, in the same order; to `paths.profile` what
    the corpus is like.

    Tags are those that the data brings, else its features, else what the tagger finds; tags_from
    says which. Returns the metrics. Work in progress lies in .work: a run that was ended goes on there.
    """
    counts: Counter[str] = Counter()
    work = paths.work / f"split-{fingerprint(paths.validated, HERE / 'tagger.json', tinystories.__version__)}"
    profile, vocabulary = Profile(), Vocabulary(count_rows(paths.validated))
    cut = map_tables(cut_and_tagged, read_tables(paths.validated), keep=work)
    write_tables(paths.split, SPLIT, _described(_counted(cut, counts, Pace(say)), profile, vocabulary))
    write_json(paths.profile, profile.to_json() | vocabulary.to_json())
    metrics = _metrics(counts)
    write_json(paths.split_metrics, metrics)
    shutil.rmtree(work, ignore_errors=True)
    return metrics


def cut_and_tagged(records: Any) -> Any:
    """EXTRACTED -> SPLIT with the numbers of sentences and words, row by row and in order."""
    tagger = Tagger.load("tagger")
    columns: dict[str, list[Any]] = {
        name: [] for name in (*_CUT.names[len(records.column_names) :], "tags", "tags_from")
    }
    given = (records[name].to_pylist() for name in ("text", "tags", "tags_from", "features"))
    for text, tags, tags_from, features in zip(*given, strict=True):
        found = sentences(text)
        whole = len(found) < 3
        first, last = (text, "") if whole else (found[0], found[-1])
        middle = "" if whole else text[len(first) : len(text) - len(last)]
        own, origin = _tags(text, tags, tags_from, features, tagger)
        row = (first, middle, last, not whole, len(found), len(text.split()), own, origin)
        for name, value in zip(columns, row, strict=True):
            columns[name].append(value)
    same = {name: records[name] for name in records.column_names if name not in columns}
    return pa.table({**same, **columns}).select(_CUT.names).cast(_CUT)


def _tags(
    text: str, tags: list[Any] | None, tags_from: str | None, features: list[Any] | None, tagger: Tagger
) -> tuple[list[Any], str]:
    if tags is not None:
        return ordered(tags), tags_from or "read"
    if features is not None:
        return ordered(features), "features"
    return tagger.tags(text), "tagger"


def _counted(tables: Iterator[Any], counts: Counter[str], pace: Pace) -> Iterator[Any]:
    for table in tables:
        counts["stories"] += table.num_rows
        counts["infillable"] += pc.sum(table["infillable"]).as_py()
        counts["sentences"] += pc.sum(table["sentences"]).as_py()
        counts.update(f"from {origin}" for origin in table["tags_from"].to_pylist())
        for partition, tags in zip(table["partition"].to_pylist(), table["tags"].to_pylist(), strict=True):
            counts[partition] += 1
            counts.update(f"{partition} {tag}" for tag in tags)
        pace(counts["stories"])
        yield table


def _described(tables: Iterator[Any], profile: Profile, vocabulary: Vocabulary) -> Iterator[Any]:
    for table in tables:
        profile.add(table)
        vocabulary.add(table)
        yield table


def _metrics(counts: Counter[str]) -> dict[str, Any]:
    stories = counts["stories"]
    return {
        "stories": stories,
        "infillable": counts["infillable"] / max(1, stories),
        "sentences_per_story": counts["sentences"] / max(1, stories),
        "tags_from": {origin: counts[f"from {origin}"] for origin in ORIGINS},
        "stories_per_partition": {partition: counts[partition] for partition in PARTITIONS},
        "tags": {partition: {tag: counts[f"{partition} {tag}"] for tag in TAGS} for partition in PARTITIONS},
    }
