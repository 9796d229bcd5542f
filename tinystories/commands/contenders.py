"""What a name given to `compare` stands for, and what is known of that model, story by story."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from tinystories.commands.pipeline import store_root
from tinystories.errors import ModelError, TinyStoriesError
from tinystories.evaluation.evidence import Contender, Evidence, Told, stories_fingerprint
from tinystories.evaluation.likelihood import Score
from tinystories.files import read_json
from tinystories.params import load_params
from tinystories.paths import Paths
from tinystories.text.tags import TAGS

COMMON: Final = 30  # test stories that two evaluations must share to be compared without scoring again
STAMP: Final = "fingerprint.json"
ADDRESSES: Final = ("runs:/", "models:/")  # of MLflow

Say = Callable[[str], None]


@dataclass(frozen=True)
class Found:
    """A model and, where it has been evaluated, the folder with that. `model` fetches the folder when called."""

    name: str
    origin: str
    stamp: Mapping[str, Any]  # the model's fingerprint.json; empty where there is none
    model: Callable[[], Path]
    evaluation: Path | None


def gather(names: Sequence[str], paths: Paths, say: Say, stack: ExitStack) -> tuple[list[Contender], list[str]]:
    """The models that `names` stand for, all measured on the same test stories; and notes, a line each.

    A name is a model folder, a project's root, an address of MLflow's (runs:/ID, models:/NAME@ALIAS), a
    DVC experiment or revision, or a run of MLflow's by name, id or the model's fingerprint. `paths` are
    the project's, whose test stories measure a folder without an evaluation. Fetched files live as long
    as `stack`. Raises TinyStoriesError, one line, for what can't be found or compared.
    """
    found = [find(name, paths, stack) for name in names]
    known = {place: _read(one.evaluation) for place, one in enumerate(found) if one.evaluation is not None}
    notes: list[str] = []
    reference = next(iter(known.values()), None) or _unmeasured(paths)
    for place, one in enumerate(found):
        if place not in known:
            say(f"{one.name}: no evaluation of it; scoring it on {len(reference.scores)} test stories of this project")
            known[place] = _measure(one, reference, paths)
            notes += _unlike(one, paths)
    evidence = [known[place] for place in range(len(found))]
    evidence = _same_stories(found, evidence, paths, notes, say)
    if not set.intersection(*({told.key for told in own.told} for own in evidence)):
        notes.append("asked for stories by different settings of evaluate, so what they wrote is not compared")
    contenders = [
        Contender(one.name, one.origin, one.stamp.get("fingerprint", ""), one.stamp.get("made_from", {}), own)
        for one, own in zip(found, evidence, strict=True)
    ]
    return contenders, notes


def find(name: str, paths: Paths, stack: ExitStack) -> Found:
    """What `name` stands for; files that must be fetched live as long as `stack`."""
    if name.startswith(ADDRESSES):
        found = _run(name, paths)
    elif Path(name).exists():
        found = _folder(name)
    else:
        found = _experiment(name, paths, stack) or _run(name, paths)
    if found is None and name.startswith(ADDRESSES):
        raise ModelError(f"{name}: MLflow has no such run or model; `mlflow ui` shows what there is")
    if found is None:
        raise ModelError(f"{name}: neither a folder, nor a DVC experiment or revision, nor a run in MLflow")
    return found


def _folder(name: str) -> Found:
    """A project's root stands for its current model, and its models/current has that project's evaluation."""
    path = Path(name).resolve()
    root = path if (path / "params.yaml").is_file() else path.parent.parent
    own = Paths(root)
    model = own.model if path == root else path
    if not (model / "config.json").is_file():
        raise ModelError(f"no model in {name}: name a model folder, or a project that has run")
    stamp = read_json(model / STAMP) if (model / STAMP).is_file() else {}
    evaluated = own.evaluate_metrics.is_file() and own.evaluation.is_dir() and model == own.model
    if evaluated:
        evaluated = read_json(own.evaluate_metrics)["model"]["fingerprint"] == stamp.get("fingerprint")
    origin = f"project {root.name}" if evaluated else "model folder"
    return Found(name, origin, stamp, lambda: model, own.evaluation if evaluated else None)


def _run(name: str, paths: Paths) -> Found | None:
    from tinystories.tracking.store import find_run

    run = find_run(store_root(paths.root), name)
    if run is None:
        return None
    model = run.artifacts / "model"
    if not (model / STAMP).is_file():
        raise ModelError(f"{name}: the run {run.name} has no model yet: train it to its end")
    evaluation = run.artifacts / "evaluation"
    return Found(
        name, f"MLflow run {run.name}", read_json(model / STAMP), lambda: model,
        evaluation if (evaluation / "stories.parquet").is_file() else None,
    )  # fmt: skip


def _experiment(name: str, paths: Paths, stack: ExitStack) -> Found | None:
    """A DVC experiment by its name, or any revision: what dvc.lock says there, from git and DVC's cache."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.scm import NoSCM, resolve_rev

    try:
        with Repo(str(paths.root)) as repo:
            if isinstance(repo.scm, NoSCM):
                return None
            revision = resolve_rev(repo.scm, name)
    except DvcException:
        return None
    files = _Revision(name, revision, paths, Path(stack.enter_context(_temporary())))
    stamp = files.json(f"models/current/{STAMP}")
    metrics = files.json("reports/metrics/evaluate.json")
    evaluated = metrics["model"]["fingerprint"] == stamp["fingerprint"]
    origin = f"DVC experiment or revision {revision[:7]}"
    return Found(
        name, origin, stamp, lambda: files.folder("models/current"),
        files.folder("reports/evaluation") if evaluated else None,
    )  # fmt: skip


def _temporary() -> AbstractContextManager[str]:
    return TemporaryDirectory(prefix="tinystories-compare-")


class _Revision:
    """Files of a revision, wherever they are: in git, or in DVC's cache or remote."""

    def __init__(self, name: str, revision: str, paths: Paths, to: Path) -> None:
        from dvc.api import DVCFileSystem

        self.name, self.to = name, to
        self.files = DVCFileSystem(str(paths.root), rev=revision)

    def json(self, path: str) -> Any:
        return json.loads(self._fetched(lambda: self.files.read_text(f"/{path}"), path))

    def folder(self, path: str) -> Path:
        to = self.to / path
        if not to.is_dir():
            to.parent.mkdir(parents=True, exist_ok=True)
            self._fetched(lambda: self.files.get(f"/{path}", str(to), recursive=True), path)
        return to

    def _fetched(self, fetch: Callable[[], Any], path: str) -> Any:
        from dvc.exceptions import DvcException

        try:
            return fetch()
        except (OSError, DvcException) as error:
            reason = " ".join(str(error).split())[:160]
            raise ModelError(f"{self.name}: no {path} at that revision, or not in DVC's cache ({reason})") from None


# ---- measuring


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
    """What to measure where no model has been: test stories of the project, and evaluate's requests."""
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
    ids = sorted(_texts(paths))[: settings.stories]  # ids are hashes: their order is a random one
    return Evidence({i: Score(i, 0.0, 0, 0) for i in ids}, told=asked)


def _measure(one: Found, reference: Evidence, paths: Paths) -> Evidence:
    """The same test stories scored and the same requests told, with the same seeds, as in `reference`."""
    from tinystories.generation.requests import Request
    from tinystories.generation.story_model import StoryModel
    from tinystories.text.tagger import Tagger

    model = StoryModel.load(one.model())
    scores = _score(model, sorted(reference.scores), paths, one.name)
    judge = Tagger.load("judge")
    stories = model.generate_many([Request(**asked.request) for asked in reference.told])
    told = [
        replace(
            asked, text=story.text, ended=story.stopped == "eos", found=frozenset(judge.tags(story.text)),
            copied=None, grams=None,
        )
        for asked, story in zip(reference.told, stories, strict=True)
    ]  # fmt: skip
    return Evidence(scores, told=told)


def _score(model: Any, ids: Sequence[str], paths: Paths, name: str) -> dict[str, Score]:
    """Whole stories as text, by the one definition of loss: any tokenizer can be compared by their nats."""
    texts = _texts(paths)
    missing = sum(i not in texts for i in ids)
    if missing:
        raise TinyStoriesError(
            f"{name}: {missing} of the {len(ids)} test stories that it must be scored on are not in {paths.split}: "
            "compare evaluated models, or run the pipeline on the same data"
        )
    scored = model.score([texts[i] for i in ids])
    return {i: Score(i, score.nats, score.tokens, score.bytes) for i, score in zip(ids, scored, strict=True)}


def _texts(paths: Paths) -> dict[str, str]:
    """The project's test stories by id."""
    import pyarrow.parquet as pq

    if not paths.split.is_file():
        raise TinyStoriesError(f"no {paths.split}: the project has no test stories to score on; run `dvc repro split`")
    table = pq.read_table(paths.split, columns=["story_id", "text"], filters=[("partition", "==", "test")])
    return {row["story_id"]: row["text"] for row in table.to_pylist()}


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

        again.append(replace(own, scores=_score(StoryModel.load(one.model()), sorted(first.scores), paths, one.name)))
        notes.append(
            f"{one.name} was evaluated on other test stories and is scored again on those of {found[0].name}; "
            "some of them may have been in its training"
        )
    return again


def _unlike(one: Found, paths: Paths) -> list[str]:
    """A note where a model was made from other tokens than the project's, so that it may know these stories."""
    from tinystories.files import fingerprint

    tokens = one.stamp.get("made_from", {}).get("tokens")
    if paths.tokens.is_dir() and tokens == fingerprint(paths.tokens):
        return []
    return [f"{one.name} was made from other data: some of these test stories may have been in its training"]
