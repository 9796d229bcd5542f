"""The tables of docs/results.md: models of one corpus beside each other, from what their projects measured.

python -m benchmarks.results.tables NAME=PROJECT NAME=PROJECT ... [--page FILE]

PROJECT: a folder in which `train` and `evaluate` have run (reports/metrics). The first is the model that the page is
about: its tags and its places in the story are shown.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.pages import fill
from pipeline.readme import figure, percent, share
from tinystories.files import read_json
from tinystories.paths import Paths

PAGE: Final = Path(__file__).resolve().parents[2] / "docs/results.md"
Metrics = Mapping[str, Any]
Row = tuple[str, ...]
TASKS: Final = {
    "middle_of_five": "the right middle of five", "ending_of_four": "the right ending of four",
    "names_swapped": "an ending without the names swapped", "agreement": "agreement", "number": "number",
    "negation": "negation", "speech_verbs": "speech verbs", "pronoun": "the named one's pronoun",
    "who_has_it": "who has the object",
}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("projects", nargs="+", type=_named, metavar="NAME=PROJECT")
    parser.add_argument("--page", type=Path, default=PAGE)
    given = parser.parse_args(arguments)
    found = {name: _metrics(Paths(folder)) for name, folder in given.projects}
    tables = {"models": models(found), "places": places(found), "tags": tags(found), "tasks": tasks(found)}
    fill(given.page, tables)


def models(found: Mapping[str, Metrics]) -> str:
    """One row for each figure, one column for each model."""
    rows: Sequence[tuple[str, Callable[[Metrics], str]]] = (
        ("parameters", lambda m: f"{m['train']['parameters']:,}"),
        ("steps; tokens; epochs", _budget),
        ("nats per story, {stories:,} test stories", lambda m: figure(m["likelihood"], "nats_per_story", 1)),
        ("nats per token", lambda m: f"{m['likelihood']['nats_per_token']:.3f}"),
        ("bits per byte, plain form", lambda m: f"{m['likelihood']['bits_per_byte']:.3f}"),
        ("unigram: nats per story, bits per byte", lambda m: _baseline(m["baselines"]["unigram"])),
        ("Kneser-Ney 5-gram: nats per story, bits per byte", lambda m: _baseline(m["baselines"]["kneser_ney_5"])),
        ("stories that end by themselves: asked for nothing", lambda m: share(m["completion"])),
        ("the same: asked for a tag", lambda m: percent(m["completion"]["requested_share"])),
        ("the same: middles", lambda m: share(m["infilling"], "completion")),
        ("middle given the first and the last sentence", _middle),
        ("last sentence after the written middle, nats", _last),
        ("runs of 8 words found in training", lambda m: _beside_real(m["memorisation"], "share_8grams_in_train")),
        ("longest run of words found in training", _longest),
        ("made-up words", lambda m: _flaw(m, "made_up_words", 2)),
        ("stories that repeat themselves in a loop", lambda m: _flaw(m, "loops")),
        ("stories with a quotation mark too many", lambda m: _flaw(m, "unbalanced_quotes")),
        ("a character named once and never again", lambda m: _flaw(m, "named_once")),
        ("distinct words, pairs, triples; self-BLEU", _variety),
    )
    stories = next(iter(found.values()))["likelihood"]["stories"]
    body = [(name.format(stories=stories), *(cell(m) for m in found.values())) for name, cell in rows]
    return _table(("model", *found), body)


def places(found: Mapping[str, Metrics]) -> str:
    """Nats per token by place in the story."""
    by_place = {name: m["by_position"] for name, m in found.items()}
    names = sorted(next(iter(by_place.values())), key=lambda name: int(name.partition("-")[0]))
    return _table(
        ("tokens of the story", *found),
        [(n.replace("-", "–"), *(figure(own[n], "nats_per_token", 2) for own in by_place.values())) for n in names],
    )


def tags(found: Mapping[str, Metrics]) -> str:
    """The first model's tags in full; of the others how many points asking for a tag brings."""
    first, *others = found.values()
    head = ("tag", "asked for", "not asked for", "asked for others", "asked for, corrected", "judge's F1")
    body = []
    for tag, own in first["adherence"].items():
        cells = [share(own, kind) for kind in ("requested", "unconditional", "shuffled", "requested_corrected")]
        body.append((tag, *cells, f"{first['judge'][tag]['f1']:.3f}", *(_points(m["adherence"][tag]) for m in others)))
    return _table((*head, *(f"{name}: asked for less not asked for" for name in list(found)[1:])), body)


def tasks(found: Mapping[str, Metrics]) -> str:
    """Shares of questions answered right by likelihood."""
    first = next(iter(found.values()))
    body = []
    for key, name in TASKS.items():
        own = [{**m["choosing"], **m["abilities"]}[key] for m in found.values()]
        asked, chance = own[0].get("stories", own[0].get("pairs")), percent(own[0]["chance"], 0)
        grams = "–" if own[0]["ngram"] is None else percent(own[0]["ngram"])
        body.append((name, *(share(one) for one in own), grams, chance, f"{asked}"))
    assert TASKS.keys() == {**first["choosing"], **first["abilities"]}.keys()
    return _table(("task on held-out stories, chosen by likelihood", *found, "5-gram", "by chance", "asked"), body)


def _budget(own: Metrics) -> str:
    train = own["train"]
    return f"{train['steps']:,}; {train['tokens'] / 1e6:.1f} M; {train['epochs']:.1f}"


def _baseline(own: Metrics) -> str:
    return f"{own['nats_per_story']:.1f}, {own['bits_per_byte']:.3f}"


def _middle(own: Metrics) -> str:
    filled = own["infilling"]
    nats = f"{filled['nats_with_last']:.1f} nats, {filled['nats_without_last']:.1f} without the last"
    return f"{nats}: gain {figure(filled, 'gain', 2)}"


def _last(own: Metrics) -> str:
    filled = own["infilling"]
    after = [f"{filled[f'last_after_{what}']:.1f}" for what in ("generated", "true", "other")]
    return f"{after[0]}; after the true one {after[1]}, after another story's {after[2]}"


def _beside_real(own: Metrics, name: str) -> str:
    return f"{share(own, name)} generated, {percent(own[f'real_{name}'])} real unseen stories"


def _longest(own: Metrics) -> str:
    return f"{own['memorisation']['longest_run_words']} generated, {own['memorisation']['real_longest_run_words']} real"


def _flaw(own: Metrics, name: str, digits: int = 1) -> str:
    flaws = own["flaws"]
    return f"{share(flaws['generated'], name, digits)}, real stories {percent(flaws['real'][name], digits)}"


def _variety(own: Metrics) -> str:
    def said(values: Metrics) -> str:
        shares = ", ".join(f"{100 * values[f'distinct_{n}']:.1f}" for n in (1, 2, 3))
        return f"{shares} %; {values['self_bleu']:.3f}"

    return f"{said(own['diversity']['generated'])} (real {said(own['diversity']['real'])})"


def _points(own: Metrics) -> str:
    return _minus(f"{100 * (own['requested'] - own['unconditional']):+.1f}")


def _minus(text: str) -> str:
    return text.replace("-", "−")


def _table(head: Row, body: Sequence[Row]) -> str:
    lines = [head, ("---",) * len(head), *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _named(argument: str) -> tuple[str, Path]:
    name, equals, folder = argument.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{argument}: say NAME=PROJECT")
    return name, Path(folder)


def _metrics(paths: Paths) -> dict[str, Any]:
    return {**read_json(paths.evaluate_metrics), "train": read_json(paths.train_metrics)}


if __name__ == "__main__":
    main()
