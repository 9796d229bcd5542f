"""Held-out bits per byte after 1 to 30 minutes: our recipe, a plain one, and what the mixed requests cost.

python -m benchmarks.training.quality STORIES [--minutes 1,2,5,10,20,30] [--recipes best,plain,mixed]
                                              [--batch-tokens N,...]

STORIES: a file or folder of stories, held out by hash as in the pipeline. 3.4M parameters, 4,096 tokens.
best: scale laptop (bf16 where the CPU has it, torch.compile, Muon and AdamW), on stories alone; mixed: the same with
the requests of params.yaml; plain: fp32, eager, AdamW, on stories alone, with the best of three learning rates after 5
minutes (or what of the minutes asked for is nearest). What is in trained.jsonl is not trained again, so that a table
can be made a column at a time; it always has all that is there. Budgets that share a path cost less than their sum:
half of the longest, and half of each.
"""

import argparse
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Final

from benchmarks.pages import fill
from benchmarks.training.trained import ROOT, Line, Recipe, Trained, about, markdown, numbers, project_of, usual_batch

PAGE: Final = ROOT / "docs/benchmarks/training.md"
MINUTES: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
RATES: Final = (0.001, 0.002, 0.004)  # of the plain recipe's AdamW
TRIAL: Final = 5.0  # minutes after which the plain recipe's rate is chosen
ALONE: Final = ("requests.plain=1", "requests.controls=0", "requests.between=0")
PLAIN: Final = (*ALONE, "train.optimizer=adamw", "train.precision=fp32", "train.compile=false")
NAMES: Final = {
    "best": "ours, stories alone",
    "mixed": "ours, mixed requests",
    "plain": "fp32, AdamW, eager, stories alone",
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stories", type=Path)
    parser.add_argument("--minutes", type=numbers, default=list(MINUTES), help="budgets, with commas")
    parser.add_argument("--recipes", default=",".join(NAMES), help="of best, mixed, plain")
    parser.add_argument(
        "--batch-tokens", type=numbers, default=[usual_batch()], help="tokens of a step, with commas; default laptop's"
    )
    parser.add_argument("--page", type=Path, default=PAGE)
    given = parser.parse_args(arguments)
    trained = Trained(project_of(given.stories.resolve()))
    for batch in map(int, given.batch_tokens):
        for name in given.recipes.split(","):
            measure(trained, name, batch, sorted(given.minutes))
    text = table(trained)
    print(text)
    fill(given.page, {"quality": text})


def recipe(name: str, batch: int, rate: float | None = None) -> Recipe:
    """`rate`: the peak learning rate of AdamW, where it is not the scale's."""
    own = {"best": ALONE, "mixed": (), "plain": PLAIN}[name]
    return Recipe(
        NAMES[name], (f"train.batch_tokens={batch}", *own, *([f"train.lr={rate}"] if rate is not None else []))
    )


def measure(trained: Trained, name: str, batch: int, minutes: Sequence[float]) -> None:
    """Train `name` for all of `minutes`, shortest first: each goes on from the one before."""
    chosen = recipe(name, batch)
    if name == "plain":
        trial = min(minutes, key=lambda m: abs(m - TRIAL))
        losses = {rate: trained.train(recipe(name, batch, rate), trial)["bits_per_byte"] for rate in RATES}
        chosen = recipe(name, batch, min(losses, key=losses.__getitem__))
    for budget in minutes:
        trained.train(chosen, budget)


def table(trained: Trained) -> str:
    """All that has been measured, a recipe a line; of the plain one, each of its rates."""
    batches = sorted({line["batch_tokens"] for line in trained.lines() if line["kind"] == "training"})
    kinds = [("best", None), ("mixed", None), *(("plain", rate) for rate in RATES)]
    rows: list[tuple[list[str], dict[float, Line], str]] = []
    for (name, rate), batch in product(kinds, batches):
        lines = trained.budgets(recipe(name, batch, rate))
        if lines:
            label = NAMES[name] + (f", learning rate {rate:g}" if rate else "")
            begin = [f"{batch:,}", f"{lines[min(lines)]['seconds_per_step']:.3f}"]
            rows.append(([label, *begin], lines, "bits_per_byte"))
            if name == "mixed":
                rows.append(([f"{label}; all controls given", *begin], lines, "bits_per_byte_given_controls"))
    minutes = sorted({m for _, lines, _ in rows for m in lines})
    every = [line for _, lines, _ in rows for line in lines.values()]
    head = ["recipe", "tokens a step", "s a step", *(f"{m:g} min" for m in minutes)]
    body = [
        [*begin, *(f"{lines[m][measure]:.3f}" if m in lines else "–" for m in minutes)]
        for begin, lines, measure in rows
    ]
    return (
        f"Bits per byte in the plain form, if nothing else is said; {every[0]['parameters']:,} parameters; "
        f"{about(every)}.\n\n{markdown(head, body)}"
    )


if __name__ == "__main__":
    main()
