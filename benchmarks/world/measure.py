"""What models learned from the world: the tables of docs/world.md.

python -m benchmarks.world.measure PROJECT... [--stories 200] [--tagged 100]

PROJECT: the root of a project whose model was trained on stories of the world. Consistency, beside temperature and
model; then, for the last project, how many of the stories asked for each tag have it by what they say happened, beside
those asked for nothing.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.pages import fill
from tinystories import Request, StoryModel
from tinystories.evaluation.asked import Asked, write_stories
from tinystories.evaluation.intervals import share_interval
from tinystories.evaluation.world import world
from tinystories.files import read_json
from tinystories.paths import Paths
from tinystories.text.tagger import Tagger
from tinystories.text.tags import TAGS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/world.md"
TEMPERATURES = (0.5, 0.8, 1.0)
GUIDANCE = (1.0, 1.5, 2.0, 3.0)
SEED = 7


def request(temperature: float = 0.8, guidance: float = 1) -> Request:
    return Request(temperature=temperature, top_p=0.95, top_k=0, guidance=guidance, seed=SEED)


def consistency(projects: Sequence[Paths], count: int) -> str:
    """A row for each model: how many of the stories that it was asked for nothing replay in the world."""
    head = " | ".join(f"temperature {t:g}" for t in TEMPERATURES)
    lines = [f"| parameters | steps | nats per token | {head} |", "|---" * (len(TEMPERATURES) + 3) + "|"]
    for paths in projects:
        model, train = StoryModel.load(paths.model), read_json(paths.train_metrics)
        cells = [f"{train['parameters']:,}", f"{train['steps']:,}", f"{train['validation_loss']:.3f}"]
        for temperature in TEMPERATURES:
            told = model.generate_many(request(temperature).repeat(count))
            cells.append(shown(world([Asked(None, story, frozenset()) for story in told])["consistent"], count))
        lines.append(f"| {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    return "\n".join([*lines, "", f"{count} stories a cell, 95 % intervals."])


def adherence(paths: Paths, count: int) -> str:
    """A row for each guidance: how many of the stories asked for a tag have it."""
    model, judge = StoryModel.load(paths.model), Tagger.load("judge")
    lines = []
    for guidance in GUIDANCE:
        found = world(write_stories(model, judge, request(guidance=guidance), count, lambda _: None))
        rates = [found["adherence"][str(tag)] for tag in TAGS]
        if not lines:
            lines.append(f"| not asked for | {' | '.join(shown(rate['unconditional'], count) for rate in rates)} | |")
        row = " | ".join(shown(rate["requested"], count) for rate in rates)
        lines.append(f"| asked for, guidance {guidance:g} | {row} | {found['consistent']:.0%} |")
        print(lines[-1], flush=True)
    head = ["| | " + " | ".join(TAGS) + " | consistent |", "|---" * (len(TAGS) + 2) + "|"]
    note = f"{count} stories a tag and {count} asked for nothing, temperature 0.8, 95 % intervals; consistent: of all."
    return "\n".join([*head, *lines, "", note])


def shown(rate: float, count: int) -> str:
    low, high = share_interval(round(rate * count), count)
    return f"{rate:.0%} ({low:.0%} to {high:.0%})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("projects", nargs="+", type=Path, metavar="PROJECT")
    parser.add_argument("--stories", type=int, default=200)
    parser.add_argument("--tagged", type=int, default=100)
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args()
    projects = [Paths(project) for project in options.projects]
    tables = {
        "consistency": consistency(projects, options.stories),
        "adherence": adherence(projects[-1], options.tagged),
    }
    fill(options.page, tables)


if __name__ == "__main__":
    main()
