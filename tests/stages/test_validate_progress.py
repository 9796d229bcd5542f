"""Validate tells how far it is, and goes on where it was ended."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.stages.test_validate import GOOD, project, record
from tests.stages.test_validate import run as validated
from tinystories.corpus import parallel, progress
from tinystories.params import load_params
from tinystories.paths import Paths
from tinystories.stages import validate

__all__ = ["project"]  # the fixture


def test_while_it_runs_it_says_how_fast_and_what_was_dropped_so_far(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_EVERY", 0.0)
    said: list[str] = []
    rows = [record(text) for text in [*GOOD, "a\0b", "He ran. Then he", *GOOD[:3]]]
    paths = Paths(project)
    validated(project, rows)
    validate.run(load_params(project), paths, said.append)
    assert [re.sub(r"[\d,]+ a second", "N a second", line) for line in said] == [
        "125 stories, N a second, nul 1, cut_off 1", "125 stories looked up, N a second, 5 dropped so far",
        "125 stories written, N a second, 5 dropped",
    ]  # fmt: skip


def test_a_large_data_set_is_gone_on_with_where_it_was_ended(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ended after the signatures: neither they nor the measures are computed again, and all bytes are the same."""
    monkeypatch.setattr(parallel, "cores", lambda: 1)
    texts = [f"Once there was a cat with {number} toys. It ran. It was happy." for number in range(30_000)]
    rows = [record(text) for text in [*texts, *texts[:100], "a\0b"]]
    paths = Paths(project)
    validated(project, rows)
    files = (paths.validated, paths.quarantine, paths.examples, paths.validate_metrics)
    alone = [file.read_bytes() for file in files]
    assert list(paths.work.iterdir()) == []

    def ended(*_: object) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(validate, "candidates", ended)
        with pytest.raises(KeyboardInterrupt):
            validated(project, rows)
    assert len(list(paths.work.glob("validate-*/*/*.arrow"))) == 2 * 4
    monkeypatch.setattr(parallel, "_write", ended)
    validated(project, rows)
    assert [file.read_bytes() for file in files] == alone and list(paths.work.iterdir()) == []
    with pytest.raises(KeyboardInterrupt):  # what depends on a parameter is not taken for another's
        validated(project, rows, "clean.ngram=4")
