"""How far a corpus has moved from the one that was accepted last: the population stability index of each measure.

PSI = sum over the bins of (p - q) ln(p / q), p and q being the shares of now and then (Siddiqi, Credit Risk
Scorecards, 2006). The rule of thumb: below 0.1 little has changed, above 0.25 much has (Siddiqi; quoted and examined by
Yurdakul and Naranjo, Statistical properties of the population stability index, 2020); the warning comes before that, at
0.2. Between two samples of one population PSI is about (1/n + 1/m) times a chi square with as many degrees of freedom
as there are bins but one (the same paper): what it may be by chance alone stands beside it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tinystories.errors import ValidationError
from tinystories.files import read_json, write_json

WARNING: Final = 0.2  # a measure that moved further is warned of
BINS: Final = 10  # that a number is cut into at most, each with a tenth of the accepted stories or more

_NORMAL_95: Final = 1.6449  # the standard normal's quantile at 0.95


@dataclass(frozen=True)
class Shift:
    """How far one measure has moved.

    by_chance: PSI that 19 of 20 samples of the accepted population stay below. then, now: means of a number,
    shares of yes, None of what has neither.
    """

    measure: str
    psi: float
    by_chance: float
    then: float | None
    now: float | None

    @property
    def moved(self) -> bool:
        return self.psi > WARNING

    @property
    def certain(self) -> bool:
        """Whether chance alone would hardly do it."""
        return self.psi > self.by_chance


def accept(profile: Path, accepted: Path) -> int:
    """Keep the measures of the present corpus as those to compare with; how many stories they are of.

    Raises ValidationError without a profile.
    """
    present = _read(profile, "run `tinystories split` first")
    write_json(accepted, {"stories": present["stories"], "measures": present["measures"]})
    return int(present["stories"])


def drift(profile: Path, accepted: Path) -> list[Shift]:
    """The shift of each measure that both have, in the order of their names. Raises ValidationError for files that
    are missing or are no profile."""
    present = _read(profile, "run `tinystories split` first")
    before = _read(accepted, "accept the present corpus: tinystories drift --accept")
    return shifts(before, present)


def shifts(before: Mapping[str, Any], present: Mapping[str, Any]) -> list[Shift]:
    """`drift` of what the two files hold."""
    then, now = before["measures"], present["measures"]
    found = []
    for name in sorted(set(then) & set(now)):
        old, new = then[name]["counts"], now[name]["counts"]
        if not sum(old) or not sum(new) or then[name].get("step") != now[name].get("step"):
            continue
        one, other = binned(old, new)
        chance = (1 / sum(old) + 1 / sum(new)) * _chi_square_95(len(one) - 1)
        found.append(Shift(name, psi(one, other), chance, _value(then[name]), _value(now[name])))
    return found


def psi(then: Sequence[float], now: Sequence[float]) -> float:
    """Of the stories in each bin, then and now; a bin without any counts as half a story."""
    before, after = sum(then), sum(now)
    shares = [(max(old, 0.5) / before, max(new, 0.5) / after) for old, new in zip(then, now, strict=True) if old or new]
    return sum((new - old) * math.log(new / old) for old, new in shares)


def binned(then: Sequence[int], now: Sequence[int]) -> tuple[list[int], list[int]]:
    """Neighbouring cells put together until each bin has a tenth of `then`; few cells stay as they are."""
    length = max(len(then), len(now))
    old, new = ([*counts, *[0] * (length - len(counts))] for counts in (then, now))
    if length <= BINS:
        return old, new
    bins: list[list[int]] = [[0, 0]]
    for before, after in zip(old, new, strict=True):
        if bins[-1][0] * BINS >= sum(then):
            bins.append([0, 0])
        bins[-1][0] += before
        bins[-1][1] += after
    if len(bins) > 1 and bins[-1][0] * BINS < sum(then):
        last = bins.pop()
        bins[-1] = [bins[-1][0] + last[0], bins[-1][1] + last[1]]
    return [before for before, _ in bins], [after for _, after in bins]


def _value(measure: Mapping[str, Any]) -> float | None:
    counts, step = measure["counts"], measure.get("step")
    if step is None:
        return counts[1] / sum(counts) if len(counts) == 2 else None
    middle = step / 2 if step != 1 else 0.0  # a cell of width 1 holds one number, others a range
    return float(sum(count * (cell * step + middle) for cell, count in enumerate(counts)) / sum(counts))


def _chi_square_95(freedom: int) -> float:
    """The 0.95 quantile, by Wilson and Hilferty (1931): within one in a hundred from two degrees on."""
    if freedom < 1:
        return 0.0
    part = 2 / (9 * freedom)
    return float(freedom * (1 - part + _NORMAL_95 * math.sqrt(part)) ** 3)


def _read(path: Path, remedy: str) -> Mapping[str, Any]:
    try:
        value: Mapping[str, Any] = read_json(path)
        for measure in value["measures"].values():
            sum(measure["counts"])
    except FileNotFoundError:
        raise ValidationError(f"no {path}: {remedy}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValidationError(f"{path}: no measures of a corpus ({type(error).__name__}: {error}); {remedy}") from None
    return value
