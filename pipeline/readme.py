"""What the README says of this project's files and models, as `make readme` (cog) puts it there.

Figures come from reports/metrics and docs/results.md, both in git. What a command prints comes from the model that
`make repro` trains: it is asked anew only where models/current is the one that dvc.lock names, since another kind of
CPU trains another one in the last digits; elsewhere the README keeps what it has.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 108  # characters of a line; what is longer is wrapped


def told(command: str, before: str, root: Path = ROOT) -> str:
    """A command as one types it and what it prints; `before` is what the README has, kept without that model."""
    if not has_locked_model(root):
        print("README: kept, models/current is not the model of dvc.lock (make repro)", file=sys.stderr)
        return before
    program, _, rest = command.partition(" ")
    assert program == "tinystories"
    done = subprocess.run(
        f"{sys.executable} -m tinystories {rest}", shell=True, cwd=root, capture_output=True, text=True, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},  # sums in another order differ in their last digits
    )  # fmt: skip
    if done.returncode not in (0, 1):
        raise SystemExit(f"{command}\n{done.stderr}")
    lines = [textwrap.fill(line, WIDTH, break_on_hyphens=False) for line in done.stdout.strip().splitlines()]
    return f"```sh\n{command}\n```\n\n```text\n" + "\n".join(lines) + "\n```\n"


def has_locked_model(root: Path) -> bool:
    """Whether models/current is, byte for byte, what dvc.lock says that train made."""
    outs = yaml.safe_load((root / "dvc.lock").read_text(encoding="utf-8"))["stages"]["train"]["outs"]
    [locked] = [out["md5"] for out in outs if out["path"] == "models/current"]
    folder = root / "models/current"
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listed = [
        {"md5": hashlib.md5(path.read_bytes()).hexdigest(), "relpath": path.relative_to(folder).as_posix()}
        for path in files
    ]
    return f"{hashlib.md5(json.dumps(listed, sort_keys=True).encode()).hexdigest()}.dir" == str(locked)


def results() -> str:
    """The table of results: the model of `make repro` from its metrics, the one of docs/results.md from there."""
    here = json.loads((ROOT / "reports/metrics/evaluate.json").read_text(encoding="utf-8"))
    there = _Rows((ROOT / "docs/results.md").read_text(encoding="utf-8"))
    stories, grams = here["likelihood"], here["baselines"]["kneser_ney_5"]
    infilling, memory, choosing = here["infilling"], here["memorisation"], here["choosing"]
    nats, bits = there["Kneser-Ney 5-gram: nats per story, bits per byte"].split(", ")
    gain = there["middle given the first and the last sentence"].partition("gain ")[2]
    told_runs, real_runs = there["runs of 8 words found in training"].split(", ")
    rows: list[Sequence[str]] = [
        ("nats per story", figure(stories, "nats_per_story", 1), there["nats per story, 1,000 test stories"]),
        ("the same, Kneser-Ney 5-gram", figure(grams, "nats_per_story", 1), nats),
        ("bits per byte", f"{stories['bits_per_byte']:.3f}", there["bits per byte, plain form"]),
        ("the same, Kneser-Ney 5-gram", f"{grams['bits_per_byte']:.3f}", bits),
        ("the right ending of four", share(choosing["ending_of_four"]), there["the right ending of four"]),
        ("the right middle of five", share(choosing["middle_of_five"]), there["the right middle of five"]),
        ("nats that the last sentence saves the middle", figure(infilling, "gain", 2), gain),
        ("runs of 8 words copied from training", share(memory, "share_8grams_in_train"), told_runs.split(" gen")[0]),
        ("the same in real unseen stories", share(memory, "real_share_8grams_in_train"), real_runs.split(" real")[0]),
    ]
    size = here["model"]["parameters"] / 1e6
    head = ("", f"`make repro`: {size:.1f} million parameters, 2 minutes", "real stories: 3.4 million, 30 minutes")
    table = [head, ("---", "---", "---"), *rows]
    return "".join(f"| {' | '.join(_plain(cell) for cell in row)} |\n" for row in table)


class _Rows:
    """Second cells of a page's tables, by the first; of equal first cells the first row."""

    def __init__(self, markdown: str) -> None:
        self.cells: dict[str, str] = {}
        for line in markdown.splitlines():
            if line.startswith("| "):
                name, second = (cell.strip() for cell in line.split("|")[1:3])
                self.cells.setdefault(name, second)

    def __getitem__(self, name: str) -> str:
        if name not in self.cells:
            raise SystemExit(f"docs/results.md has no row {name!r} any more: say in pipeline/readme.py what it is now")
        return self.cells[name]


def _plain(cell: str) -> str:
    """Without emphasis, and intervals said in one way."""
    return re.sub(r"\((?:95 %: )?(\S+?)(?:–| to )(\S+)\)", r"(\1 to \2)", cell.replace("**", ""))


def figure(values: Mapping[str, Any], name: str, digits: int) -> str:
    low, high = sorted(values[f"{name}_{end}"] for end in ("low", "high"))
    return f"{values[name]:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})".replace("-", "−")


def percent(value: float, digits: int = 1) -> str:
    return f"{100 * value:.{digits}f} %"


def share(values: Mapping[str, Any], name: str = "share", digits: int = 1) -> str:
    """With its interval, where it has one: a judge that is wrong too often says nothing."""
    if values[name] is None or values[f"{name}_low"] is None:
        return "–" if values[name] is None else percent(values[name], digits)
    low, high = (100 * values[f"{name}_{end}"] for end in ("low", "high"))
    return f"{percent(values[name], digits)} ({low:.{digits}f} to {high:.{digits}f})"
