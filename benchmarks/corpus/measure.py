"""The stages from text to tokens on recombined stories: the table of benchmarks/corpus/README.md.

    python -m benchmarks.corpus.measure ../shared/data/stories WORK --sizes 30000 300000 2700000

WORK, outside the repository, gets the stories and a project for each size: 10 GB for 2.7 million. What was measured
there is not measured again, and a run that was ended goes on with the stage that it was in; remove WORK to measure
anew. Times are this machine's: run it alone.
"""

import argparse
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

from benchmarks.pages import fill, machine
from benchmarks.presets.compare import prepare
from tinystories.files import read_json, write_json

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = Path(__file__).parent / "README.md"
STAGES: Final = ("extract", "validate", "split", "tokenize")
SIZES: Final = (30_000, 300_000, 2_700_000)
_MEBI: Final = 1 << 20

AIMS: Final = {
    "made (`make.py`)": "5 minutes",
    "extract with cleaning": "40 MB/s",
    "validation with exact duplicates, near-duplicates apart": "60 s",
    "near-duplicates, clustering included": "20,000 stories/s",
    "sentences and tags": "25,000 stories/s",
    "learning the tokens (BPE 4,096, on 100,000 stories at most)": "–",
    "tokenise": "30 MB/s",
    "all, text to tokens": "10 minutes",
    "peak resident memory": "4 GiB",
    "memory that a story adds": "600 bytes",
}

Row = Mapping[str, Any]  # of a size: bytes, make, and of each stage seconds, peak (MiB), parts and cpu


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stories", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument(
        "--page", type=Path, default=PAGE, help="where the table goes (default: the README beside this)"
    )
    given = parser.parse_args(arguments)
    given.work.mkdir(parents=True, exist_ok=True)
    rows = {size: measured(size, given.stories.resolve(), given.work.resolve()) for size in sorted(given.sizes)}
    fill(given.page, {"measured": page(rows)})


def measured(size: int, stories: Path, work: Path) -> dict[str, Any]:
    text, project = work / f"{size}.txt", work / f"project-{size}"
    kept = project / "measured.json"
    row: dict[str, Any] = read_json(kept) if kept.is_file() else {}
    if not row:
        prepare(project)
        make = ["-m", "benchmarks.corpus.make", str(stories), str(text), "--stories", str(size)]
        row["make"] = run(make, ROOT)
        row["bytes"] = text.stat().st_size
        write_json(kept, row)
    for stage in STAGES:
        if stage not in row:
            shutil.rmtree(project / ".work", ignore_errors=True)  # of a stage that was ended: it would seem too fast
            out = project / f"{stage}.json"
            settings = ["--set", "source.kind=files", "--set", f"source.path={text}"]
            took = run(["-m", "benchmarks.corpus.timed", stage, str(out), *settings], project)
            row[stage] = took | read_json(out)
            row[f"{stage} metrics"] = counted(read_json(project / f"reports/metrics/{stage}.json"))
            write_json(kept, row)
        print(f"{size:,} {stage}: {row[stage]['seconds']:.0f} s, {row[stage]['peak']:,.0f} MiB", file=sys.stderr)
    return row


def counted(metrics: Row) -> dict[str, Any]:
    """The numbers and the small tables of a stage's metrics."""
    names = ("stories", "kept", "duplicates", "near_duplicates", "near_held_out", "near_pairs", "reasons", "fitted_on")
    return {name: metrics[name] for name in names if name in metrics}


def run(arguments: list[str], folder: Path) -> dict[str, float]:
    """Seconds, and the largest sum of resident memory of the process and its children, in MiB."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    began = time.monotonic()
    child = subprocess.Popen([sys.executable, *arguments], cwd=folder, env=environment)
    peak = [0.0]
    watcher = threading.Thread(target=watch, args=(child.pid, peak))
    watcher.start()
    if child.wait() != 0:
        raise SystemExit(child.returncode)
    seconds = time.monotonic() - began
    watcher.join()
    return {"seconds": seconds, "peak": peak[0]}


def watch(pid: int, peak: list[float]) -> None:
    while Path(f"/proc/{pid}/status").exists():
        peak[0] = max(peak[0], sum(resident(one) for one in tree(pid)))
        time.sleep(0.2)


def tree(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = []
    return [pid, *(one for child in children for one in tree(int(child)))]


def resident(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / _MEBI


def page(rows: Mapping[int, Row]) -> str:
    """The issue's table, and what bounds each stage."""
    sizes = sorted(rows)
    columns = [cells(size, rows, smaller) for size, smaller in zip(sizes, [None, *sizes], strict=False)]
    largest = rows[sizes[-1]]
    found = largest["validate metrics"]
    return "\n".join([
        f"{machine()}, {date.today():%Y-%m-%d}; one run each.",
        "",
        f"| stage | aim | {' | '.join(f'{size:,} stories' for size in sizes)} |",
        "|---|---|" + "---|" * len(sizes),
        *(f"| {name} | {aim} | {' | '.join(own[name] for own in columns)} |" for name, aim in AIMS.items()),
        "",
        f"What bounds each stage, in seconds of CPU time at {sizes[-1]:,} stories: none is faster than its own "
        "process, nor than all its processes together on these cores.",
        "",
        "| stage | seconds | CPU: its own process | CPU: its workers |",
        "|---|---|---|---|",
        *(f"| {name} | {seconds:.0f} | {own:.0f} | {workers:.0f} |" for name, seconds, own, workers in spent(largest)),
        "",
        f"Of {found['stories']:,} stories {found['kept']:,} were kept: {found['duplicates']:,} were copies, "
        f"{found['near_duplicates']:,} near-duplicates, {found['near_held_out']:,} near a held-out story "
        f"({found['near_pairs']:,} near pairs in all), {sum(found['reasons'].values()):,} bad.",
    ])  # fmt: skip


def spent(row: Row) -> list[tuple[str, float, float, float]]:
    return [(name, row[name]["seconds"], row[name]["cpu"]["own"], row[name]["cpu"]["workers"]) for name in STAGES]


def cells(size: int, rows: Mapping[int, Row], smaller: int | None) -> dict[str, str]:
    """A column of the table, by the names of AIMS; memory that a story adds is told from the next smaller size on."""
    row = rows[size]
    megabytes, seconds = row["bytes"] / 1e6, {stage: row[stage]["seconds"] for stage in STAGES}
    near, learning = row["validate"]["parts"]["near"], row["tokenize"]["parts"]["learning"]
    kept, encoding = row["validate metrics"]["kept"], seconds["tokenize"] - learning
    peaks = {stage: row[stage]["peak"] for stage in STAGES}
    highest = max(STAGES, key=lambda stage: peaks[stage])
    adds = "–"
    if smaller is not None:
        most = max(peaks[stage] - rows[smaller][stage]["peak"] for stage in STAGES)
        adds = f"{most * _MEBI / (size - smaller):,.0f} bytes"
    values = (
        f"{row['make']['seconds']:.0f} s, {megabytes / 1e3:.2f} GB",
        f"{megabytes / seconds['extract']:.1f} MB/s ({seconds['extract']:.0f} s)",
        f"{seconds['validate'] - near:.0f} s",
        f"{size / near:,.0f} stories/s ({near:.0f} s)",
        f"{kept / seconds['split']:,.0f} stories/s ({seconds['split']:.0f} s)",
        f"{learning:.0f} s",
        f"{megabytes * kept / size / encoding:.1f} MB/s ({encoding:.0f} s)",
        f"{sum(seconds.values()) / 60:.1f} minutes",
        f"{peaks[highest] / 1024:.2f} GiB ({highest})",
        adds,
    )
    return dict(zip(AIMS, values, strict=True))


if __name__ == "__main__":
    main()
