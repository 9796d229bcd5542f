"""What generated stories look like beside real ones, whom they copy, and what a grader thinks of them."""

from collections.abc import Callable
from typing import Final

from tinystories.reporting.document import Cell, Infilled, Section, Table
from tinystories.reporting.figures import Inputs, Row, decimals, percent, percent_whole, whole

Column = tuple[str, str, Callable[[float], str]]

VARIETY: Final[tuple[Column, ...]] = (
    ("distinct_1", "distinct words", percent),
    ("distinct_2", "distinct pairs of words", percent),
    ("distinct_3", "distinct triples of words", percent),
    ("self_bleu", "self-BLEU: likeness to each other", decimals(3)),
    ("words_mean", "words per story", decimals(0)),
    ("words_p10", "words of the shortest tenth, at most", decimals(1)),
    ("words_p90", "words of the longest tenth, at least", decimals(1)),
)
FLAWS: Final[tuple[Column, ...]] = (
    ("made_up_words", "made-up words: in no training story", percent),
    ("loops", "stories that repeat themselves in a loop", percent),
    ("unbalanced_quotes", "stories with unbalanced quotes", percent),
    ("named_once", "stories with a character named once", percent),
)
COPIED: Final[tuple[Column, ...]] = (
    ("share_8grams_in_train", "runs of 8 words found in training", percent),
    ("copied_texts", "stories more than half of whose runs are", percent),
    ("longest_run_words", "longest run found, words", whole),
)
QUALITIES: Final = ("grammar", "creativity", "consistency", "plot")
AGES: Final = {"A": "3 or under", "B": "4 to 5", "C": "6 to 7", "D": "8 to 9", "E": "10 to 12", "F": "13 to 16"}
INVENTED: Final = 12  # made-up words quoted


def variety(inputs: Inputs) -> Section | None:
    if not any(inputs.evaluate.group(group) for group in ("diversity", "flaws", "memorisation")):
        return None
    rows = [*_rows(inputs, "diversity", VARIETY), *_rows(inputs, "flaws", FLAWS)]
    ended: list[Cell] = ["stories that end by themselves", inputs.evaluate.figure("completion.share", percent), ""]
    table = Table(("", "generated", "real"), [*rows, ended], inputs.evaluate.source("diversity", "flaws", "completion"))
    counts = [inputs.evaluate.figure(f"flaws.{side}.stories", whole).text for side in ("generated", "real")]
    texts = [
        "Generated stories beside unseen real ones. Diversity and lengths are of stories asked for nothing and as many "
        f"real ones, faults of all {counts[0]} generated stories and {counts[1]} real ones. Real stories have such "
        "“faults” too: names nobody has heard of, words used once.",
    ]
    if invented := _invented(inputs.generated):
        texts.append(f"Words that it made up: {', '.join(invented)}.")
    return Section("variety", "How it compares with real stories", texts, tables=[table])


def copies(inputs: Inputs) -> Section | None:
    copied = inputs.evaluate.under("memorisation")
    if not copied.values:
        return None
    rows: list[list[Cell]] = [
        [name, copied.figure(key, write), copied.figure(f"real_{key}", write)] for key, name, write in COPIED
    ]
    table = Table(("", "generated", "real"), rows, inputs.evaluate.source("memorisation"))
    texts = ["How much of the generated stories stands word for word in the training stories, and of unseen real ones."]
    if inputs.copied:
        texts.append(
            "The stories with most copied runs, each beside the training story that shares most of its runs of 4 words."
        )
    pairs = [_beside(row, f"{inputs.copied_name}: line {index + 1}") for index, row in enumerate(inputs.copied)]
    return Section("copies", "How much it copies", texts, tables=[table], infillings=pairs)


def grades(inputs: Inputs) -> Section | None:
    own = inputs.evaluate.under("grades")
    if not own.values:
        return None
    rows: list[list[Cell]] = [[quality, own.figure(quality, decimals(1))] for quality in QUALITIES]
    groups = own.under("age_group")
    ages: list[list[Cell]] = [[age, groups.figure(letter, whole)] for letter, age in AGES.items()]
    text = (
        f"A language model graded {own.figure('stories', whole).text} completed beginnings out of ten, as in the "
        f"TinyStories paper, and guessed the writer’s age; {own.figure('unreadable', whole).text} of its answers could "
        "not be read. Every message is kept in grades.jsonl. Ask it tomorrow, and it may say something else."
    )
    source = inputs.evaluate.source("grades")
    tables = [
        Table(("quality", "of 10"), rows, source),
        Table(("years", "stories"), ages, f"{source}.age_group", "The writer’s age, as guessed"),
    ]
    return Section("grades", "What a grader says", [text], tables=tables)


def _rows(inputs: Inputs, group: str, columns: tuple[Column, ...]) -> list[list[Cell]]:
    sides = [inputs.evaluate.under(group, side) for side in ("generated", "real")]
    return [[name, *(side.figure(key, write) for side in sides)] for key, name, write in columns]


def _invented(generated: list[Row]) -> list[str]:
    words = (str(word) for row in generated for word in row.get("made_up") or ())
    return list(dict.fromkeys(words))[:INVENTED]


def _beside(row: Row, source: str) -> Infilled:
    run, share = str(row.get("longest_run", "")), row.get("share_8grams_in_train")
    footer = f"line {row.get('line')} of generated.jsonl"
    if isinstance(share, int | float):
        footer += f"; {percent(share)} of its runs of 8 words are copied"
    if run:
        footer += f"; the longest copied run, {len(run.split())} words: “{run}”"
    near = row.get("nearest_share_4grams")
    if isinstance(near, int | float):
        footer += f"; {percent_whole(near)} of its runs of 4 words stand in the training story"
    return Infilled(
        "", str(row.get("text", "")).strip(), str(row.get("nearest") or "").strip(), "", footer, source,
        ("The model’s story", "The nearest training story"),
    )  # fmt: skip
