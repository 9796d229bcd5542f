"""How well controls work, and what they cost: the tables of docs/controls.md.

python -m benchmarks.controls.measure sample=. shared=PROJECT [--count N]

MARK=PROJECT: a project's root, with its model and its stories; the page has the tables between marks of that name.
What is asked for comes from the hand-written sample's test stories, which no model of the sample was trained on: each
request takes a sentence, a word or a length from another story. A word is made up that no training story of the
project has. The stories read by hand (labelled.py) are counted again too.
"""

import argparse
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from benchmarks.controls.labelled import read_by_hand
from benchmarks.pages import fill
from tinystories import Request, Story, StoryModel
from tinystories.corpus.record import partition_of, story_id
from tinystories.evaluation.correction import Errors, corrected
from tinystories.evaluation.diversity import distinct
from tinystories.evaluation.flaws import is_made_up
from tinystories.evaluation.intervals import share_interval
from tinystories.evaluation.words import words_of
from tinystories.paths import Paths
from tinystories.text.sentences import split_story
from tinystories.text.tagger import Tagger
from tinystories.text.tags import TAGS

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tinystories/corpus/sample/original-stories.jsonl"
PAGE = ROOT / "docs/controls.md"
GUIDANCE = (1.0, 1.5, 3.0)
SEED = 11
WORDS = 2500  # distinct-2 falls as text grows: of equally much
PAIRS_COUNT = 10  # stories of each pair of controls
BEST_OF = 8  # candidates for a story with a tag, of which one is kept by the tagger's answer


@dataclass(frozen=True)
class Given:
    """What a test story lends to requests."""

    first: str
    last: str
    start: str
    end: str
    words: tuple[str, ...]
    length: int


CONTROLS: dict[str, Callable[[Given], dict[str, Any]]] = {
    "first": lambda g: {"first": g.first},
    "last": lambda g: {"last": g.last},
    "start": lambda g: {"start": g.start},
    "end": lambda g: {"end": g.end},
    "words": lambda g: {"words": g.words},
    "avoid": lambda g: {"avoid": ("the", "was", "big")},
    "length": lambda g: {"length": g.length},
    "max_words": lambda g: {"max_words": g.length},
    "Twist": lambda g: {"tags": ("Twist",)},
}
READ = {"last", "end", "words", "length"}  # by the model; on the others guidance has nothing to act
EXCLUDE = {("first", "start"), ("last", "end"), ("length", "max_words")}


def givens() -> list[Given]:
    """One for each test story of the sample whose ends are not too long."""
    texts = [json.loads(line)["story"] for line in SAMPLE.read_text(encoding="utf-8").splitlines()]
    common = Counter(word for text in texts for word in set(re.findall(r"\b[a-z]{4,}\b", text)))
    rng, found = np.random.default_rng(SEED), []
    for text in texts:
        parts = split_story(text)
        pool = sorted({w for w in re.findall(r"\b[a-z]{4,}\b", text) if 20 <= common[w] <= 300})
        first, last = parts.first.strip(), parts.last.strip()
        if partition_of(story_id(text), 0.05, 0.1) != "test" or not parts.infillable or len(pool) < 3:
            continue
        if max(len(first.split()), len(last.split())) > 25 or {"the", "was", "big"} & set(words_of(f"{first} {last}")):
            continue
        words = tuple(str(word) for word in rng.choice(pool, 3, replace=False))
        start, end = re.findall(r"\w+", first)[0], re.findall(r"\w+", last)[-1].lower()
        found.append(Given(first, last, start, end, words, min(200, max(60, len(text.split())))))
    return found


def asked(options: Callable[[Given], dict[str, Any]], given: Sequence[Given], count: int, **more: Any) -> list[Request]:
    return [Request(**options(given[i % len(given)]), seed=SEED, index=i, **more) for i in range(count)]


@dataclass(frozen=True)
class Cell:
    """Some stories for one request: how often each control was met, and what that cost."""

    met: int
    stories: Sequence[Story]
    nats: float  # a token, in the plain form
    nats_story: float
    texts: list[str]

    @property
    def rate(self) -> str:
        low, high = share_interval(self.met, len(self.stories))
        return f"{self.met / len(self.stories):.0%} ({low:.0%}–{high:.0%})"


def cell(model: StoryModel, requests: Sequence[Request]) -> Cell:
    stories = model.generate_many(requests)
    texts = [story.text for story in stories]
    scores = model.score(texts)
    return Cell(
        sum(all(story.met.values()) for story in stories), stories,
        sum(s.nats for s in scores) / sum(s.tokens for s in scores), sum(s.nats for s in scores) / len(scores), texts,
    )  # fmt: skip


def cost(cells: Sequence[Cell], known: set[str]) -> str:
    """nats/token, nats/story, distinct-2 of the first WORDS words, made-up words; of each guidance."""
    rows = []
    for one in cells:
        spoken = [word for text in one.texts for word in words_of(text)]
        invented = sum(is_made_up(word, known.__contains__) for word in spoken) / len(spoken)
        first = [[word for text in one.texts for word in words_of(text)][:WORDS]]
        rows.append((f"{one.nats:.2f}", f"{one.nats_story:.0f}", f"{distinct(first, 2):.3f}", f"{invented:.1%}"))
    return " | ".join(" / ".join(column) for column in zip(*rows, strict=True))


def corrected_rate(texts: Iterable[str], tag: str) -> str:
    judge = Tagger.load("judge")
    found = [tag in judge.tags(text) for text in texts]
    rate, low, high = corrected(sum(found), len(found), Errors.of(judge.gold[tag]))  # type: ignore[index]
    behind = "beyond its errors" if np.isnan(low) else f"{rate:.0%} ({low:.0%}–{high:.0%})"
    return f"{sum(found) / len(found):.0%}, {behind}"


def known_words(paths: Paths) -> set[str]:
    """The words of the stories that the project's model was trained on."""
    stories = pq.read_table(paths.split, columns=["text", "partition"]).to_pylist()
    return {word for story in stories if story["partition"] == "train" for word in words_of(story["text"])}


def measure(model: StoryModel, given: Sequence[Given], known: set[str], count: int) -> Iterator[str]:
    """The lines of a model's section, as they are known."""

    def cells(options: Callable[[Given], dict[str, Any]]) -> list[Cell]:
        return [cell(model, asked(options, given, count, guidance=g)) for g in GUIDANCE]

    plain = cell(model, asked(lambda g: {}, given, count))
    yield f"{model.loaded.config.parameters:,} parameters; {count} stories a cell; {date.today()}.\n"
    head = "nats/token | nats/story | distinct-2 | made-up words |"
    yield f"| control | met at guidance 1 | 1.5 | 3 | {head}\n" + "|---" * 8 + "|"
    yield f"| nothing | – | – | – | {cost([plain], known)} |"
    for control, options in CONTROLS.items():
        if control != "Twist":
            group = cells(options) if control in READ else [cell(model, asked(options, given, count))]
            rates = [c.rate for c in group] + ["same"] * (len(GUIDANCE) - len(group))
            yield f"| {control} | {' | '.join(rates)} | {cost(group, known)} |"
    yield (
        f"\n| tag | not asked for | asked for at guidance 1 | 1.5 | 3 | best of {BEST_OF}, guidance 1 | {head}\n"
        + "|---" * 10 + "|"
    )  # fmt: skip
    for tag in TAGS:
        group = cells(lambda g, tag=tag: {"tags": (tag,)})
        group.append(cell(model, asked(lambda g, tag=tag: {"tags": (tag,)}, given, count, best_of=BEST_OF)))
        rates = [corrected_rate(c.texts, tag) for c in (plain, *group)]
        yield f"| {tag} | {' | '.join(rates)} | {cost(group, known)} |"
    each = min(PAIRS_COUNT, count)
    yield f"\nBoth of two controls met (a tag is only asked for), {each} stories each, guidance 1:\n"
    yield "| | " + " | ".join(CONTROLS) + " |\n" + "|---" * (len(CONTROLS) + 1) + "|"
    for one in CONTROLS:
        row = [together(model, given[:each], one, two) for two in CONTROLS]
        yield f"| {one} | " + " | ".join(row) + " |"


def together(model: StoryModel, given: Sequence[Given], one: str, two: str) -> str:
    """The share of stories that keep both, "" where a pair is asked for elsewhere or never."""
    names = list(CONTROLS)
    if names.index(one) >= names.index(two) or (one, two) in EXCLUDE:
        return ""
    requests = [Request(**CONTROLS[one](g), **CONTROLS[two](g), seed=SEED, index=i) for i, g in enumerate(given)]
    stories = model.generate_many(requests)
    kept = sum(all(met for c, met in story.met.items() if not c.startswith("tag:")) for story in stories)
    return f"{kept / len(stories):.0%}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MARK=PROJECT")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args()
    given = givens()
    tables = {"read by hand": read_by_hand()}
    for entry in options.models:
        mark, _, project = entry.partition("=")
        paths, lines = Paths(Path(project)), []
        for line in measure(StoryModel.load(paths.model), given, known_words(paths), options.count):
            print(line, flush=True)
            lines.append(line)
        tables[mark] = "\n".join(lines)
    fill(options.page, tables)


if __name__ == "__main__":
    main()
