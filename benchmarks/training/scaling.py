"""Held-out bits per byte by size and minutes, and depth against width: which size to take for which patience.

python -m benchmarks.training.scaling STORIES [--minutes 2,5,10,30] [--sizes 0.3M,0.7M,...,3.4M-deep,...]
                                              [--batch-tokens N]

Scale laptop with its mixed requests and one tokenizer of 4,096 tokens; sizes differ in width, layers and feed-forward
part, learning rates are the same. Writes scaling.md, and for `tinystories train --dry-run` the table of what quality
to expect. What is in trained.jsonl is not trained again, so that the grid can be filled a part at a time; the table
always has all that is there. A size costs half of its longest budget and half of each.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.pages import fill
from benchmarks.training.trained import Line, Recipe, Trained, about, markdown, numbers, project_of, usual_batch
from tinystories.commands.planning import MEASURED, settings
from tinystories.files import write_json

PAGE: Final = Path(__file__).with_name("scaling.md")
MINUTES: Final = (2.0, 5.0, 10.0, 30.0)
SHAPES: Final = {  # width, layers, heads, feed-forward
    "0.3M": (48, 3, 2, 128),
    "0.7M": (96, 3, 3, 256),
    "1.3M": (128, 4, 4, 352),
    "2.2M": (160, 5, 5, 432),
    "3.4M": (192, 6, 6, 512),
    "7.2M": (288, 6, 9, 768),
}
OTHER: Final = {  # as large, but deeper or wider
    "1.3M-deep": (96, 8, 3, 256),
    "1.3M-wide": (160, 2, 5, 432),
    "3.4M-deep": (128, 14, 4, 352),
    "3.4M-wide": (256, 3, 8, 704),
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stories", type=Path)
    parser.add_argument("--minutes", type=numbers, default=list(MINUTES), help="budgets, with commas")
    parser.add_argument("--sizes", default=",".join([*SHAPES, *OTHER]), help=", ".join([*SHAPES, *OTHER]))
    parser.add_argument("--batch-tokens", type=int, default=usual_batch(), help="tokens of a step; default laptop's")
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--measured", type=Path, default=MEASURED)
    given = parser.parse_args(arguments)
    trained = Trained(project_of(given.stories.resolve()))
    for minutes in sorted(given.minutes):
        for name in given.sizes.split(","):
            trained.train(recipe(name, given.batch_tokens), minutes)
    text = page(trained, given.batch_tokens)
    print(text)
    fill(given.page, {"scaling": text})
    write_json(given.measured, for_planning(trained, given.batch_tokens))


def recipe(name: str, batch: int) -> Recipe:
    width, layers, heads, ffn = (SHAPES | OTHER)[name]
    shape = (f"model.width={width}", f"model.layers={layers}", f"model.heads={heads}", f"model.ffn={ffn}")
    return Recipe(f"{name}, mixed requests", (f"train.batch_tokens={batch}", *shape))


def page(trained: Trained, batch: int) -> str:
    """Sizes by minutes, shapes of one size by minutes, and the best size of each budget."""
    rows = {name: trained.budgets(recipe(name, batch)) for name in (*SHAPES, *OTHER)}
    sizes = {name: rows[name] for name in SHAPES if rows[name]}
    every = [line for lines in rows.values() for line in lines.values()]
    parts = [f"Bits per byte, plain form; steps of {batch:,} tokens; {about(every)}.", grid(sizes)]
    if said := advice(sizes):
        parts.append("\n".join(f"- {line}" for line in said))
    for size in ("1.3M", "3.4M"):
        alike = {name: rows[name] for name in (size, f"{size}-deep", f"{size}-wide") if rows[name]}
        if len(alike) > 1:
            parts.append(grid(alike))
    return "\n\n".join(parts)


def grid(rows: Mapping[str, Mapping[float, Line]]) -> str:
    """The best of each column is bold."""
    minutes = sorted({m for lines in rows.values() for m in lines})
    best = {m: min(lines[m]["bits_per_byte"] for lines in rows.values() if m in lines) for m in minutes}
    body = []
    for name, lines in rows.items():
        width, layers, _, _ = (SHAPES | OTHER)[name]
        first = lines[min(lines)]
        cells = [name, f"{width} x {layers}", f"{first['parameters']:,}", f"{first['seconds_per_step']:.3f}"]
        for m in minutes:
            value = lines[m]["bits_per_byte"] if m in lines else None
            text = "–" if value is None else f"{value:.3f}"
            cells.append(f"**{text}**" if value == best[m] else text)
        body.append(cells)
    return markdown(["size", "width x layers", "parameters", "s a step", *(f"{m:g} min" for m in minutes)], body)


def advice(rows: Mapping[str, Mapping[float, Line]]) -> list[str]:
    """Of each budget that two sizes or more were trained for: the best, and the smallest that is about as good."""
    said = []
    for m in sorted({m for lines in rows.values() for m in lines}):
        there = {name: lines[m]["bits_per_byte"] for name, lines in rows.items() if m in lines}
        if len(there) > 1:
            best = min(there, key=there.__getitem__)
            enough = next(name for name, value in there.items() if value <= there[best] * 1.01)
            also = f"; {enough} is within 1 %" if enough != best else ""
            said.append(f"{m:g} minutes: {best} ({there[best]:.3f}){also}")
    return said


def for_planning(trained: Trained, batch: int) -> dict[str, Any]:
    """What planning.py reads: the rows, and the settings for which they hold."""
    params = recipe("3.4M", batch).params()
    names = ("parameters", "minutes", "tokens", "train_tokens", "bits_per_byte")
    lines = [line for name in SHAPES for line in trained.budgets(recipe(name, batch)).values()]
    return {
        "rows": [{name: line[name] for name in names} for line in lines],
        "settings": settings(params),
        "measured": ", ".join(sorted({line["date"] for line in lines})),
    }


if __name__ == "__main__":
    main()
