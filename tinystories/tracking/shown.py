"""What makes one run in MLflow differ from ten others at a glance: name, tags, note, data set, sample stories."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tinystories.corpus.record import PARTITIONS
from tinystories.evaluation.evidence import recipe_of
from tinystories.params import BUDGETS
from tinystories.runfiles import RunFiles

PER_KIND: Final = 5  # sample stories of each kind of request in the table
COLUMNS: Final = ("asked", "met", "story", "ended by itself", "words", "8-grams in training", "seed", "index")


def run_name(made_from: Mapping[str, Any]) -> str:
    """From what is known before training: 4x128-s1-300steps-3ab2c1. MLflow's table shows some 20 letters of it."""
    contents = made_from["made_from"]
    model, train = contents["model"], contents["train"]
    budget = next((f"{train[key]:g}{key}" for key in BUDGETS if train.get(key) is not None), "")
    return f"{model['layers']}x{model['width']}-s{contents['seed']}-{budget}-{made_from['fingerprint'][:6]}"


def about(run: RunFiles) -> dict[str, str]:
    """Tags: the model, what it was trained on and for how long, its seed, and its recipe (all but the seed)."""
    contents = run.made_from["made_from"]
    model, train = contents["model"], run.metrics.get("train", {})
    partitions = run.metrics.get("split", {}).get("stories_per_partition", {})
    tags = {"seed": str(contents["seed"]), "recipe": recipe_of(contents) or ""}
    if train:
        tags["model"] = f"{train['parameters']:,} parameters, {model['layers']} x {model['width']}"
        tags["training"] = f"{train['steps']:,} steps, {train['epochs']:g} epochs, {train['tokens']:,} tokens"
        tags["data"] = f"{train['stories']:,} stories"
    if partitions:
        tags["data"] = ", ".join(f"{partitions[name]:,} {name}" for name in PARTITIONS if name in partitions)
    return tags


def note(run: RunFiles) -> str:
    """The run's description, Markdown: what was trained on what, and the main figures beside the 5-gram's."""
    lines = [f"- {name}: {value}" for name, value in about(run).items()]
    return "\n".join([*lines, *_figures(run.metrics.get("evaluate", {}))])


def _figures(evaluate: Mapping[str, Any]) -> Iterator[str]:
    own, ngram = evaluate.get("likelihood", {}), evaluate.get("baselines", {}).get("kneser_ney_5", {})
    for key, name in (("nats_per_story", "nats per story"), ("bits_per_byte", "bits per byte")):
        if own.get(key) is not None and ngram.get(key) is not None:
            yield f"- **{name}: {own[key]:g}** (5-gram: {ngram[key]:g}; {own['stories']:,} test stories)"


def dataset(run: RunFiles, source: str) -> dict[str, str] | None:
    """The arguments of MLflow's Dataset: the training stories, known by the tokens' fingerprint."""
    train = run.metrics.get("train")
    if train is None:
        return None
    return {
        "name": f"{Path(source).name or 'stories'} ({train['stories']:,} stories)",
        "digest": run.made_from["made_from"]["tokens"],
        "source_type": "local",
        "source": json.dumps({"uri": source}),
        "profile": json.dumps({"num_rows": train["stories"]}),
    }


def sample_stories(evaluation: Path) -> dict[str, Any]:
    """Generated stories as MLflow's tables are stored (pandas' "split"): some for each kind of request."""
    text = (evaluation / "generated.jsonl").read_text(encoding="utf-8")
    data: list[list[Any]] = []
    seen: dict[str, int] = {}
    for line in filter(None, text.split("\n")):
        row = json.loads(line)
        prompt = row["request"].get("prompt")
        asked = f"begins: {prompt}" if prompt else row["asked"] or "nothing"
        seen[asked] = seen.get(asked, 0) + 1
        if seen[asked] > PER_KIND:
            continue
        met = row["verdict"][row["asked"]] if row["asked"] else None
        copied = f"{row['copied']} of {row['grams']}" if row.get("grams") else None
        data.append(
            [
                asked, met, row["text"], row["stopped"] == "eos", len(row["text"].split()), copied,
                row["seed"], row["request"]["index"],
            ]
        )  # fmt: skip
    return {"columns": list(COLUMNS), "data": data}
