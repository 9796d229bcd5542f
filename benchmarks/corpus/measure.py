"""The stages from text to tokens on recombined stories: stories and MB a second, peak memory of all processes.

    python benchmarks/corpus/measure.py ../shared/data/stories WORK --sizes 30000 300000

WORK, outside the repository, gets the stories and a project for each size; a line of the table is printed a stage.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
STAGES = ("extract", "validate", "split", "tokenize")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stories_folder", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[30_000, 300_000])
    parser.add_argument("--stages", nargs="+", default=STAGES)
    arguments = parser.parse_args()
    print("| stage | stories | seconds | stories/s | MB/s | peak MiB |\n|---|---|---|---|---|---|")
    for size in arguments.sizes:
        text = arguments.work.resolve() / f"{size}.txt"
        if not text.is_file():
            text.parent.mkdir(parents=True, exist_ok=True)
            make = [
                ROOT / "benchmarks/corpus/make.py",
                arguments.stories_folder.resolve(),
                text,
                "--stories",
                str(size),
            ]
            seconds, peak = run([str(part) for part in make], ROOT)
            line("make", size, seconds, text.stat().st_size, peak)
        project = arguments.work.resolve() / f"project-{size}"
        if not project.is_dir():
            shutil.copytree(ROOT / "pipeline", project / "pipeline")
            shutil.copy(ROOT / "params.yaml", project)
            shutil.copytree(ROOT / "tinystories/evaluation", project / "tinystories/evaluation")
        for stage in arguments.stages:
            settings = ["--set", "source.kind=files", "--set", f"source.path={text}"]
            seconds, peak = run(["-m", "tinystories", stage, *settings], project)
            line(stage, size, seconds, text.stat().st_size, peak)
        metrics = json.loads((project / "reports/metrics/validate.json").read_text())
        kept = {name: metrics[name] for name in ("kept", "duplicates", "near_duplicates", "near_held_out", "reasons")}
        print(f"\n{size:,}: {json.dumps(kept)}\n", file=sys.stderr)


def run(arguments: list[str], folder: Path) -> tuple[float, float]:
    """Seconds, and the largest sum of resident memory of the process and its children, in MiB."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    began = time.monotonic()
    child = subprocess.Popen([sys.executable, *arguments], cwd=folder, env=environment)
    peak = [0.0]
    watcher = threading.Thread(target=watch, args=(child.pid, peak))
    watcher.start()
    if child.wait() != 0:
        raise SystemExit(child.returncode)
    watcher.join()
    return time.monotonic() - began, peak[0]


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
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def line(stage: str, stories: int, seconds: float, size: int, peak: float) -> None:
    rates = f"{stories / seconds:,.0f} | {size / seconds / 1e6:.1f}"
    print(f"| {stage} | {stories:,} | {seconds:.1f} | {rates} | {peak:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
