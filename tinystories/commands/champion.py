"""`tinystories runs champion`: the alias in MLflow moves to a better model, and only to a better one."""

import json
import math
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from tinystories.commands.contenders import gather
from tinystories.commands.generate import Outcome
from tinystories.commands.pipeline import store_root
from tinystories.errors import TinyStoriesError
from tinystories.evaluation.champion import Decision, decide
from tinystories.evaluation.compare import compare
from tinystories.files import read_json
from tinystories.paths import Paths


def champion_command(name: str | None, paths: Paths, as_json: bool, say: Callable[[str], None]) -> Outcome:
    """Let the run `name` (default: of the current model) take the champion's place, if it is better.

    Exit code 1 where it is not. Raises TinyStoriesError for a run that is not there or not evaluated.
    """
    from tinystories.tracking.registry import champion, crown, keep
    from tinystories.tracking.store import find_run

    root = store_root(paths.root)
    challenger = find_run(root, name or _current(paths))
    if challenger is None:
        raise TinyStoriesError(f"{name or 'the current model'}: no such run in MLflow; type tinystories runs sync")
    holder = champion(root)
    with ExitStack() as stack:
        names = [f"runs:/{run.id}" for run in (holder, challenger) if run is not None]
        contenders, notes = gather(names, paths, say, stack)
    if holder is None:
        nats = _mean([score.nats for score in contenders[0].evidence.scores.values()])
        stories = len(contenders[0].evidence.scores)
        decision = Decision(True, f"the first: nats per story {nats:.3f} on {stories} test stories")
    else:
        decision = decide(compare(contenders, notes))
    number = crown(root, challenger, decision.reason) if decision.moved else None
    if not decision.moved and (holder is None or holder.id != challenger.id):
        keep(root, challenger, decision.reason)
    for line in notes:
        say(line)
    told: dict[str, Any] = {
        "run": challenger.name, "moved": decision.moved, "version": number, "reason": decision.reason,
        "champion": challenger.name if decision.moved or holder is None else holder.name,
    }  # fmt: skip
    text = json.dumps(told, ensure_ascii=False) if as_json else _line(told)
    return Outcome(text + "\n", "", 0 if decision.moved else 1)


def _line(told: dict[str, Any]) -> str:
    if told["moved"]:
        return f"{told['run']} is the champion, version {told['version']}: {told['reason']}"
    return f"the champion stays {told['champion']}; {told['run']}: {told['reason']}"


def _current(paths: Paths) -> str:
    stamp = paths.model / "fingerprint.json"
    if not stamp.is_file():
        raise TinyStoriesError("no model in models/current: type make repro, or name a run")
    return str(read_json(stamp)["fingerprint"])


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan
