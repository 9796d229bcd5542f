"""What keeps tagger and judge from better F1 on the gold labels: their thresholds, or how many labels there are.

    python -m benchmarks.tags.bound ../shared/data

Fits the two forms of model to parts of the hand labels of several sizes, chosen by hash, and to all of them, which the
package's models never are (each has its own half). Fills the table of docs/tags.md. The highest F1 of any threshold is
chosen on the gold labels themselves: a bound, and no way to choose.
"""

import argparse
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.pages import fill
from tinystories.corpus.record import story_id
from tinystories.corpus.sources import read_stories
from tinystories.text.agreement import agreement
from tinystories.text.features import features
from tinystories.text.fitting import FAMILIES, _fitted, _Table
from tinystories.text.labels import Gold, read_gold, read_labels
from tinystories.text.tagger import Name, Tagger, reading
from tinystories.text.tags import TAGS, Tag

PAGE: Final = Path(__file__).resolve().parents[2] / "docs/tags.md"
PARTS: Final = (8, 4, 2, 1)  # one label in so many
Figures = Mapping[Tag, tuple[float, float]]  # F1, and the highest F1 of any threshold


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="a folder with stories/, tag-labels.jsonl and tag-gold.jsonl")
    parser.add_argument("--page", type=Path, default=PAGE)
    given = parser.parse_args()
    texts = {story_id(story.text): story.text for story in read_stories(given.data / "stories")}
    labels, gold = read_labels(given.data / "tag-labels.jsonl"), read_gold(given.data / "tag-gold.jsonl")
    fill(given.page, {"bound": page(texts, labels, gold)})


def page(texts: Mapping[str, str], labels: Mapping[str, Sequence[Tag]], gold: Gold) -> str:
    tags = [tag for tag in TAGS if tag != "Dialogue"]
    lines = [f"| | labels | {' | '.join(tags)} |", "|---|---|" + "---|" * len(tags)]
    for name in FAMILIES:
        for parts in PARTS:
            each = [measured(fit(name, texts, labels, part), texts, gold) for part in split(labels, parts)]
            cells = [" / ".join(f"{np.mean([one[tag][i] for one in each]):.3f}" for i in (0, 1)) for tag in tags]
            lines.append(f"| {name} | {len(labels) // parts} | {' | '.join(cells)} |")
    rates = [np.mean([tag in found for found in labels.values()]) for tag in tags]
    there = [np.mean([found[tag] for found in gold.values() if tag in found]) for tag in tags]
    told = (f"{fitted:.0%} / {own:.0%}" for fitted, own in zip(rates, there, strict=True))
    return "\n".join([*lines, f"| of the labels / of gold | | {' | '.join(told)} |"])


def split(labels: Mapping[str, Sequence[Tag]], parts: int) -> list[list[str]]:
    """The labels' ids in so many parts of equal size, by hash."""
    order = sorted(labels, key=lambda identity: hashlib.sha256(f"part:{identity}".encode()).digest())
    return [sorted(order[part::parts]) for part in range(parts)]


def fit(name: Name, texts: Mapping[str, str], labels: Mapping[str, Sequence[Tag]], ids: list[str]) -> Tagger:
    table = _Table.of([features(reading(name, texts[identity]), FAMILIES[name]) for identity in ids], FAMILIES[name])
    with threadpool_limits(1):
        labels_NT = np.array([[tag in labels[identity] for tag in TAGS] for identity in ids])
        return _fitted(name, ids, table, labels_NT, np.ones(len(ids), np.bool_))


def measured(tagger: Tagger, texts: Mapping[str, str], gold: Gold) -> Figures:
    ids = sorted(texts.keys() & gold.keys())
    sure_NT = tagger.probabilities([texts[identity] for identity in ids])
    found = {}
    for at, tag in enumerate(TAGS):
        rows = [row for row, identity in enumerate(ids) if tag in gold[identity]]
        true = np.array([gold[ids[row]][tag] for row in rows])
        own = agreement(tagger.said(sure_NT)[rows, at].tolist(), sure_NT[rows, at].tolist(), true.tolist())
        found[tag] = own["f1"] or 0.0, highest(sure_NT[rows, at], true)
    return found


def highest(sure_N: NDArray[np.float64], true_N: NDArray[np.bool_]) -> float:
    """The highest F1 of saying yes from some probability on."""
    said = sure_N[:, None] <= sure_N[None]  # threshold by story
    return float((2 * (said & true_N).sum(axis=1) / (said.sum(axis=1) + true_N.sum())).max())


if __name__ == "__main__":
    main()
