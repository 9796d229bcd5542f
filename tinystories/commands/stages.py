"""A command for each stage of the pipeline."""

import signal
from types import FrameType
from typing import Annotated

import typer

from tinystories.commands.terms import Json, Set, project_root, say, show
from tinystories.paths import Paths

stages = typer.Typer()


@stages.command()
def extract(set_: Set = None, json_: Json = False) -> None:
    """Read the source's stories into one table, each with its partition.

    \b
    Examples: tinystories extract
              tinystories extract --set source.kind=files --set source.path=stories.txt
    """
    _stage("extract", set_, json_)


@stages.command()
def validate(set_: Set = None, json_: Json = False) -> None:
    """Send bad rows to quarantine, each with its reason; exit 2 if the data as a whole is wrong.

    \b
    Example: tinystories validate --set validate.max_quarantined=0.1
    """
    _stage("validate", set_, json_)


@stages.command()
def split(set_: Set = None, json_: Json = False) -> None:
    """Cut each story into first, middle and last without losing a byte; tag what is untagged.

    \b
    Example: tinystories split
    """
    _stage("split", set_, json_)


@stages.command()
def tokenize(set_: Set = None, json_: Json = False) -> None:
    """Train the tokenizer on the training partition, encode every story.

    \b
    Example: tinystories tokenize --set tokenize.kind=unigram
    """
    _stage("tokenize", set_, json_)


@stages.command()
def train(
    set_: Set = None,
    json_: Json = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Print parameters, tokens, epochs, memory, minutes, quality; train nothing."),
    ] = False,
) -> None:
    """Train the model; typed again after an interruption, it goes on where it was.

    \b
    Examples: tinystories train --dry-run --set scale=laptop
              tinystories train --set train.steps=100
    """
    if dry_run:
        from tinystories.commands.planning import plan
        from tinystories.params import load_params

        root = project_root()
        show(plan(load_params(root, set_ or ()), Paths(root)), json_)
        return
    _stage("train", set_, json_)


@stages.command()
def evaluate(set_: Set = None, json_: Json = False) -> None:
    """Measure the model on the test stories, beside the baselines.

    \b
    Example: tinystories evaluate --set evaluate.per_tag=100
    """
    _stage("evaluate", set_, json_)


@stages.command()
def report(set_: Set = None, json_: Json = False) -> None:
    """Write reports/index.html, one page that needs no network, and the same as Markdown.

    \b
    Example: tinystories report
    """
    _stage("report", set_, json_)


def _stage(name: str, overrides: list[str] | None, as_json: bool) -> None:
    from tinystories.commands.pipeline import run_stage
    from tinystories.params import load_params

    root = project_root()
    params = load_params(root, overrides or ())
    signal.signal(signal.SIGTERM, _ended)
    metrics = run_stage(name, params, Paths(root), say)
    if as_json:
        show(metrics, as_json)


def _ended(number: int, _: FrameType | None) -> None:
    """SIGTERM ends a stage as an error does: workers end too, and files that are not whole are taken away."""
    raise SystemExit(128 + number)
