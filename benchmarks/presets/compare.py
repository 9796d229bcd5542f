"""The table of docs/presets.md: every preset on the same stories, trained for equally many minutes.

python -m benchmarks.presets.compare STORIES [--minutes N] [--presets A,B,...] [--set key=value]

STORIES: a file or folder of stories. Each preset has a project of its own in .work/presets, where its stages run as
they do under DVC; what is there already and asked for in the same way is not run again. `tags-encoder-mini` comes
twice, with its tags at the start (A) and in every window (B). Parameters stand in the table for every preset, with
the vocabulary asked for. First all presets are timed, on a machine that should do nothing else; minutes are then so
many steps of each, and how long those really take changes nothing.
"""

import argparse
import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from benchmarks.pages import fill, machine
from tinystories.evaluation.differences import Difference, paired_difference, share_difference
from tinystories.files import read_json, write_json
from tinystories.params import Params, load_params
from tinystories.paths import Paths
from tinystories.stages import evaluate, extract, split, tokenize, train, validate
from tinystories.stages.train import model_config
from tinystories.text.tags import TAGS

ROOT: Final = Path(__file__).resolve().parents[2]
WORK: Final = ROOT / ".work/presets"
PAGE: Final = ROOT / "docs/presets.md"
GPT2_AND_TAGS: Final = 50_257 + 9
A, B = "tags-encoder-mini", "tags-encoder-mini (B)"
SMALL: Final = ("nano", "micro", "mini", "small", "gpt2-mini", "gpt-8k", "infilling", "start-end", A, B)
SETTINGS: Final = ("scale=laptop", "train.compile=false", "evaluate.per_tag=40", "evaluate.stories=300")
Row = Mapping[str, Any]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stories", type=Path)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--presets", default=",".join(SMALL))
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    parser.add_argument("--page", type=Path, default=PAGE)
    given = parser.parse_args(arguments)
    names, stories = given.presets.split(","), given.stories.resolve()
    seconds = {name: timed(name, stories, given.overrides) for name in names}
    rows = {name: measure(name, stories, given.minutes, seconds[name], given.overrides) for name in names}
    fill(given.page, {"measured": measured(rows, given.minutes)})


def settings(name: str, stories: Path, overrides: Sequence[str]) -> list[str]:
    """What a preset is asked to be, but for its steps."""
    asked = [*SETTINGS, f"preset={name.partition(' ')[0]}", "source.kind=files", f"source.path={stories}"]
    return [*asked, *(["requests.tags=window"] if name == B else []), *overrides]


def timed(name: str, stories: Path, overrides: Sequence[str]) -> float:
    """Seconds a step of one preset, whose tokens are made for it; the least of three measurements."""
    asked = settings(name, stories, overrides)
    project = project_of(name)
    done = project.root / "timed.json"
    if not (done.is_file() and read_json(done)["asked"] == asked):
        print(f"{name}: tokens, and seconds a step", file=sys.stderr)
        prepare(project.root)
        params = load_params(ROOT, [*asked, "train.steps=1"])
        for stage in (extract, validate, split, tokenize):
            stage.run(params, project)
        each = [train.dry_run(params, project)["seconds_per_step"] for _ in range(3)]
        write_json(done, {"asked": asked, "each": each})
    return min(read_json(done)["each"])


def measure(name: str, stories: Path, minutes: float, seconds: float, overrides: Sequence[str]) -> dict[str, Any]:
    """Metrics of one preset, and where its scores per story are."""
    steps = round(minutes * 60 / seconds)
    asked = [*settings(name, stories, overrides), f"train.steps={steps}"]
    project = project_of(name)
    done = project.root / "measured.json"
    if done.is_file() and read_json(done)["asked"] == asked:
        return dict(read_json(done))
    print(f"{name}: {minutes:g} minutes, {steps} steps", file=sys.stderr)
    params = load_params(ROOT, asked)
    trained = train.run(params, project)
    result = {
        "asked": asked, "steps": steps, "tokens_per_second": trained["tokens"] / steps / seconds,
        "scores": str(project.evaluation / "stories.parquet"), "evaluate": evaluate.run(params, project),
    }  # fmt: skip
    write_json(done, result)
    return result


def project_of(name: str) -> Paths:
    return Paths(WORK / name.replace(" ", "-"))


def prepare(project: Path) -> None:
    """An empty project with this one's settings."""
    shutil.rmtree(project, ignore_errors=True)
    for name in ("pipeline/expectations", "pipeline/conf", "tinystories/evaluation/prompts.yaml", "params.yaml"):
        to = project / name
        to.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, to)


def measured(rows: Mapping[str, Row], minutes: float) -> str:
    """The second table, and A against B where both are there."""
    lines = [
        f"{minutes:g} minutes of training each, on {machine()}, {date.today():%Y-%m-%d}; "
        f"{next(iter(rows.values()))['evaluate']['likelihood']['stories']} test stories. Intervals are of 95 %.",
        "",
        "| preset | parameters | steps | tokens/s | bits per byte | nats/story | tags asked for (and not) "
        "| gain from the last sentence | end by themselves | made-up words |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *(f"| `{name}` | {' | '.join(cells(row))} |" for name, row in rows.items()),
    ]
    if A in rows and B in rows:
        lines += ["", *against(rows[A], rows[B])]
    return "\n".join(lines)


def cells(row: Row) -> list[str]:
    own = row["evaluate"]
    story, filled, ended = own["likelihood"], own.get("infilling"), own["completion"]
    tags = own["adherence"].values()
    found = "–"
    if tags:
        asked, plain = (sum(tag[kind] for tag in tags) / len(tags) for kind in ("requested", "unconditional"))
        found = f"{asked:.0%} ({plain:.0%})"
    return [
        f"{own['model']['parameters']:,}", f"{row['steps']:,}", f"{row['tokens_per_second']:,.0f}",
        f"{story['bits_per_byte']:.3f}", spread(story, "nats_per_story", 0), found,
        spread(filled, "gain", 1) if filled and filled["gain"] is not None else "–",
        f"{ended['share']:.0%}", f"{own['flaws']['generated']['made_up_words']:.1%}",
    ]  # fmt: skip


def spread(values: Row, key: str, digits: int) -> str:
    value, low, high = (values[f"{key}{end}"] for end in ("", "_low", "_high"))
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def against(first: Row, second: Row) -> list[str]:
    """Tags at the start (A) against tags in every window (B), what B has more."""
    nats = [
        {row["story_id"]: row["nats"] for row in pq.read_table(one["scores"]).to_pylist()} for one in (first, second)
    ]
    found = {"nats/story": paired_difference(list(nats[0].values()), [nats[1][i] for i in nats[0]], True)}
    hits = [[hits_of(one, tag) for tag in TAGS] for one in (first, second)]
    sums = [(sum(h for h, _ in tags), sum(n for _, n in tags)) for tags in hits]
    found["all tags"] = share_difference(*sums, less_is_better=False)
    found |= {tag: share_difference(a, b, less_is_better=False) for tag, a, b in zip(TAGS, *hits, strict=True)}
    return [
        "Tags in every window (B) less tags at the start (A), of `tags-encoder-mini`; shares of the stories asked for "
        "a tag in which the judge finds it:",
        "",
        "| | B less A | B is |",
        "|---|---|---|",
        *(f"| {name} | {shown(one, name == 'nats/story')} | {one.verdict} |" for name, one in found.items()),
    ]


def hits_of(row: Row, tag: str) -> tuple[int, int]:
    own = row["evaluate"]["adherence"][tag]
    return round(own["requested"] * own["stories"]), own["stories"]


def shown(one: Difference, nats: bool) -> str:
    value, low, high = ((f"{x:+.1f}" if nats else f"{100 * x:+.0f}") for x in (one.value, one.low, one.high))
    return f"{value} ({low} to {high})" + ("" if nats else " points")


def sizes() -> str:
    """The first table: what each preset is, at scale laptop where it leaves its size to the scale."""
    lines = [
        "| preset | width | layers | heads | feed-forward | vocabulary | context | parameters |",
        "|---|---|---|---|---|---|---|---|",
    ]
    found = []
    for file in (ROOT / "pipeline/conf/preset").glob("*.yaml"):
        params = load_params(ROOT, [f"preset={file.stem}", "scale=laptop"])
        if params.finetune.method != "none":
            continue  # its size is its base's
        found.append((parameters(params), file.stem, params))
    for count, name, params in sorted(found, key=lambda item: item[:2]):
        m = params.model
        ffn = ", ".join(f"{ffn:,}" for ffn in m.ffn) if isinstance(m.ffn, list) else f"{m.ffn:,}"
        context = f"{m.context:,}" if m.window is None else f"windows of {m.window}"
        shape = f"{m.width} | {m.layers} | {m.heads} | {ffn} | {vocabulary(params):,} | {context}"
        lines.append(f"| `{name}` | {shape} | {count:,} |")
    return "\n".join(lines)


def vocabulary(params: Params) -> int:
    return GPT2_AND_TAGS if params.tokenize.kind == "folder" else params.tokenize.vocab_size


def parameters(params: Params) -> int:
    return model_config(params, vocabulary(params)).parameters


if __name__ == "__main__":
    main()
