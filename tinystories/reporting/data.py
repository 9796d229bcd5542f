"""What the model was trained on: where stories came from, what was left out, partitions, tags."""

from collections.abc import Callable
from typing import Final

from tinystories.corpus.record import PARTITIONS
from tinystories.reporting.document import Cell, Section, Table
from tinystories.reporting.figures import DASH, Figure, Inputs, Metrics, decimals, percent, percent_whole, whole

FILES: Final = 8  # named of those read
TAGS_FROM: Final = {
    "read": "a reader who did not know the request",
    "features": "the request that the story was written for",
    "tagger": "the project’s tagger",
    "world": "the story world that made it",
    "none": "nobody",
}
COPIES: Final = (
    ("duplicates", "the same text again"),
    ("near_duplicates", "nearly the same text again"),
    ("near_held_out", "nearly a validation or test story"),
    ("other_language", "another language"),
)


def data(inputs: Inputs) -> Section:
    tokens = inputs.tokenize
    read, kept = inputs.extract.figure("read", whole).text, inputs.validate.figure("kept", whole).text
    size, length = tokens.figure("vocab_size", whole).text, tokens.figure("bytes_per_token", decimals(2)).text
    sentences = inputs.split.figure("sentences_per_story", decimals(1)).text
    fit = inputs.split.figure("infillable", percent).text
    shared = inputs.validate.under("test_ngrams_in_train")
    long, same = shared.figure("words", whole).text, shared.figure("share", percent).text
    texts = [
        f"{read} stories were read, {_repaired(inputs)} and {kept} kept. They have {sentences} sentences on average; "
        f"{fit} have the three that it takes to learn to write between a first and a last one.",
        f"The tokenizer has {size} tokens, learned from the training partition alone; in stories that it did not learn "
        f"from, a token stands for {length} bytes.",
        f"Of the runs of {long} words in test stories{_sampled(shared)} {same} stand in a training story too.",
    ]
    if unsure := tokens.number("unsure_tags"):
        texts.insert(2, f"The model was not told of {whole(unsure)} tags that the tagger found but was not sure of.")
    tables = [_partitions(inputs), _found_tags(inputs), _read_from(inputs), _left_out(inputs), _tags_from(inputs)]
    return Section("data", "What it was trained on", texts, tables=tables)


def _sampled(shared: Metrics) -> str:
    every = shared.number("one_of")
    return f", of which one in {whole(every)} was looked up," if every is not None and every > 1 else ""


def _repaired(inputs: Inputs) -> str:
    own = inputs.extract.under("repaired")
    made = [
        f"{name.replace('_', ' ')} {whole(count)}"
        for name in sorted(own.values)
        if name != "stories" and (count := own.number(name))
    ]
    return f"{own.figure('stories', whole).text} repaired" + (f" ({', '.join(made)})" if made else "")


def _partitions(inputs: Inputs) -> Table:
    columns: tuple[tuple[str, Callable[[float], str]], ...] = (
        ("stories", whole),
        ("tokens", whole),
        ("bytes_per_token", decimals(2)),
    )
    rows = [[name, *(inputs.tokenize.under(name).figure(key, write) for key, write in columns)] for name in PARTITIONS]
    caption = "Partitions, by a hash of each story’s text"
    return Table(("partition", "stories", "tokens", "bytes/token"), rows, inputs.tokenize.source(*PARTITIONS), caption)


def _left_out(inputs: Inputs) -> Table:
    reasons = inputs.validate.under("reasons")
    rows: list[list[Cell]] = [
        [reason.replace("_", " "), reasons.figure(reason, whole)] for reason in sorted(reasons.values)
    ]
    rows += [[name, inputs.validate.figure(key, whole)] for key, name in COPIES]
    rows.append(["over source.limit", inputs.extract.figure("left_out_by_limit", whole)])
    keys = ("reasons", *(key for key, _ in COPIES))
    source = f"{inputs.validate.source(*keys)}; {inputs.extract.source('left_out_by_limit')}"
    return Table(("reason", "stories"), rows, source, "Left out")


def _found_tags(inputs: Inputs) -> Table:
    train, *others = (inputs.split.under("tags", name) for name in PARTITIONS)
    total = inputs.split.number(f"stories_per_partition.{PARTITIONS[0]}")
    rows: list[list[Cell]] = []
    for tag in sorted(train.values):
        count = train.number(tag)
        share = DASH if count is None or not total else percent_whole(count / total)
        source = f"{train.source(tag)}; {inputs.split.source(f'stories_per_partition.{PARTITIONS[0]}')}"
        rows.append([tag, train.figure(tag, whole), Figure(share, source), *(own.figure(tag, whole) for own in others)])
    columns = ("tag", PARTITIONS[0], "share", *PARTITIONS[1:])
    source = inputs.split.source("tags", "stories_per_partition")
    return Table(columns, rows, source, "Stories with each tag")


def _tags_from(inputs: Inputs) -> Table:
    origins = inputs.split.under("tags_from")
    rows = [
        (TAGS_FROM.get(name, name), origins.figure(name, whole))
        for name in sorted(origins.values)
        if origins.number(name)
    ]
    return Table(("who says so", "stories"), rows, inputs.split.source("tags_from"), "Where the tags come from")


def _read_from(inputs: Inputs) -> Table:
    """The largest files first; beyond some, the small ones together."""
    counts = [(str(part.get("file", DASH)), int(part.get("stories", 0))) for part in inputs.extract.records("files")]
    counts.sort(key=lambda part: (-part[1], part[0]))
    source = inputs.extract.source("files")
    rows: list[list[Cell]] = [[name, Figure(whole(count), source)] for name, count in counts[:FILES]]
    if rest := counts[FILES:]:
        rows.append([f"{len(rest):,} more", Figure(whole(sum(count for _, count in rest)), source)])
    kind = inputs.extract.text("kind") or DASH
    return Table(("file", "stories"), rows, f"{source}; {inputs.extract.source('kind')}", f"Read from (source: {kind})")
