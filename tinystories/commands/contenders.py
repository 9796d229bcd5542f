"""Models to compare, all measured on the same stories: as evaluate left it, or measured now."""

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from tinystories.commands.finding import Found, find
from tinystories.commands.measuring import measure, score, tell, test_rows, training_text_is_here
from tinystories.evaluation.abilities import make_pairs
from tinystories.evaluation.choices import CHANCE
from tinystories.evaluation.evidence import Contender, Evidence, Told, stories_fingerprint, worth_showing
from tinystories.evaluation.likelihood import Score
from tinystories.params import load_params
from tinystories.paths import Paths
from tinystories.text.tags import TAGS

COMMON: Final = 30  # test stories that two evaluations must share to be compared without scoring again

Say = Callable[[str], None]


def gather(
    names: Sequence[str], paths: Paths, say: Say, stack: ExitStack, *, show: bool = False
) -> tuple[list[Contender], list[str]]:
    """The models that `names` stand for, all measured on the same test stories; and notes, a line each.

    A name is a model folder, a project's root, an address of MLflow's (runs:/ID, models:/NAME@ALIAS), a
    DVC experiment or revision, or a run of MLflow's by name, id or the model's fingerprint. `paths` are
    the project's, whose test stories measure a folder without an evaluation. With `show`, models that were
    asked with other seeds than the first tell some stories again, to be shown beside its own. Fetched files
    live as long as `stack`. Raises TinyStoriesError, one line, for what can't be found or compared.
    """
    found = [find(name, paths, stack) for name in names]
    known = {place: _read(one.evaluation) for place, one in enumerate(found) if one.evaluation is not None}
    notes: list[str] = []
    reference = next(iter(known.values()), None) or _unmeasured(paths)
    for place, one in enumerate(found):
        if place not in known:
            say(
                f"{one.name}: no evaluation of it; measuring it on {len(reference.scores)} test stories of this project"
            )
            known[place] = _measure(one, reference, paths, notes)
    evidence = [known[place] for place in range(len(found))]
    evidence = _same_stories(found, evidence, paths, notes, say)
    if not set.intersection(*({told.wish for told in own.told} for own in evidence)):
        notes.append("asked for stories by different settings of evaluate, so what they wrote is not compared")
    if show:
        evidence = [_with_beside(one, own, evidence[0], say) for one, own in zip(found, evidence, strict=True)]
    contenders = [
        Contender(one.name, one.origin, one.stamp.get("fingerprint", ""), one.stamp.get("made_from", {}), own)
        for one, own in zip(found, evidence, strict=True)
    ]
    return contenders, notes


def _read(folder: Path) -> Evidence:
    """An evaluation as the stage wrote it."""
    import pyarrow.parquet as pq

    rows = pq.read_table(folder / "stories.parquet", columns=["story_id", "nats", "tokens", "bytes"]).to_pylist()
    told = [
        Told(
            request=row["request"], tag=row["asked"], text=row["text"], ended=row["stopped"] == "eos",
            found=frozenset(tag for tag in TAGS if row["verdict"].get(tag)),
            copied=row.get("copied"), grams=row.get("grams"),
        )
        for row in _json_lines(folder / "generated.jsonl")
    ]  # fmt: skip
    middles = {row["story_id"]: row["middle_with_last"] for row in _json_lines(folder / "infillings.jsonl")}
    answers = {
        (f"{group}/{row[name]}", row["story_id"]): row["right"]
        for group, name, file in (("abilities", "ability", "pairs.jsonl"), ("choosing", "task", "choices.jsonl"))
        if (folder / file).is_file()  # evaluations of older versions have none
        for row in _json_lines(folder / file)
    }
    return Evidence({row["story_id"]: Score(**row) for row in rows}, middles, told, answers)


def _json_lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]


def _unmeasured(paths: Paths) -> Evidence:
    """What to measure where no model has been: test stories of the project, and evaluate's tasks and requests."""
    from tinystories.generation.requests import Request

    params = load_params(paths.root)
    settings = params.evaluate
    request = Request(
        max_tokens=settings.max_tokens, temperature=settings.temperature, top_p=settings.top_p, top_k=0,
        seed=params.seed,
    )  # fmt: skip
    asked = [
        Told(one.to_json(), tag, "", False, frozenset())
        for tag in (None, *TAGS)
        for one in replace(request, tags=(tag,) if tag else ()).repeat(settings.per_tag)
    ]
    rows = test_rows(paths)
    ids = sorted(rows)[: settings.stories]  # ids are hashes: their order is a random one
    pairs = make_pairs({i: rows[i]["text"] for i in ids}, settings.pairs)
    answers = {(f"abilities/{pair.ability}", pair.story_id): False for pair in pairs}
    answers |= {(f"choosing/{task}", i): False for task in CHANCE for i in ids[: settings.choices]}
    middles = dict.fromkeys((i for i in ids[: settings.infillings] if rows[i]["infillable"]), 0.0)
    return Evidence({i: Score(i, 0.0, 0, 0) for i in ids}, middles, asked, answers)


def _measure(one: Found, reference: Evidence, paths: Paths, notes: list[str]) -> Evidence:
    """What `reference` was measured on; what that can't be said of, as a note."""
    from tinystories.generation.story_model import StoryModel

    own_data = training_text_is_here(one.stamp, paths)
    if not own_data:
        notes.append(
            f"{one.name} was made from other data: some of these test stories may have been in its training, "
            "and what it copies from there is not measured"
        )
    return measure(StoryModel.load(one.model()), reference, paths, one.name, own_data=own_data)


def _with_beside(one: Found, own: Evidence, first: Evidence, say: Say) -> Evidence:
    """With stories for the first one's requests and seeds, told now where they were not told before."""
    wanted, known = worth_showing(first.told), {told.key for told in own.told}
    missing = [told for told in wanted if told.key not in known]
    if not missing:
        return own
    from tinystories.generation.story_model import StoryModel

    say(f"{one.name}: was asked with other seeds; telling {len(missing)} stories to show beside the first one's")
    return replace(own, beside=tell(StoryModel.load(one.model()), missing))


def _same_stories(
    found: Sequence[Found], evidence: Sequence[Evidence], paths: Paths, notes: list[str], say: Say
) -> list[Evidence]:
    """As they are where all share enough test stories; else scored again on the first one's."""
    if len({stories_fingerprint(list(own.scores)) for own in evidence}) == 1:
        return list(evidence)
    common = set.intersection(*(set(own.scores) for own in evidence))
    if len(common) >= COMMON:
        most = max(len(own.scores) for own in evidence)
        notes.append(f"evaluated on different test stories: compared on the {len(common)} of {most} that all have")
        return list(evidence)
    first = evidence[0]
    again = [first]
    for one, own in zip(found[1:], evidence[1:], strict=True):
        if own.scores.keys() == first.scores.keys():
            again.append(own)
            continue
        say(f"{one.name}: evaluated on other test stories; scoring it again on the {len(first.scores)} of the first")
        from tinystories.generation.story_model import StoryModel

        model, rows = StoryModel.load(one.model()), test_rows(paths)
        again.append(replace(own, scores=score(model, sorted(first.scores), rows, paths, one.name)))
        notes.append(
            f"{one.name} was evaluated on other test stories and is scored again on those of {found[0].name}; "
            "some of them may have been in its training"
        )
    return again
