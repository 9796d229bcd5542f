"""`tinystories generate` as it is typed: its options, each with an example."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tinystories.commands.terms import Json, Model, default_model, finish, say, tags_to_type
from tinystories.errors import RequestError
from tinystories.text.tags import TAGS

telling = typer.Typer(rich_markup_mode=None)


@telling.command()
def generate(
    prompt: Annotated[
        str | None,
        typer.Argument(
            help='The story begins with this text; a model tuned to chat answers it. Example: "Once upon a time"'
        ),
    ] = None,
    first: Annotated[
        str | None,
        typer.Option(metavar="SENTENCE", help='First sentence, word for word. Example: --first "Tom had a red kite."'),
    ] = None,
    last: Annotated[
        str | None,
        typer.Option(metavar="SENTENCE", help='Last sentence, word for word. Example: --last "They went home."'),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TAG",
            help=f"What the story should have: {', '.join(TAGS)}; may be repeated. Example: --tag Twist",
            autocompletion=tags_to_type,
        ),
    ] = None,
    start: Annotated[str | None, typer.Option(metavar="WORD", help="First word. Example: --start Lily")] = None,
    end: Annotated[str | None, typer.Option(metavar="WORD", help="Last word. Example: --end home")] = None,
    words: Annotated[
        str | None,
        typer.Option(metavar="A,B,C", help="Words that must occur, in any usual form. Example: --words dog,kite,jump"),
    ] = None,
    avoid: Annotated[
        str | None,
        typer.Option(metavar="A,B,C", help="Words that must not occur, in any case. Example: --avoid sad,cry"),
    ] = None,
    length: Annotated[
        int | None, typer.Option(metavar="N", help="About so many words in the whole story. Example: --length 120")
    ] = None,
    max_words: Annotated[
        int | None, typer.Option(metavar="N", help="Words of the whole story at most. Example: --max-words 80")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(metavar="N", help="Tokens that the model writes at most. Example: --max-tokens 200")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(metavar="X", help="0 takes the likeliest token. Example: --temperature 0.5")
    ] = None,
    top_k: Annotated[
        int | None, typer.Option(metavar="N", help="Sample from the N likeliest tokens. Example: --top-k 40")
    ] = None,
    top_p: Annotated[
        float | None, typer.Option(metavar="X", help="Sample from the likeliest share X. Example: --top-p 0.9")
    ] = None,
    min_p: Annotated[
        float | None,
        typer.Option(metavar="X", help="Only tokens X times as likely as the likeliest. Example: --min-p 0.1"),
    ] = None,
    repetition_penalty: Annotated[
        float | None,
        typer.Option(metavar="X", help="Above 1: tokens of the story get rarer. Example: --repetition-penalty 1.2"),
    ] = None,
    no_repeat_ngram: Annotated[
        int | None, typer.Option(metavar="N", help="No N tokens in a row twice. Example: --no-repeat-ngram 4")
    ] = None,
    eos_after: Annotated[
        int | None, typer.Option(metavar="N", help="After N tokens the end grows likelier. Example: --eos-after 200")
    ] = None,
    beams: Annotated[
        int | None, typer.Option(metavar="N", help="Beam search, no sampling. Example: --beams 4 --count 2")
    ] = None,
    length_penalty: Annotated[
        float | None, typer.Option(metavar="X", help="Of beam search. Example: --beams 4 --length-penalty 1.2")
    ] = None,
    guidance: Annotated[
        float | None,
        typer.Option(metavar="X", help="Above 1: follow the controls closer. Example: --tag Twist --guidance 1.5"),
    ] = None,
    best_of: Annotated[
        int | None, typer.Option(metavar="N", help="Write N candidates, take the best. Example: --best-of 8")
    ] = None,
    count: Annotated[int, typer.Option("--count", "-n", metavar="N", help="How many stories. Example: --count 3")] = 1,
    seed: Annotated[
        int,
        typer.Option("--seed", "-rnd", metavar="N", help="The same seed gives the same stories. Example: --seed 7"),
    ] = 0,
    query: Annotated[str | None, typer.Option("-q", metavar="PROMPT", help="The same as PROMPT.")] = None,
    quantized: Annotated[bool, typer.Option("--quantized", help="In int8: smaller and faster, on the CPU.")] = False,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A TOML file of inference settings. Example: --config i.toml")
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="The same bytes whatever else is asked for beside it; slower.")
    ] = False,
    stream: Annotated[
        bool | None,
        typer.Option(help="Print the words as they come. Default: for one story, on a terminal.", show_default=False),
    ] = None,
    requests: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Requests, a JSON object a line. Example: --requests asked.jsonl --out told.jsonl"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A CSV, written anew; with --requests JSON Lines, appended to: goes on where it stopped.",
        ),
    ] = None,
    model: Model = None,
    json_: Json = False,
) -> None:
    """Write stories; exit 1 if none of them meets a control that was asked for.

    \b
    Examples: tinystories generate "Once upon a time"
              tinystories generate --tag Twist --tag Dialogue --guidance 1.5 --count 3 --seed 7
              tinystories generate --first "Tom had a red kite." --last "They laughed all the way home."
              tinystories generate --start Lily --end home --words dog,kite --avoid sad --length 100
              tinystories generate --requests asked.jsonl --out told.jsonl
    """
    from tinystories.commands.configs import first_of, read_inference
    from tinystories.commands.generate import Runs, generate_command, parse_words, stream_command
    from tinystories.generation.requests import Request

    if prompt is not None and query is not None:
        raise RequestError("PROMPT and -q both say how the story begins: give one of them")
    settings = read_inference(config, beams is not None, say)
    given = settings.hyper_parameters
    request = Request(
        prompt=prompt if query is None else query, tags=tuple(tag or ()), first=first, last=last, start=start, end=end,  # type: ignore[arg-type]
        words=parse_words(words), avoid=parse_words(avoid) or tuple(given.bad_words or ()), length=length,
        max_words=max_words, max_tokens=first_of(max_tokens, given.max_new_tokens),
        temperature=first_of(temperature, given.temperature), top_k=first_of(top_k, given.top_k),
        top_p=first_of(top_p, given.top_p), min_p=min_p,
        repetition_penalty=first_of(repetition_penalty, given.repetition_penalty),
        no_repeat_ngram=no_repeat_ngram, eos_after=eos_after, beams=beams,
        length_penalty=first_of(length_penalty, given.length_penalty),
        guidance=guidance, best_of=best_of, seed=seed,
    )  # fmt: skip
    folder = model or (Path(settings.model_folder) if settings.model_folder else default_model())
    out, terminal = out or (Path(settings.output_file) if settings.output_file else None), sys.stdout.isatty()
    runs = Runs(quantized or bool(settings.quantized), settings.device or "cpu")
    if requests is not None:
        if request != Request() or count != 1 or stream:
            raise RequestError(
                f"--requests: each line of {requests} says what is asked for: leave out the other controls"
            )
        from tinystories.commands.requested import requests_command

        finish(requests_command(folder, requests, out, exact, lambda text: print(text, end="", flush=True), say, runs))
        return
    if out is not None and out.suffix != ".csv":
        raise RequestError("--out: unless the name ends with .csv, only with --requests; else write `> FILE`")
    if stream and out is not None:
        raise RequestError("--stream prints what --out would keep: give one of them")
    if stream and count != 1:
        raise RequestError("--stream: one story at a time: leave out --count")
    request.repeat(count)
    if stream or (stream is None and terminal and count == 1 and not json_ and out is None):
        finish(stream_command(folder, request, json_, exact, lambda piece: print(piece, end="", flush=True), runs))
    else:
        finish(generate_command(folder, request, count, json_, exact, terminal and count > 1, runs, out))
