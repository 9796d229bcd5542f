"""`tinystories dataprep` and `tinystories finetune`: texts as a CSV, and a model tuned to them."""

import random
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tinystories.commands.terms import Json, project_root, say, show
from tinystories.errors import ParamsError, RequestError, SourceError
from tinystories.finetuning.spelling import ENDER, STARTER

if TYPE_CHECKING:
    from tinystories.finetuning.tune import TuneSettings

finetuning = typer.Typer()

Config = Annotated[Path | None, typer.Option(metavar="FILE", help="A TOML file with these settings.")]
Starter = Annotated[str | None, typer.Option(help=f"What stands before each text. Default {STARTER}.")]
Ender = Annotated[str | None, typer.Option(help=f"What stands after each text. Default {ENDER}.")]


@finetuning.command()
def dataprep(
    source: Annotated[
        str | None,
        typer.Argument(help="A file or folder of texts in any layout, or a data set of the hub. Default: the sample."),
    ] = None,
    out: Annotated[
        str | None, typer.Option(metavar="NAME", help="Writes NAME-train.csv and NAME-validation.csv.")
    ] = None,
    count: Annotated[
        int | None, typer.Option(metavar="N", help="So many texts, drawn by the seed. Default all.")
    ] = None,
    train_fraction: Annotated[float | None, typer.Option(metavar="X", help="Share to train on. Default 0.9.")] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Of the draw. Default 1.")] = None,
    starter: Starter = None,
    ender: Ender = None,
    config: Config = None,
) -> None:
    """Write texts as a CSV to fine-tune on: a column text, each row with a mark before and after it.

    \b
    Examples: tinystories dataprep --out data/tales --count 200
              tinystories dataprep stories.txt --out data/mine --train-fraction 0.95
    """
    from tinystories.commands.configs import DataprepConfig, first_of, read_config

    given = read_config(config, DataprepConfig)
    name = out or given.outname
    if name is None:
        raise RequestError("dataprep: say where to, with --out NAME (or outname in the config)")
    ndata = count if count is not None else given.ndata
    fraction = first_of(train_fraction, given.train_fraction, 0.9)
    if ndata is not None and ndata != -1 and ndata < 1:
        raise RequestError(f"count: must be at least 1, found {ndata}")
    if not 0 < fraction <= 1:
        raise RequestError(f"train-fraction: must be above 0 and at most 1, found {fraction}")
    marks = (first_of(starter, given.starter, STARTER), first_of(ender, given.ender, ENDER))
    drawn = first_of(seed, given.split_random_seed, 1)
    stem = Path(name.removesuffix(".csv"))
    for path in prepare_rows(source or given.input_name, stem, ndata, fraction, drawn, marks):
        print(path)


def prepare_rows(
    source: str | None, name: Path, count: int | None, fraction: float, seed: int,
    marks: tuple[str, str] = (STARTER, ENDER),
) -> list[Path]:  # fmt: skip
    """Write NAME-train.csv with `fraction` of `count` texts of the source, NAME-validation.csv with the others."""
    from tinystories.finetuning.rows import write_rows

    texts = _texts(source)
    random.Random(seed).shuffle(texts)
    texts = texts[: count if count not in (None, -1) else None]
    learned = max(1, round(fraction * len(texts)))
    written = []
    for kind, part in (("train", texts[:learned]), ("validation", texts[learned:])):
        if part:
            written.append(name.with_name(f"{name.name}-{kind}.csv"))
            write_rows(written[-1], part, *marks)
    say(f"{learned} texts to train on, {len(texts) - learned} to measure on")
    return written


@finetuning.command()
def finetune(
    data: Annotated[
        Path | None, typer.Argument(metavar="CSV", help="Texts (a column text), or chat as JSON Lines with messages.")
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER|NAME", help="A model folder, runs:/..., models:/..., or a name such as distilgpt2."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Where the model goes.")] = None,
    full: Annotated[
        bool | None, typer.Option("--full/--lora", help="All weights, or an adapter. Default LoRA.")
    ] = None,
    rank: Annotated[int, typer.Option(metavar="N", min=1, help="LoRA's rank.")] = 8,
    alpha: Annotated[float, typer.Option(metavar="X", help="LoRA's scale is alpha / rank.")] = 16.0,
    dropout: Annotated[float, typer.Option(metavar="X", min=0, max=0.9, help="Of what the adapter reads.")] = 0.05,
    epochs: Annotated[float, typer.Option(metavar="X", help="Passes over the rows.")] = 3.0,
    steps: Annotated[int | None, typer.Option(metavar="N", min=1, help="Optimiser steps, in place of epochs.")] = None,
    lr: Annotated[
        float | None, typer.Option(metavar="X", help="Peak learning rate. Default 1e-3 for LoRA, 5e-5 for all weights.")
    ] = None,
    batch_tokens: Annotated[int, typer.Option(metavar="N", min=1, help="Tokens of one step.")] = 4096,
    max_length: Annotated[
        int | None, typer.Option(metavar="N", help="Tokens learned from at once; -1 = the data's longest. Default -1.")
    ] = None,
    validation: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Rows to measure on. Default: a twentieth of the others.")
    ] = None,
    save_per_epoch: Annotated[
        bool | None, typer.Option("--save-per-epoch", help="A whole model after each epoch: FOLDER/epoch-N.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the order, the adapter's first weights, dropout.")] = 1,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps. Default auto.")] = None,
    threads: Annotated[int | None, typer.Option(metavar="N", min=1, help="CPU threads. Default all cores.")] = None,
    starter: Starter = None,
    ender: Ender = None,
    config: Config = None,
    json_: Json = False,
) -> None:
    """Tune a model to texts or chat; typed again after an interruption, it goes on where it was.

    \b
    Examples: tinystories finetune data/tales-train.csv --base models/current --out models/tales
              tinystories finetune chat.jsonl --base distilgpt2 --out models/chat --full --epochs 1
    """
    from tinystories.commands.configs import FinetuneConfig, first_of, read_config

    given = read_config(config, FinetuneConfig)
    file = data or (Path(given.input_file) if given.input_file else None)
    start, folder = base or given.model_name, out or (Path(given.model_folder) if given.model_folder else None)
    missing = [n for n, v in (("a CSV", file), ("--base", start), ("--out", folder)) if v is None]
    if file is None or start is None or folder is None:
        raise RequestError(f"finetune needs {', '.join(missing)}: see tinystories finetune --help")
    _check(first_of(max_length, given.max_seq_len, -1), epochs, lr, first_of(device, given.device, "auto"), file)
    from tinystories.finetuning.adapters import AdapterSettings
    from tinystories.finetuning.tune import TuneSettings
    from tinystories.finetuning.tune import finetune as run

    settings = TuneSettings(
        full=first_of(full, None if given.lora_peft is None else not given.lora_peft, False),
        adapter=AdapterSettings(rank, alpha, dropout), epochs=epochs, steps=steps, batch_tokens=batch_tokens, lr=lr,
        max_length=first_of(max_length, given.max_seq_len, -1),
        save_per_epoch=first_of(save_per_epoch, given.save_per_epoch, False), seed=seed,
        device=first_of(device, given.device, "auto"), threads=threads,
        starter=first_of(starter, None, STARTER), ender=first_of(ender, None, ENDER),
    )  # fmt: skip
    show(_run(run, file, start, folder, settings, validation), json_)


def _run(run: Any, file: Path, base: str, folder: Path, settings: "TuneSettings", validation: Path | None) -> Any:
    from tinystories.commands.pipeline import bar

    with bar("finetune") as update:
        return run(file, base, folder, settings, validation, say, update)


def _check(max_length: int, epochs: float, lr: float | None, device: str, file: Path) -> None:
    """What can be told before anything heavy loads."""
    if max_length != -1 and max_length < 8:
        raise RequestError(f"max-length: must be -1 (the data's longest) or at least 8, found {max_length}")
    if not epochs > 0:
        raise RequestError(f"epochs: must be above 0, found {epochs}")
    if lr is not None and not lr > 0:
        raise RequestError(f"lr: must be above 0, found {lr}")
    if device not in ("auto", "cpu", "cuda", "mps"):
        raise RequestError(f"device: {device!r} is not known; choose auto, cpu, cuda or mps")
    if not file.exists():
        raise SourceError(f"no file or folder {file}; check the path, or type `tinystories dataprep` to make one")


def _texts(source: str | None) -> list[str]:
    """All texts of a file, a folder, a data set of the hub or (None) the sample; empty ones left out."""
    from tinystories.corpus import sources

    if source is None:
        parts = sources.find(sources.SAMPLE).parts
    elif not Path(source).expanduser().exists() and source.count("/") == 1 and not source.startswith((".", "~", "/")):
        from tinystories.corpus.hub import open_dataset

        root = _root()
        parts = open_dataset(source, root, root / "pipeline/hub-pins.json").parts
    else:
        parts = sources.find(Path(source).expanduser()).parts
    texts = [story.text for part in parts for story in part.read() if story.text.strip()]
    if not texts:
        raise SourceError(f"{source}: no text in it")
    return texts


def _root() -> Path:
    try:
        return project_root()
    except ParamsError:
        return Path.cwd()
