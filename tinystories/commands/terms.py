"""What the commands share: common options, where the project is, how results and messages are printed."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tinystories.errors import ParamsError
from tinystories.paths import Paths
from tinystories.text.tags import TAGS

if TYPE_CHECKING:
    from tinystories.commands.generate import Outcome

Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A parameter for this run alone; may be repeated."),
]
Json = Annotated[bool, typer.Option("--json", help="Print machine-readable results only.")]
Model = Annotated[
    Path | None, typer.Option("--model", metavar="FOLDER", help="A model folder. Default: models/current.")
]


def tags_to_type() -> list[str]:
    """For the shell, which offers those that begin with what has been typed."""
    return list(TAGS)


def project_root() -> Path:
    """The nearest folder with a params.yaml, from the current one upwards.

    In a queued experiment that is DVC's temporary copy, where the stage has to read and write.
    Raises ParamsError where there is none.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "params.yaml").is_file():
            return folder
    raise ParamsError(f"no params.yaml in {here} or above: run this in a tinystories project")


def default_model() -> Path:
    try:
        return Paths(project_root()).model
    except ParamsError:
        return Path("models/current")


def finish(outcome: "Outcome") -> None:
    print(outcome.out, end="")
    if outcome.note:
        say(outcome.note)
    if outcome.code:
        raise typer.Exit(outcome.code)


def show(value: Any, as_json: bool) -> None:
    if as_json:
        print(json.dumps(value, indent=2, ensure_ascii=False))
        return
    wide = max(map(len, value))
    for key, entry in value.items():
        print(f"{key:<{wide}}  {entry}")


def say(message: str) -> None:
    print(message, file=sys.stderr)
