"""The command line: thin, and nothing heavy is imported before a command needs it."""

import json
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

from tinystories.commands.finetune import finetuning
from tinystories.commands.stages import stages
from tinystories.commands.telling import telling
from tinystories.commands.terms import Json, Model, Set, default_model, finish, project_root, say, show, tags_to_type
from tinystories.errors import TinyStoriesError
from tinystories.paths import Paths
from tinystories.text.tags import TAGS

app = typer.Typer(
    help="Train, measure and use small models that tell TinyStories.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
runs = typer.Typer(help="What was tried: the runs in MLflow.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(stages)
app.add_typer(telling)
app.add_typer(finetuning)
app.add_typer(runs, name="runs")


def main() -> None:
    """Run the command line; what a user did wrong is one line on stderr and exit code 2. What is printed is UTF-8."""
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.encoding.lower() != "utf-8":
        sys.stdout.reconfigure(encoding="utf-8")  # a pipe's may be ASCII, or Windows' own, which lack a story's letters
    try:
        app()
    except TinyStoriesError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None


# ---- parameters and runs


@app.command()
def params(set_: Set = None, json_: Json = False) -> None:
    """Print the parameters in force, and for each where its value comes from.

    \b
    Examples: tinystories params
              tinystories params --set scale=laptop --json
    """
    from tinystories.params import explain_params, flat

    effective, origin = explain_params(project_root(), set_ or ())
    values = dict(flat(effective.model_dump(by_alias=True)))
    if json_:
        show({key: {"value": value, "from": origin[key]} for key, value in values.items()}, json_)
        return
    shown = {key: json.dumps(value, ensure_ascii=False) for key, value in values.items()}
    wide, long = max(map(len, shown)), max(map(len, shown.values()))
    for key, value in shown.items():
        print(f"{key:<{wide}}  {value:<{long}}  {origin[key]}")


@runs.command()
def sync() -> None:
    """Bring MLflow up to date with the files of the pipeline; a second time adds nothing.

    \b
    Example: tinystories runs sync
    """
    from tinystories.commands.pipeline import sync_run
    from tinystories.params import load_params

    root = project_root()
    sync_run(load_params(root), Paths(root), say)


@runs.command()
def champion(
    run: Annotated[str | None, typer.Argument(help="A run in MLflow. Default: that of the current model.")] = None,
    json_: Json = False,
) -> None:
    """Let a run's model be the champion if it is better; exit 1 if the champion stays.

    \b
    Example: tinystories runs champion
    """
    from tinystories.commands.champion import champion_command

    finish(champion_command(run, Paths(project_root()), json_, say))


@app.command()
def compare(
    model: Annotated[
        list[str], typer.Argument(help="Two or more: model folders, projects, DVC experiments, runs in MLflow.")
    ],
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as Markdown too.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as a page too.")] = None,
    json_: Json = False,
) -> None:
    """Models beside each other on the same stories: which differences are real.

    \b
    Examples: tinystories compare HEAD . --html comparison.html
              tinystories compare models/current models:/tinystories@champion
    """
    from tinystories.commands.compare import compare_command

    finish(compare_command(model, Paths(project_root()), markdown, html, json_, say))


@app.command()
def summary(json_: Json = False) -> None:
    """Print the main metrics, where the report is, and what to type next.

    \b
    Example: tinystories summary
    """
    from tinystories.summary import headlines, text

    paths = Paths(project_root())
    show(headlines(paths), True) if json_ else print(text(paths))


@app.command()
def drift(
    accept: Annotated[bool, typer.Option("--accept", help="Compare later corpora with the present one.")] = False,
    json_: Json = False,
) -> None:
    """How far the corpus is from the one accepted last, measure by measure; exit 1 if it is too far.

    \b
    Examples: tinystories drift
              tinystories drift --accept
    """
    from tinystories.commands.drift import drift_command

    finish(drift_command(accept, Paths(project_root()), json_))


@app.command(name="export-stories")
def export_stories(
    out: Annotated[Path, typer.Argument(help="A new folder.")],
    to: Annotated[str, typer.Option(metavar="FORMAT", help="jsonl, csv or parquet.")] = "jsonl",
    json_: Json = False,
) -> None:
    """The stories with their sentences, tags and partitions for others, with a card that says what they are.

    \b
    Examples: tinystories export-stories reports/local/stories
              tinystories export-stories stories --to parquet
    """
    from tinystories.commands.export_stories import export_stories_command

    show(export_stories_command(out, to, Paths(project_root())), json_)


# ---- stories


@app.command()
def score(
    file: Annotated[list[Path], typer.Argument(help="Files of stories, in any layout that source.kind files reads.")],
    model: Model = None,
    json_: Json = False,
) -> None:
    """How well a model knows the stories of some files: nats per story, per token, bits per byte.

    \b
    Example: tinystories score stories.txt --json
    """
    from tinystories.commands.score import score_command

    finish(score_command(file, model or default_model(), json_))


@app.command()
def tag(
    file: Annotated[list[Path], typer.Argument(help="Files of stories, in any layout that source.kind files reads.")],
    gold: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Hand labels: precision, recall and F1 of tagger and judge.")
    ] = None,
    fit: Annotated[
        list[Path] | None,
        typer.Option(metavar="LABELS", help="Fit tagger and judge anew to these labels of the stories; repeatable."),
    ] = None,
    json_: Json = False,
) -> None:
    """The tags of each story; with --gold, how well they are found.

    \b
    Examples: tinystories tag stories.txt --json
              tinystories tag stories.txt --gold gold.jsonl
    """
    from tinystories.commands.tag import tag_command

    finish(tag_command(file, gold, fit or [], json_))


@app.command()
def world(
    tag: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TAG",
            help=f"Exactly these tags, of {', '.join(TAGS)}; may be repeated; or none.",
            autocompletion=tags_to_type,
        ),
    ] = None,
    count: Annotated[int, typer.Option(metavar="N", help="How many stories.")] = 1,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed gives the same stories.")] = 1,
    check: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Tell none, but replay these (-: standard input)."),
    ] = None,
    json_: Json = False,
) -> None:
    """Tell stories of the simulated world, whose tags are known because they happened; no model needed.

    \b
    Examples: tinystories world --count 3 --seed 7
              tinystories world --tag Twist --tag Dialogue --json
              tinystories generate --count 20 --json | tinystories world --check -
    """
    from tinystories.commands.world import check_command, world_command

    finish(check_command(check, json_) if check else world_command(count, seed, tag, json_))


@app.command("app")
def app_(
    model: Annotated[
        list[str] | None,
        typer.Option(metavar="FOLDER", help="A model to choose from, beside the project's; may be repeated."),
    ] = None,
    port: Annotated[int, typer.Option(metavar="N", envvar="TINYSTORIES_PORT", help="Port of the page.")] = 8501,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1",
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A name that the page may be asked for by; may be repeated."),
    ] = None,
    shelf: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Saved stories. Default: in your data folder.")
    ] = None,
    user_header: Annotated[
        str | None, typer.Option(metavar="NAME", help="Header with a proxy's user name: each user has a shelf.")
    ] = None,
) -> None:
    """The web app: write, fill in, compare, explore, and a shelf of saved stories.

    \b
    Examples: tinystories app
              tinystories app --model models/current --model models:/tinystories@champion
    """
    from tinystories.commands.app import app_command

    app_command(model or (), host, port, allow_host or (), shelf, user_header)
