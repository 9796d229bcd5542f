r"""What fine-tuning brings and costs: a 3M model of one data set, adapted to 1,000 stories of another.

    python benchmarks/finetune/measure.py --base-stories V1.txt --new-stories V2.txt \
        --work FOLDER --write docs/finetune.md

Trains the base at scale laptop with a fixed number of steps, draws 1,000 stories to learn and 300 to measure from
the other file, and tunes LoRA of rank 8, of rank 32, and all weights, each for the same steps. Typed again it
goes on where it was. The table replaces what stands between the marks of the page that --write names.
"""

import argparse
import json
import re
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from tinystories.commands.finetune import prepare_rows
from tinystories.evaluation.score import score_files
from tinystories.files import write_text
from tinystories.finetuning.adapters import AdapterSettings
from tinystories.finetuning.tune import TuneSettings, finetune
from tinystories.generation.story_model import StoryModel
from tinystories.params import load_params
from tinystories.paths import Paths
from tinystories.stages import extract, split, tokenize, train, validate

ROOT = Path(__file__).resolve().parents[2]
LEARNED, MEASURED = 1000, 300
MARKS = ("<!-- table: benchmarks/finetune/measure.py -->", "<!-- end -->")


def base_model(stories: Path, work: Path, steps: int) -> Path:
    """The stages up to train, in a folder of their own."""
    paths = Paths(work / "base")
    if not (paths.model / "config.json").is_file():
        shutil.copytree(ROOT / "pipeline", paths.root / "pipeline", dirs_exist_ok=True)
        shutil.copy(ROOT / "params.yaml", paths.root)
        asked = (
            "scale=laptop", "source.kind=files", f"source.path={stories.resolve()}", f"train.steps={steps}",
            "train.compile=false", "train.validate_every=200", "train.checkpoint_every=100",
        )  # fmt: skip
        params = load_params(paths.root, asked)
        for stage in (extract, validate, split, tokenize):
            stage.run(params, paths)
        train.run(params, paths, say=say)
    return paths.model


def measured(model: Path, stories: Path) -> dict[str, Any]:
    return dict(score_files([stories], StoryModel.load(model)))


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--base-stories", type=Path, required=True)
    parser.add_argument("--new-stories", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--base-steps", type=int, default=600)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    work = given.work.resolve()
    base = base_model(given.base_stories, work, given.base_steps)
    drawn = prepare_rows(str(given.new_stories), work / "new", LEARNED + MEASURED, LEARNED / (LEARNED + MEASURED), 1)
    learned, held_out = drawn
    plain = work / "held-out.jsonl"
    from tinystories.finetuning.rows import read_rows

    write_text(plain, "".join(json.dumps({"story": row}) + "\n" for row in read_rows(held_out)))
    own = measured(base, plain)
    rows = [("before", "", "", "", "", own)]
    for name, settings in (
        ("LoRA, rank 8", TuneSettings(adapter=AdapterSettings(8, 16, 0.05), lr=2e-3, steps=given.steps)),
        ("LoRA, rank 32", TuneSettings(adapter=AdapterSettings(32, 64, 0.05), lr=2e-3, steps=given.steps)),
        ("all weights", TuneSettings(full=True, lr=5e-4, steps=given.steps)),
    ):
        out = work / re.sub(r"\W+", "-", name)
        result = work / f"{out.name}.json"
        if not result.is_file():
            start = time.monotonic()
            metrics = finetune(learned, str(base), out, settings, validation=held_out, say=say)
            metrics["minutes"] = (time.monotonic() - start) / 60
            write_text(result, json.dumps(metrics))
        metrics = json.loads(result.read_text())
        files = out / "adapter/adapter_model.safetensors" if not settings.full else out / "model.safetensors"
        size = f"{files.stat().st_size / 1e6:.2f} MB"
        rows.append(
            (name, f"{settings.rate:g}", f"{metrics['trainable_parameters']:,}", f"{metrics['minutes']:.1f}", size,
             measured(out, plain))
        )  # fmt: skip
    lines = [
        f"Base: {given.base_steps} steps on the first file. Tuning: {given.steps} steps of 4,096 tokens on {LEARNED:,} "
        f"stories of the second; measured on {MEASURED} others of it.",
        "",
        "| | learning rate | parameters that learn | minutes | file | nats per story (95 %) | bits per byte |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, rate, learning, minutes, size, score in rows:
        low, high = score["interval"]
        lines.append(
            f"| {name} | {rate} | {learning} | {minutes} | {size} | {score['nats_per_story']:.1f} "
            f"({low:.1f} to {high:.1f}) | {score['bits_per_byte']:.4f} |"
        )
    table = "\n".join(lines)
    print(table)
    if given.write:
        page = given.write.read_text(encoding="utf-8")
        begin, end = (page.index(mark) for mark in MARKS)
        write_text(given.write, page[: begin + len(MARKS[0])] + f"\n{table}\n" + page[end:])


if __name__ == "__main__":
    main()
