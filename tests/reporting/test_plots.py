"""The SVG plots: the right numbers at the right places."""

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinystories.reporting.plots import (
    WIDTH,
    Dot,
    Line,
    Mark,
    Row,
    bars,
    binned,
    dots,
    histogram,
    lines,
    log_ticks,
    ticks,
)

FINITE = st.floats(-1e6, 1e6)


def elements(svg: str, tag: str, kind: str) -> list[ET.Element]:
    found = ET.fromstring(svg).iter(tag)
    return [element for element in found if kind in (element.get("class") or "").split()]


@given(st.lists(FINITE, min_size=1, max_size=200))
def test_every_value_is_counted_in_the_bin_that_holds_it(values: list[float]) -> None:
    edges, counts = binned(values)
    assert sum(counts) == len(values) and len(edges) == len(counts) + 1
    assert len(counts) <= 26
    slack = 1e-9 * max(1.0, *(abs(edge) for edge in edges))
    assert edges[0] <= min(values) + slack and max(values) <= edges[-1] + slack


@given(FINITE, st.floats(1e-3, 1e6))
def test_ticks_are_a_few_round_numbers_inside_the_axis(low: float, span: float) -> None:
    found = ticks(low, low + span, 4)
    assert 1 <= len(found) <= 6
    assert all(low - span * 1e-6 <= tick <= low + span * (1 + 1e-6) for tick in found)


@given(st.floats(1e-3, 1e3), st.floats(1, 1e4))
def test_a_logarithmic_axis_holds_all_values(low: float, ratio: float) -> None:
    found = log_ticks(low, low * ratio)
    assert found[0] <= low * (1 + 1e-6) and found[-1] >= low * ratio * (1 - 1e-6)
    assert 2 <= len(found) <= 10


def test_a_rate_stands_where_its_axis_says() -> None:
    svg = dots("rates", [Row("a", [Dot(0.25, 0.0, 0.5, "accent")])], "share", (0, 1), percent=True)
    (dot,) = elements(svg, "circle", "accent")
    (whisker,) = elements(svg, "line", "whisker")
    zero, one = (float(t.get("x") or 0) for t in elements(svg, "text", "tick") if t.text in ("0 %", "100 %"))
    assert float(dot.get("cx") or 0) == pytest.approx(zero + (one - zero) / 4, abs=0.1)
    assert [float(whisker.get(key) or 0) for key in ("x1", "x2")] == pytest.approx([zero, (zero + one) / 2], abs=0.1)


def test_bars_are_as_long_as_their_values_and_begin_at_nought() -> None:
    svg = bars("costs", [Row("a", [Dot(10, 9, 11, "accent")]), Row("b", [Dot(20, None, None, "plain")])], "nats")
    short, long = (float(bar.get("width") or 0) for bar in elements(svg, "rect", "bar"))
    assert long == pytest.approx(2 * short, abs=0.2)


def test_a_curve_goes_down_the_page_as_the_loss_falls() -> None:
    svg = lines("loss", [Line("training", [(0, 8.0), (10, 4.0), (20, 2.0)], "accent")], "step", "nats")
    (path,) = elements(svg, "path", "line")
    points = [tuple(map(float, point.split())) for point in re.split("[ML]", path.get("d") or "")[1:]]
    heights = [y for _, y in points]
    assert heights == sorted(heights) and points[1][1] - points[0][1] == pytest.approx(
        points[2][1] - points[1][1], abs=0.1
    )


def test_points_stand_where_the_ticks_of_both_axes_say() -> None:
    points = [(0, 8.0), (100, 4.0), (200, 3.0)]
    svg = lines("loss", [Line("validation", points, "second", dots=True)], "step", "nats")
    drawn = [(float(dot.get("cx") or 0), float(dot.get("cy") or 0)) for dot in elements(svg, "circle", "second")]
    ticks = {text.text: text for text in elements(svg, "text", "tick")}
    for (step, loss), (x, y) in zip(points, drawn, strict=True):
        assert x == pytest.approx(float(ticks[f"{step}"].get("x") or 0), abs=0.1)
        assert y == pytest.approx(float(ticks[f"{loss:g}"].get("y") or 0) - 3.5, abs=0.1)  # a label hangs lower


def test_a_histogram_s_mark_stands_where_its_axis_says() -> None:
    svg = histogram("t", [600.0, 700.0, 800.0], [Mark(700, "mean", "ink")], "nats", "stories")
    (mark,) = elements(svg, "line", "mark")
    bars = elements(svg, "rect", "bar")
    assert all(0 <= float(bar.get("x") or 0) <= WIDTH - float(bar.get("width") or 0) for bar in bars)
    at = {text.text: float(text.get("x") or 0) for text in elements(svg, "text", "tick")}
    assert float(mark.get("x1") or 0) == pytest.approx((at["600"] + at["800"]) / 2, abs=0.1)


def test_names_at_the_ends_of_close_curves_do_not_cover_each_other() -> None:
    near = [Line("a", [(0, 3.0), (1, 2.0)], "accent"), Line("b", [(0, 3.0), (1, 2.001)], "second")]
    first, second = (float(text.get("y") or 0) for text in elements(lines("t", near, "x", "y"), "text", "name"))
    assert abs(first - second) >= 12


@pytest.mark.parametrize("name", ["<b>&\"'", "]]>"])
def test_names_are_text(name: str) -> None:
    drawn = histogram(name, [1.0, 2.0], [Mark(1.5, name, "ink")], name, name)
    assert [text.text for text in elements(drawn, "text", "ink")] == [name]


def test_one_value_alone_can_be_drawn() -> None:
    assert elements(histogram("t", [5.0], [], "x", "y"), "rect", "bar")
    assert elements(lines("t", [Line("a", [(1, 2.0)], "accent")], "x", "y"), "path", "line")
