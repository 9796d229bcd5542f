"""The corpus's transformations, unchanged, under Ray Data with two workers: are the records equal?

    pip install -c constraints.txt '.[ray]'
    python -m benchmarks.corpus.ray_data tinystories/corpus/sample

Each stage from text to tokens is a pure function over Arrow tables. The pipeline runs it on one machine's cores
(tinystories/corpus/parallel.py); for a corpus that outgrows a machine, the same function goes to an engine that knows
several. This is that, on one machine: a line for each function, and exit 1 if any record differs. All the stories and
what is made of them are in memory, twice, to be compared: a few thousand stories show it.
"""

import argparse
import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from tinystories.corpus.near import Bands, signatures
from tinystories.corpus.parallel import map_tables
from tinystories.corpus.record import EXTRACTED, SPLIT
from tinystories.corpus.records import raw_tables, to_records
from tinystories.corpus.rows import measure
from tinystories.corpus.sources import read_stories
from tinystories.params import load_params
from tinystories.requests.controls import CONTROL_TOKENS
from tinystories.stages.split import cut_and_tagged
from tinystories.stages.tokenize import tokenized
from tinystories.text.fitted import fitted_ids
from tinystories.text.tags import TAGS
from tinystories.text.tokenizer import StoryTokenizer

ROOT: Final = Path(__file__).resolve().parents[2]
WORKERS: Final = 2
_OBJECT_STORE: Final = 1 << 28  # bytes; what is more, Ray puts on the disk

Function = Callable[[Any], Any]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stories", type=Path, help="a file or folder in any layout that extract reads")
    parser.add_argument("--limit", type=int, default=5000, help="stories at most, the first ones (default %(default)s)")
    parser.add_argument("--rows", type=int, default=500, help="rows of a table (default %(default)s)")
    given = parser.parse_args(arguments)
    if find_spec("ray") is None:
        parser.error("Ray Data is not installed: pip install -c constraints.txt '.[ray]'")
    raw = pa.concat_tables(raw_tables(islice(read_stories(given.stories), given.limit)))
    with tempfile.TemporaryDirectory(prefix="ray-") as folder, engine(Path(folder)):
        equal = list(compared(raw, given.rows, Path(folder)))  # all of them are told, whatever the first one says
    return 0 if all(equal) else 1


def compared(raw: Any, rows: int, folder: Path) -> Iterator[bool]:
    """Of each function, as its stage calls it: whether both engines give equal tables. A line is printed for each."""
    params = load_params(ROOT)
    shares, near = params.partitions, Bands.of(params.clean.near_duplicates)
    clean = partial(
        to_records, validation=shares.validation, test=shares.test, fitted=fitted_ids(), repair=params.clean.repair
    )
    records = here(clean, raw, rows)
    yield told("extract: to_records", records, under_ray(clean, raw, rows))
    extracted = records.select(EXTRACTED.names)
    others: dict[str, Function] = {
        "validate: measure": partial(measure, known_tags=TAGS, english=params.clean.language == "en"),
        "validate: signatures": partial(signatures, bands=near, ngram=params.clean.ngram, sample=1),
        "split: cut_and_tagged": cut_and_tagged,
    }
    for name, function in others.items():
        made = here(function, extracted, rows)
        yield told(name, made, under_ray(function, extracted, rows))
    split = made.select(SPLIT.names)
    StoryTokenizer.train(split["text"].to_pylist(), "bpe", 4096, CONTROL_TOKENS).save(folder / "tokenizer.json")
    margin = params.tokenize.tag_margin
    tokens = partial(tokenized, tokenizer=folder / "tokenizer.json", common=frozenset(), tag_margin=margin)
    yield told("tokenize: tokenized", here(tokens, split, rows), under_ray(tokens, split, rows))


def here(function: Function, table: Any, rows: int) -> Any:
    """By the pipeline's own engine."""
    return pa.concat_tables(map_tables(function, slices(table, rows), workers=WORKERS))


def under_ray(function: Function, table: Any, rows: int) -> Any:
    """By Ray Data, in the order of the rows."""
    import ray

    blocks = ray.data.from_arrow(list(slices(table, rows)))
    done = blocks.map_batches(
        function, batch_format="pyarrow", batch_size=None, compute=ray.data.TaskPoolStrategy(size=WORKERS)
    )
    return pa.concat_tables(ray.get(done.to_arrow_refs()))


def slices(table: Any, rows: int) -> Iterator[Any]:
    return (table.slice(begin, rows) for begin in range(0, table.num_rows, rows))


def told(name: str, own: Any, other: Any) -> bool:
    equal = own.schema.equals(other.schema) and own.combine_chunks().equals(other.combine_chunks())
    print(f"{name:<24} {own.num_rows:>8,} rows  {'equal' if equal else 'DIFFERENT'}", flush=True)
    return bool(equal)


@contextmanager
def engine(folder: Path) -> Iterator[None]:
    """Ray on this machine alone, quiet, telling nobody; ended at the end, and its files with `folder`."""
    os.environ |= {
        "RAY_USAGE_STATS_ENABLED": "0", "RAY_DATA_LOG_LEVEL": "ERROR",
        # whoever reaches its ports may run anything: loopback alone, which this says on Linux too, and a password
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32),
    }  # fmt: skip
    import ray

    try:
        ray.init(
            num_cpus=WORKERS, include_dashboard=False, logging_level="ERROR", log_to_driver=False,
            _temp_dir=str(folder), object_store_memory=_OBJECT_STORE,
        )  # fmt: skip
        context = ray.data.DataContext.get_current()
        context.execution_options.preserve_order = True
        context.enable_progress_bars = False
        yield
    finally:
        ray.shutdown()


if __name__ == "__main__":
    sys.exit(main())
