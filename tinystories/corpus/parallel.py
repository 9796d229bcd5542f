"""A pure function over Arrow tables, run on all cores, in order, in bounded memory, and resumed where it was."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import chain, islice
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any, Final

from tinystories.files import atomic

Table = Any  # pyarrow.Table; pyarrow brings no types
Function = Callable[[Table], Table]

_INLINE: Final = 2  # tables that are done sooner than worker processes start
_AHEAD: Final = 3  # tables in hand for each worker

_function: Function | None = None


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_tables(
    function: Function, tables: Iterable[Table], keep: Path | None = None, workers: int | None = None
) -> Iterator[Table]:
    """`function(table)` of each table, in order: the same whatever the number of workers.

    Two tables or fewer are done in this process, and not kept. function has to be picklable, such as a partial
    of a module's function. keep: a folder for finished tables; what is there already is not computed again, so
    its name has to stand for all that the result depends on. The caller removes it.
    """
    waiting = iter(tables)
    first = list(islice(waiting, _INLINE + 1))
    workers = workers or cores()
    if len(first) <= _INLINE:
        yield from map(function, first)
        return
    if workers == 1:
        yield from (_kept(function, keep, number, table) for number, table in enumerate(chain(first, waiting)))
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), _begin, (function,)) as pool:
        futures: deque[Future[Table] | Path] = deque()
        try:
            for number, table in enumerate(chain(first, waiting)):
                done = _file(keep, number)
                if done is not None and done.is_file():
                    futures.append(done)
                else:
                    futures.append(pool.submit(_work, keep, number, table))
                if len(futures) >= workers * _AHEAD:
                    yield _result(futures.popleft())
            while futures:
                yield _result(futures.popleft())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _begin(function: Function) -> None:
    """A worker's state: one thread each, and the function, sent once. It ends with the process that began it, even
    one that was killed and could tell nobody."""
    global _function  # noqa: PLW0603
    import pyarrow as pa

    pa.set_cpu_count(1)
    _function = function
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _work(keep: Path | None, number: int, table: Table) -> Table | Path:
    assert _function is not None
    file = _file(keep, number)
    if file is None:
        return _function(table)
    _write(file, _function(table))
    return file


def _kept(function: Function, keep: Path | None, number: int, table: Table) -> Table:
    file = _file(keep, number)
    if file is None:
        return function(table)
    if not file.is_file():
        _write(file, function(table))
    return _read(file)


def _write(file: Path, table: Table) -> None:
    import pyarrow as pa

    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with (
        atomic(file) as temporary,
        pa.OSFile(str(temporary), "wb") as sink,
        pa.ipc.new_file(sink, table.schema, options=options) as writer,
    ):
        writer.write_table(table)


def _result(done: "Future[Table] | Path") -> Table:
    value = done if isinstance(done, Path) else done.result()
    return _read(value) if isinstance(value, Path) else value


def _read(file: Path) -> Table:
    import pyarrow as pa

    with pa.OSFile(str(file)) as source:
        return pa.ipc.open_file(source).read_all()


def _file(keep: Path | None, number: int) -> Path | None:
    return None if keep is None else keep / f"{number:06}.arrow"
