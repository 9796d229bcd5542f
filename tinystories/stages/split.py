"""Stage 3: each story cut into first sentence, middle and last sentence; tags for those that bring none."""

import shutil
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import tinystories
from tinystories.corpus.parallel import map_tables
from tinystories.corpus.profile import ORIGINS, Profile, combinations, tally
from tinystories.corpus.progress import QUIET, Pace, Say
from tinystories.corpus.record import PARTITIONS, SPLIT
from tinystories.corpus.scan import Texts, scan, word_counts
from tinystories.corpus.tables import count_rows, read_tables, write_tables
from tinystories.corpus.vocabulary import Vocabulary
from tinystories.files import fingerprint, write_json
from tinystories.params import Params
from tinystories.paths import Paths
from tinystories.text.fitted import HERE
from tinystories.text.manytags import ManyTagger
from tinystories.text.sentences import sentences
from tinystories.text.tagger import Tagger
from tinystories.text.tags import TAGS, Tag, ordered

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
    texts = records["text"].to_pylist()
    found = [sentences(text) for text in texts]
    whole = [len(one) < 3 for one in found]
    first = [text if alone else one[0] for text, one, alone in zip(texts, found, whole, strict=True)]
    last = ["" if alone else one[-1] for one, alone in zip(found, whole, strict=True)]
    ends = [(len(begin), len(text) - len(end)) for text, begin, end in zip(texts, first, last, strict=True)]
    tags, origins, sureness = _tags(records, texts, found)
    columns = {
        "first": first,
        "middle": [text[begin:end] for text, (begin, end) in zip(texts, ends, strict=True)],
        "last": last,
        "infillable": [not alone for alone in whole],
        "sentences": [len(one) for one in found],
        "words_in_text": word_counts(scan(Texts.of(records["text"]))),
        "tags": tags,
        "tags_from": origins,
        "sureness": sureness,
    }
    same = {name: records[name] for name in records.column_names if name not in columns}
    return pa.table({**same, **columns}).select(_CUT.names).cast(_CUT)


def _tags(records: Any, texts: list[str], found: list[list[str]]) -> tuple[Any, Any, Any]:
    """Arrow arrays: of each story its tags, who says so, and how sure the tagger is of each, if it says so."""
    silent = pc.and_(pc.is_null(records["tags"]), pc.is_null(records["features"])).to_numpy()
    asked, brought = np.flatnonzero(silent), np.flatnonzero(~silent)
    tags, sureness = _tagger().tags([texts[number] for number in asked], [found[number] for number in asked])
    own: list[list[Tag]] = []
    origins = ["tagger"] * len(asked)
    for row in records.select(["tags", "tags_from", "features"]).take(pa.array(brought)).to_pylist():
        read = row["tags"]
        own.append(ordered(read if read is not None else row["features"]))
        origins.append((row["tags_from"] or "read") if read is not None else "features")
    place = pa.array(np.argsort(np.concatenate([asked, brought])))
    every = (
        pa.concat_arrays([tags, pa.array(own, tags.type)]),
        pa.array(origins, pa.string()),
        pa.concat_arrays([sureness, pa.nulls(len(brought), sureness.type)]),
    )
    return every[0].take(place), every[1].take(place), every[2].take(place)


@cache
def _tagger() -> ManyTagger:
    return ManyTagger(Tagger.load("tagger"))


def _counted(tables: Iterator[Any], counts: Counter[str], pace: Pace) -> Iterator[Any]:
    for table in tables:
        counts["stories"] += table.num_rows
        counts["infillable"] += pc.sum(table["infillable"]).as_py()
        counts["sentences"] += pc.sum(table["sentences"]).as_py()
        counts.update({f"from {origin}": count for origin, count in tally(table["tags_from"]).items()})
        numbers = combinations(table["tags"])
        for partition in PARTITIONS:
            within = numbers[pc.equal(table["partition"], partition).to_numpy()]
            counts[partition] += len(within)
            counts.update({f"{partition} {tag}": int((within >> at & 1).sum()) for at, tag in enumerate(TAGS)})
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
