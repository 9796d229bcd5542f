"""Small inline SVG plots: colours and type come from the page's CSS, numbers from the caller.

All are 360 units wide, so that they read at a phone's width and beside a table on a desk.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH: Final = 360.0
_TICK: Final = 4.0


@dataclass(frozen=True)
class Line:
    """One curve; `kind` names the CSS class that colours it (accent or second)."""

    name: str
    points: Sequence[tuple[float, float]]
    kind: str
    dots: bool = False


@dataclass(frozen=True)
class Dot:
    """A value with its interval (None: not known); `kind` as in Line."""

    value: float
    low: float | None
    high: float | None
    kind: str


@dataclass(frozen=True)
class Row:
    label: str
    dots: Sequence[Dot]


@dataclass(frozen=True)
class Mark:
    """A vertical line at a value, with its name."""

    value: float
    name: str
    kind: str


def lines(title: str, series: Sequence[Line], x_name: str, y_name: str) -> str:
    """Curves over a linear x and a logarithmic y (values above 0), each named at its end."""
    height, left, right, top, bottom = 230.0, 36.0, 76.0, 26.0, 38.0
    drawn = [line for line in series if line.points]
    xs = [x for line in drawn for x, _ in line.points]
    ys = [y for line in drawn for _, y in line.points]
    x_ticks = ticks(0, max(xs), 4)
    y_ticks = log_ticks(min(ys), max(ys))
    x = _scale(0, max(xs), left, WIDTH - right)
    y = _scale(math.log(y_ticks[0]), math.log(y_ticks[-1]), height - bottom, top)
    parts = [_text(0, 12, y_name, "axis", "start")]
    for tick in y_ticks:
        parts += [_rule(left, y(math.log(tick)), WIDTH - right, y(math.log(tick)), "grid")]
        parts += [_text(left - 6, y(math.log(tick)) + 3.5, _short(tick), "tick", "end")]
    parts += _x_axis(x, x_ticks, height - bottom, WIDTH - right, name=x_name, write=_short)
    for line in drawn:
        path = "M" + "L".join(f"{_n(x(a))} {_n(y(math.log(b)))}" for a, b in line.points)
        parts.append(f'<path class="line {line.kind}" d="{path}"/>')
        if line.dots:
            parts += [_circle(x(a), y(math.log(b)), 2.2, line.kind) for a, b in line.points]
    ends = [(y(math.log(line.points[-1][1])) + 3.5, line) for line in drawn]
    for place, line in _apart(ends, 13.0):
        parts.append(_text(WIDTH - right + 6, place, line.name, f"name {line.kind}", "start"))
    return _svg(title, height, parts)


def dots(title: str, rows: Sequence[Row], x_name: str, limits: tuple[float, float], percent: bool = False) -> str:
    """One row a label, dots with their intervals as whiskers, over a linear x."""
    step, left, right, top, bottom = 30.0, 112.0, 22.0, 6.0, 38.0
    height = top + step * len(rows) + bottom
    x = _scale(*limits, left, WIDTH - right)
    write = _percent if percent else _short
    parts = []
    for tick in ticks(*limits, 4):
        parts.append(_rule(x(tick), top, x(tick), height - bottom, "grid"))
    parts += _x_axis(x, ticks(*limits, 4), height - bottom, WIDTH - right, name=x_name, write=write)
    for index, row in enumerate(rows):
        middle = top + step * (index + 0.5)
        parts.append(_text(left - 10, middle + 4, row.label, "label", "end"))
        for place, dot in enumerate(row.dots):
            here = middle + (place - (len(row.dots) - 1) / 2) * 9
            if dot.low is not None and dot.high is not None:
                parts.append(_rule(x(dot.low), here, x(dot.high), here, f"whisker {dot.kind}"))
            parts.append(_circle(x(dot.value), here, 3.6, dot.kind))
    return _svg(title, height, parts)


def bars(title: str, rows: Sequence[Row], x_name: str) -> str:
    """Horizontal bars from 0, one a label, with the first dot's value and interval."""
    step, left, right, top, bottom = 34.0, 96.0, 44.0, 6.0, 38.0
    height = top + step * len(rows) + bottom
    limit = max(max(row.dots[0].high or 0.0, row.dots[0].value) for row in rows)
    x = _scale(0, limit, left, WIDTH - right)
    parts = []
    for tick in ticks(0, limit, 4):
        parts.append(_rule(x(tick), top, x(tick), height - bottom, "grid"))
    parts += _x_axis(x, ticks(0, limit, 4), height - bottom, WIDTH - right, name=x_name, write=_short)
    for index, row in enumerate(rows):
        middle, dot = top + step * (index + 0.5), row.dots[0]
        parts.append(_text(left - 10, middle + 4, row.label, "label", "end"))
        parts.append(_box(x(0), middle - 9, x(dot.value) - x(0), 18, dot.kind))
        end = dot.value
        if dot.low is not None and dot.high is not None:
            parts.append(_rule(x(dot.low), middle, x(dot.high), middle, "whisker ink"))
            end = max(dot.value, dot.high)
        parts.append(_text(x(end) + 5, middle + 4, _short(dot.value), f"name {dot.kind}", "start"))
    return _svg(title, height, parts)


def histogram(title: str, values: Sequence[float], marks: Sequence[Mark], x_name: str, y_name: str) -> str:
    """How many values fall between round limits, with named vertical marks."""
    return columns(title, *binned(values), marks, x_name, y_name)


def columns(
    title: str, edges: Sequence[float], counts: Sequence[int], marks: Sequence[Mark], x_name: str, y_name: str
) -> str:
    """A column for each count, from edges[i] to edges[i + 1], with named vertical marks."""
    height, left, right, top, bottom = 230.0, 36.0, 12.0, 42.0, 38.0
    x = _scale(edges[0], edges[-1], left, WIDTH - right)
    most = ticks(0, max(counts), 3)
    y = _scale(0, max(counts), height - bottom, top)
    parts = [_text(0, 12, y_name, "axis", "start")]
    for tick in most:
        parts += [_rule(left, y(tick), WIDTH - right, y(tick), "grid")]
        parts += [_text(left - 6, y(tick) + 3.5, _short(tick), "tick", "end")]
    for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True):
        parts.append(_box(x(low) + 0.5, y(count), x(high) - x(low) - 1, y(0) - y(count), "accent"))
    parts += _x_axis(x, ticks(edges[0], edges[-1], 4), height - bottom, WIDTH - right, name=x_name, write=_short)
    for mark in marks:
        if edges[0] <= mark.value <= edges[-1]:
            near_end = x(mark.value) > WIDTH * 0.6
            parts.append(_rule(x(mark.value), top - 8, x(mark.value), height - bottom, f"mark {mark.kind}"))
            beside = x(mark.value) + (-4 if near_end else 4)
            parts.append(_text(beside, top - 4, mark.name, f"name {mark.kind}", "end" if near_end else "start"))
    return _svg(title, height, parts)


def binned(values: Sequence[float], bins: int = 24) -> tuple[list[float], list[int]]:
    """Edges at round numbers (n + 1) and counts (n) of about `bins` equal bins over `values`."""
    low, high = min(values), max(values)
    step = _round_step((high - low) / bins) if high > low else 1.0
    first, last = math.floor(low / step), math.floor(high / step) + 1
    counts = [0] * (last - first)
    for value in values:
        counts[math.floor(value / step) - first] += 1
    return [index * step for index in range(first, last + 1)], counts


def ticks(low: float, high: float, count: int) -> list[float]:
    """About `count` round numbers from `low` to `high`, both included where they are round."""
    if high <= low:
        return [low]
    step = _round_step((high - low) / count)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers for a logarithmic axis; the first is not above `low`, the last not below `high`."""
    for steps in ((1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8), (1, 1.5, 2, 3, 4, 6, 8), (1, 2, 5), (1,)):
        first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
        numbers = [digit * 10.0**power for power in range(first, last + 1) for digit in steps]
        start = max(index for index, number in enumerate(numbers) if number <= low * (1 + 1e-9))
        stop = min((index for index, number in enumerate(numbers) if number >= high * (1 - 1e-9)), default=start)
        if stop - start <= 6 or steps == (1,):
            return numbers[start : max(stop, start + 1) + 1]
    raise AssertionError("the coarsest steps always return")


def _round_step(step: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is not below `step`."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(digit * power for digit in (1, 2, 2.5, 5, 10) if digit * power >= step * (1 - 1e-9))


def _scale(low: float, high: float, start: float, stop: float) -> Callable[[float], float]:
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (stop - start)


def _apart(ends: list[tuple[float, Line]], gap: float) -> list[tuple[float, Line]]:
    """Names pushed down until none covers another."""
    placed: list[tuple[float, Line]] = []
    for place, line in sorted(ends, key=lambda end: end[0]):
        placed.append((max(place, placed[-1][0] + gap) if placed else place, line))
    return placed


def _x_axis(
    x: Callable[[float], float], at: Sequence[float], y: float, end: float, *, name: str, write: Callable[[float], str]
) -> list[str]:
    parts = [_rule(x(at[0]), y, end, y, "base")]
    for tick in at:
        parts += [_rule(x(tick), y, x(tick), y + _TICK, "base"), _text(x(tick), y + 16, write(tick), "tick", "middle")]
    return [*parts, _text(end, y + 32, name, "axis", "end")]


def _svg(title: str, height: float, parts: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {_n(WIDTH)} {_n(height)}" role="img" aria-label="{escape(title)}">{"".join(parts)}</svg>'


def _text(x: float, y: float, text: str, kind: str, anchor: str) -> str:
    return f'<text x="{_n(x)}" y="{_n(y)}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'


def _rule(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}" class="{kind}"/>'


def _circle(x: float, y: float, radius: float, kind: str) -> str:
    return f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" class="dot {kind}"/>'


def _box(x: float, y: float, width: float, height: float, kind: str) -> str:
    return f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" class="bar {kind}"/>'


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _short(value: float) -> str:
    if abs(value) >= 1e6:
        return f"{value / 1e6:.3g}M"
    if abs(value) >= 1e4:
        return f"{value / 1e3:.3g}k"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"
