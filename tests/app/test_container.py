"""The Containerfile, which is built where a registry can be reached: that it names what is here."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tinystories.cli import app


@pytest.fixture
def steps(root: Path) -> dict[str, list[str]]:
    """What follows each instruction, in order."""
    text = (root / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, rest = line.partition(" ")
            found.setdefault(name, []).append(rest.strip())
    return found


def test_what_is_copied_is_here_and_is_let_through(root: Path, steps: dict[str, list[str]]) -> None:
    copied = {name for line in steps["COPY"] for name in line.split()[:-1]}
    assert all((root / name).exists() for name in copied)
    ignored = (root / ".dockerignore").read_text().splitlines()
    assert "*" in ignored and {line[1:] for line in ignored if line.startswith("!")} == copied


def test_the_app_is_started_with_options_that_it_has(root: Path, steps: dict[str, list[str]]) -> None:
    [entry] = map(json.loads, steps["ENTRYPOINT"])
    page = (root / "docs/app.md").read_text(encoding="utf-8")
    documented = re.findall(r"tinystories app (.*)|^tinystories (--.*)$", page, re.MULTILINE)
    options = {word for word in [*entry, *" ".join(map(" ".join, documented)).split()] if word.startswith("--")}
    shown = CliRunner().invoke(app, ["app", "--help"]).stdout
    assert entry[:2] == ["tinystories", "app"] and {"--host", "--shelf"} <= options
    assert [option for option in sorted(options) if option not in shown] == []
    port = re.search(r"default:\s+(\d+)", shown)
    assert port is not None and steps["EXPOSE"] == [port[1]] and f":{port[1]}/" in steps["HEALTHCHECK"][0]


def test_nothing_runs_as_root_and_the_shelf_outlives_the_container(steps: dict[str, list[str]]) -> None:
    [entry] = map(json.loads, steps["ENTRYPOINT"])
    [user], [volume] = steps["USER"], map(json.loads, steps["VOLUME"])
    assert f"useradd --create-home {user}" in steps["RUN"]
    assert str(Path(entry[entry.index("--shelf") + 1]).parent) in volume
