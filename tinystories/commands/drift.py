"""`tinystories drift`: how far the corpus is from the one that was accepted last."""

import json

from tinystories.commands.generate import Outcome
from tinystories.corpus.drift import WARNING, Shift, accept, drift
from tinystories.paths import Paths


def drift_command(accepting: bool, paths: Paths, as_json: bool) -> Outcome:
    """Each measure's index; exit 1 where one is above WARNING. With `accepting`, the present corpus is the one that
    later ones are compared with."""
    if accepting:
        stories = accept(paths.profile, paths.accepted)
        name = paths.accepted.relative_to(paths.root)
        return Outcome("", f"{stories:,} stories accepted: {name}, a file for git", 0)
    found = drift(paths.profile, paths.accepted)
    moved = [one.measure for one in found if one.moved]
    return Outcome(_json(found) if as_json else _table(found), _verdict(moved), 1 if moved else 0)


def _verdict(moved: list[str]) -> str:
    if not moved:
        return f"no measure above {WARNING}: the corpus is as the accepted one"
    return f"above {WARNING}: {', '.join(moved)}; if that is meant, type tinystories drift --accept"


def _table(found: list[Shift]) -> str:
    lines = [_line("measure", "accepted", "now", "PSI", "by chance")]
    for one in found:
        values = ("-" if value is None else f"{value:.3f}" for value in (one.then, one.now, one.psi, one.by_chance))
        lines.append(_line(one.measure, *values))
    return "".join(f"{line}\n" for line in lines)


def _line(name: str, *cells: str) -> str:
    return f"{name:<16} " + " ".join(f"{cell:>10}" for cell in cells)


def _json(found: list[Shift]) -> str:
    return json.dumps({one.measure: {"psi": one.psi, "by_chance": one.by_chance, "then": one.then, "now": one.now}
                       for one in found}) + "\n"  # fmt: skip
