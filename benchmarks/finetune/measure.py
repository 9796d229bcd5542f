r"""What fine-tuning brings and costs: a 3M model of one data set, adapted to 1,000 stories of another.

    python -m benchmarks.finetune.measure --base-stories V1.txt --new-stories V2.txt \
        --work FOLDER [--preset gpt2-mini] --write docs/finetune.md

Trains the base at scale laptop with a fixed number of steps, draws 1,000 stories to learn and 300 to measure from
the other file, and tunes LoRA of rank 8, of rank 32, and all weights, each for the same steps. Typed again it
goes on where it was. The table replaces what stands between the preset's marks in the page that --write names.
"""

import argparse
import json
import re
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.pages import fill
from tinystories.commands.finetune import prepare_rows
from tinystories.evaluation.score import score_files
from tinystories.files import read_json, write_json, write_text
from tinystories.finetuning.adapters import AdapterSettings
from tinystories.finetuning.rows import read_rows
from tinystories.finetuning.tune import TuneSettings, finetune
from tinystories.generation.story_model import StoryModel
from tinystories.params import load_params
from tinystories.paths import Paths
from tinystories.stages import extract, split, tokenize, train, validate

ROOT = Path(__file__).resolve().parents[2]
LEARNED, MEASURED = 1000, 300
Row = tuple[str, ...]


def base_model(stories: Path, work: Path, steps: int, preset: str) -> Path:
    """The stages up to train, in a folder of their own."""
    paths = Paths(work / "base")
    if not (paths.model / "config.json").is_file():
        shutil.copytree(ROOT / "pipeline", paths.root / "pipeline", dirs_exist_ok=True)
        shutil.copy(ROOT / "params.yaml", paths.root)
        asked = (
            f"preset={preset}", "scale=laptop", "source.kind=files", f"source.path={stories.resolve()}",
            f"train.steps={steps}", "train.validate_every=200", "train.checkpoint_every=100",
        )  # fmt: skip
        params = load_params(paths.root, asked)
        for stage in (extract, validate, split, tokenize):
            stage.run(params, paths)
        train.run(params, paths, say=say)
    return paths.model


def tuned(name: str, settings: TuneSettings, base: Path, data: Sequence[Path], work: Path) -> Row:
    """A row of the table: the base, tuned on the first file of `data`, watched on the second, measured on the third."""
    learned, held_out, plain = data
    out = work / re.sub(r"\W+", "-", name)
    result = work / f"{out.name}.json"
    if not result.is_file():
        start = time.monotonic()
        metrics = finetune(learned, str(base), out, settings, validation=held_out, say=say)
        write_json(result, metrics | {"minutes": (time.monotonic() - start) / 60})
    metrics = read_json(result)
    written = out / ("model.safetensors" if settings.full else "adapter/adapter_model.safetensors")
    costs = (
        f"{metrics['trainable_parameters']:,}",
        f"{metrics['minutes']:.1f}",
        f"{written.stat().st_size / 1e6:.2f} MB",
    )
    return (name, f"{settings.rate:g}", *costs, *measured(out, plain))


def measured(model: Path, stories: Path) -> Row:
    """Nats per story with its interval, bits per byte."""
    score: Any = score_files([stories], StoryModel.load(model))
    low, high = score["interval"]
    return f"{score['nats_per_story']:.1f} ({low:.1f} to {high:.1f})", f"{score['bits_per_byte']:.4f}"


def table(rows: Sequence[Row], preset: str, base_steps: int, steps: int) -> str:
    return "\n".join([
        f"Preset `{preset}`. Base: {base_steps} steps on the first file. Tuning: {steps} steps of 4,096 tokens on "
        f"{LEARNED:,} stories of the second; measured on {MEASURED} others of it.",
        "",
        "| | learning rate | parameters that learn | minutes | file | nats per story (95 %) | bits per byte |",
        "|---|---|---|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ])  # fmt: skip


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-stories", type=Path, required=True)
    parser.add_argument("--new-stories", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--preset", default="story", help="of the base")
    parser.add_argument("--base-steps", type=int, default=600)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--write", type=Path, help="the page with the preset's marks")
    given = parser.parse_args()
    work = given.work.resolve() / given.preset
    base = base_model(given.base_stories, work, given.base_steps, given.preset)
    drawn = prepare_rows(str(given.new_stories), work / "new", LEARNED + MEASURED, LEARNED / (LEARNED + MEASURED), 1)
    learned, held_out = drawn
    plain = work / "held-out.jsonl"
    write_text(plain, "".join(json.dumps({"story": row}) + "\n" for row in read_rows(held_out)))
    ways = {
        "LoRA, rank 8": TuneSettings(adapter=AdapterSettings(8, 16, 0.05), lr=2e-3, steps=given.steps),
        "LoRA, rank 32": TuneSettings(adapter=AdapterSettings(32, 64, 0.05), lr=2e-3, steps=given.steps),
        "all weights": TuneSettings(full=True, lr=5e-4, steps=given.steps),
    }
    rows = [("before", "", "", "", "", *measured(base, plain))]
    rows += [tuned(name, settings, base, (learned, held_out, plain), work) for name, settings in ways.items()]
    text = table(rows, given.preset, given.base_steps, given.steps)
    print(text)
    if given.write:
        fill(given.write, {given.preset: text})


if __name__ == "__main__":
    main()
