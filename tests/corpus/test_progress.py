"""How a stage says where it is: now and then, with rows a second and what was dropped."""

import pytest

from tinystories.corpus import progress
from tinystories.corpus.progress import Pace


def test_it_is_said_now_and_then_with_the_rate_and_what_was_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 3.0, 10.0, 12.0, 25.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    said: list[str] = []
    pace = Pace(said.append, "stories written")
    for rows in (8_000, 30_000, 40_000, 75_000):
        pace(rows, "1,200 dropped" if rows > 50_000 else "")
    assert said == ["30,000 stories written, 3,000 a second", "75,000 stories written, 3,000 a second, 1,200 dropped"]
