"""Stage 1: stories from where params.yaml says, as records."""

import hashlib
import heapq
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

import tinystories
from tinystories.corpus.hub import open_dataset
from tinystories.corpus.parallel import map_tables
from tinystories.corpus.progress import QUIET, Pace, Say
from tinystories.corpus.raw import Hints, RawStory
from tinystories.corpus.record import EXTRACTED, PARTITIONS
from tinystories.corpus.records import RECORDS, REPAIRED, raw_tables, repairs_of, to_records
from tinystories.corpus.repair import REPAIRS
from tinystories.corpus.sources import Source, from_path, sample
from tinystories.corpus.tables import table_writer, write_tables
from tinystories.errors import SourceError
from tinystories.files import fingerprint, write_json
from tinystories.params import Params
from tinystories.paths import Paths
from tinystories.text.fitted import fitted_ids

WORLD_SEED: Final = 1  # the simulated stories are those that `tinystories world --seed 1` prints
_BROUGHT: Final = ("features", "tags", "words", "summary")


def run(params: Params, paths: Paths, say: Say = QUIET) -> dict[str, Any]:
    """Read the source and write every story of it, copies included, to `paths.extracted`.

    With source.limit, the stories are a sample by hash, without copies: the same whatever the order of
    the files, and contained in the sample of any higher limit. No draw here depends on `seed`: models that
    differ by it alone are trained and measured on the same stories. Returns the metrics.
    What is repaired stands in `paths.repaired` too, as it was. Work in progress lies in .work: a run that was
    ended goes on there. Raises SourceError if nothing can be read, ValidationError where text is not UTF-8.
    """
    source = _open(params, paths)
    per_part: Counter[str] = Counter()
    fractions = params.partitions
    fitted = fitted_ids()
    work = paths.work / f"extract-{_inputs(params, paths, fitted)}"
    function = partial(
        to_records, validation=fractions.validation, test=fractions.test, fitted=fitted, repair=params.clean.repair
    )
    records = map_tables(function, raw_tables(_read(source, per_part)), keep=work)
    counts: Counter[str] = Counter()
    with table_writer(paths.repaired, REPAIRED) as add:
        records = _followed(records, counts, partial(_told, Pace(say), counts, source, params.source.limit))
        if params.source.limit is not None:
            records = _limited(records, params.source.limit)
        stories = write_tables(paths.extracted, EXTRACTED, _counted(records, counts, add))
        if not stories:
            paths.extracted.unlink()
            raise SourceError(
                f"source.kind {params.source.kind}: no stories in it; check source.path and source.dataset"
            )
    metrics = {
        "kind": params.source.kind,
        "commit": source.commit,
        "read": counts["read"],
        "stories": stories,
        "left_out_by_limit": counts["read"] - stories,
        "fitted_on_moved_to_train": counts["moved"],
        "repaired": {"stories": counts["repaired"], **{name: counts[f"repair {name}"] for name in REPAIRS}},
        "partitions": {partition: counts[partition] for partition in PARTITIONS},
        "with": {name: counts[f"with {name}"] for name in _BROUGHT},
        "files": [{"file": part.name, "layout": part.layout, "stories": per_part[part.name]} for part in source.parts],
        "without_stories": [{"file": name, "reason": reason} for name, reason in source.without_stories],
    }
    write_json(paths.extract_metrics, metrics)
    shutil.rmtree(work, ignore_errors=True)
    return metrics


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


def _read(source: Source, per_part: Counter[str]) -> Iterator[RawStory]:
    for part in source.parts:
        for story in part.read():
            per_part[part.name] += 1
            yield story


def _followed(records: Iterable[Any], counts: Counter[str], told: Callable[[], None]) -> Iterator[Any]:
    """Counts all that is read, whether a limit keeps it or not."""
    for table in records:
        counts["read"] += table.num_rows
        counts["moved"] += pc.sum(table["moved"]).as_py() or 0
        counts["repaired so far"] += table.num_rows - table["repairs"].null_count
        told()
        yield table


def _told(pace: Pace, counts: Counter[str], source: Source, limit: int | None) -> None:
    """How far it is, and what was left out so far; rows with something wrong are validate's to drop."""
    more = [f"{counts['repaired so far']:,} repaired"]
    if source.without_stories:
        more.append(f"{len(source.without_stories):,} files without stories")
    if limit is not None and counts["read"] > limit:
        more.append(f"{counts['read'] - limit:,} beyond source.limit")
    pace(counts["read"], ", ".join(more))


def _counted(records: Iterable[Any], counts: Counter[str], add: Callable[[Any], None]) -> Iterator[Any]:
    """Counts what is kept; adds what was repaired of it, as it was."""
    begin = 0
    for table in records:
        made = repairs_of(table, begin)
        add(made)
        begin += table.num_rows
        counts["repaired"] += made.num_rows
        counts.update(f"repair {name}" for names in made["repairs"].to_pylist() for name in names)
        for entry in pc.value_counts(table["partition"]).to_pylist():
            counts[entry["values"]] += entry["counts"]
        for name in _BROUGHT:
            counts[f"with {name}"] += table.num_rows - table[name].null_count
        yield table


def _limited(records: Iterable[Any], limit: int) -> Iterator[Any]:
    rows = _sample((row for table in records for row in table.to_pylist()), limit)
    yield pa.Table.from_pylist(rows, schema=RECORDS)


def _inputs(params: Params, paths: Paths, fitted: frozenset[str]) -> str:
    """What the work in progress depends on; files by size and time, since reading them is what takes long."""
    source = params.source
    given = paths.root / Path((source.path if source.kind == "files" else source.dataset) or "sample").expanduser()
    files = sorted(path for path in ([given] if given.is_file() else given.rglob("*")) if path.is_file())
    states = [f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
    settings = [section.model_dump_json() for section in (source, params.partitions, params.clean)]
    pins = [paths.hub_pins] if paths.hub_pins.is_file() else []
    return fingerprint(tinystories.__version__, *settings, *states, *sorted(fitted), *pins)


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
