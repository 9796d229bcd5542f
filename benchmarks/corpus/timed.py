"""A stage as `tinystories STAGE` runs it, in the folder this is started in, and where its seconds went.

    python -m benchmarks.corpus.timed STAGE OUT.json --set key=value

For benchmarks.corpus.measure: OUT.json gets the seconds of the parts in PARTS, and the CPU seconds of the stage's own
process and of its workers.
"""

import argparse
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tinystories.commands.pipeline import run_stage
from tinystories.files import write_json
from tinystories.params import load_params
from tinystories.paths import Paths
from tinystories.stages import tokenize, validate

# stage -> name of the part, and the function that is the part
PARTS: Final[dict[str, tuple[str, Any, str]]] = {
    "validate": ("near", validate, "_near"),
    "tokenize": ("learning", tokenize, "_tokenizer"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage")
    parser.add_argument("out", type=Path)
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    given = parser.parse_args()
    seconds: dict[str, float] = {}
    if given.stage in PARTS:
        name, module, function = PARTS[given.stage]
        setattr(module, function, timed(getattr(module, function), name, seconds))
    params, project = load_params(Path.cwd(), given.overrides), Paths(Path.cwd())
    run_stage(given.stage, params, project, lambda line: print(line, file=sys.stderr))
    own, workers = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cpu = {"own": own.ru_utime + own.ru_stime, "workers": workers.ru_utime + workers.ru_stime}
    write_json(given.out, {"parts": seconds, "cpu": cpu})


def timed(function: Callable[..., Any], name: str, seconds: dict[str, float]) -> Callable[..., Any]:
    def called(*arguments: Any, **keywords: Any) -> Any:
        began = time.monotonic()
        try:
            return function(*arguments, **keywords)
        finally:
            seconds[name] = time.monotonic() - began

    return called


if __name__ == "__main__":
    main()
