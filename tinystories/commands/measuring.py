"""A model that nobody has evaluated, measured on what another one was measured on; as `evaluate` would."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinystories.errors import TinyStoriesError
from tinystories.evaluation.abilities import choose, judge_pairs
from tinystories.evaluation.evidence import Evidence, Told
from tinystories.evaluation.infilling import measurable, middle_nats
from tinystories.evaluation.likelihood import Score
from tinystories.evaluation.memorisation import TrainingText, look_up
from tinystories.evaluation.minimal import ABILITIES, pairs_of
from tinystories.evaluation.scoring import model_scorer, scoring_precision
from tinystories.paths import Paths
from tinystories.requests.mixed import StoryTokens

if TYPE_CHECKING:
    from tinystories.generation.story_model import StoryModel

Rows = Mapping[str, Mapping[str, Any]]


def measure(model: "StoryModel", reference: Evidence, paths: Paths, name: str, *, own_data: bool) -> Evidence:
    """The test stories, middles, tasks and requests of `reference`, by `model`.

    own_data: whether it learned from this project's training stories, so that what it copies can be counted.
    Raises TinyStoriesError where the project doesn't have the test stories.
    """
    rows = test_rows(paths)
    scores = score(model, sorted(reference.scores), rows, paths, name)
    told = tell(model, reference.told)
    if own_data:
        told = _counted(told, paths)
    return Evidence(scores, _middles(model, reference, rows), told, _answers(model, reference, rows))


def test_rows(paths: Paths) -> Rows:
    """The project's test stories by id: text, first, middle, last, infillable, tags."""
    import pyarrow.parquet as pq

    if not paths.split.is_file():
        raise TinyStoriesError(f"no {paths.split}: the project has no test stories to score on; run `dvc repro split`")
    columns = ["story_id", "text", "first", "middle", "last", "infillable"]
    table = pq.read_table(paths.split, columns=columns, filters=[("partition", "==", "test")])
    return {row["story_id"]: row for row in table.to_pylist()}


def score(model: "StoryModel", ids: Sequence[str], rows: Rows, paths: Paths, name: str) -> dict[str, Score]:
    """Whole stories as text, by the one definition of loss: any tokenizer can be compared by their nats."""
    missing = sum(i not in rows for i in ids)
    if missing:
        raise TinyStoriesError(
            f"{name}: {missing} of the {len(ids)} test stories that it must be scored on are not in {paths.split}: "
            "compare evaluated models, or run the pipeline on the same data"
        )
    scored = model.score([rows[i]["text"] for i in ids], scoring_precision(model.loaded.model))
    return {i: Score(i, own.nats, own.tokens, own.bytes) for i, own in zip(ids, scored, strict=True)}


def tell(model: "StoryModel", wanted: Sequence[Told]) -> list[Told]:
    """The same requests with the same seeds, told by `model` and judged."""
    from tinystories.generation.requests import Request
    from tinystories.text.tagger import Tagger

    judge = Tagger.load("judge")
    stories = model.generate_many([Request(**asked.request) for asked in wanted])
    return [
        replace(
            asked, text=story.text, ended=story.stopped == "eos", found=frozenset(judge.tags(story.text)),
            copied=None, grams=None,
        )
        for asked, story in zip(wanted, stories, strict=True)
    ]  # fmt: skip


def _counted(told: Sequence[Told], paths: Paths) -> list[Told]:
    import pyarrow.parquet as pq

    texts = pq.read_table(paths.split, columns=["text"], filters=[("partition", "==", "train")])["text"]
    looked = look_up((one.text for one in told), TrainingText(text.as_py() for text in texts))
    return [replace(one, copied=own.hits, grams=own.grams) for one, own in zip(told, looked, strict=True)]


def _middles(model: "StoryModel", reference: Evidence, rows: Rows) -> dict[str, float]:
    loaded = model.loaded
    stories = _tokens(model, [i for i in reference.middles if i in rows], rows)
    context = loaded.config.context
    fitting = measurable(loaded.tokenizer, stories, context)
    scored = middle_nats(loaded.model, loaded.tokenizer, fitting, context, precision=scoring_precision(loaded.model))
    return {one.story_id: one.with_last for one in scored}


def _answers(model: "StoryModel", reference: Evidence, rows: Rows) -> dict[tuple[str, str], bool]:
    """The reference's questions: minimal pairs, and the tasks of choosing among the same stories in their order."""
    tokenizer, context = model.loaded.tokenizer, model.loaded.config.context
    scorer = model_scorer(model.loaded.model, context, scoring_precision(model.loaded.model))
    asked = [(ability, i) for ability in ABILITIES for i in rows if (f"abilities/{ability}", i) in reference.answers]
    pairs = [pair for ability, i in asked if (pair := pairs_of(ability, i, rows[i]["text"])) is not None]
    answers = {
        (f"abilities/{one.pair.ability}", one.pair.story_id): one.right
        for one in judge_pairs(scorer, tokenizer, pairs, context)
    }
    chosen_from = dict.fromkeys(i for task, i in reference.answers if task.startswith("choosing/") and i in rows)
    chosen = choose(scorer, tokenizer, _tokens(model, list(chosen_from), rows), rows, context)
    return answers | {(f"choosing/{task}", own.story_id): own.right for task, found in chosen.items() for own in found}


def _tokens(model: "StoryModel", ids: Sequence[str], rows: Rows) -> list[StoryTokens]:
    """The stories as `model`'s tokenizer cuts them, without what is asked for in training alone."""
    tokenizer = model.loaded.tokenizer
    parts = [tokenizer.encode_many([rows[i][part] for i in ids]) for part in ("first", "middle", "last")]
    return [
        StoryTokens(
            story_id=i, first=first, middle=middle, last=last, infillable=rows[i]["infillable"], tags=(), words=(),
            end="", length=len(rows[i]["text"].split()), bytes=len(rows[i]["text"].encode()),
        )
        for i, first, middle, last in zip(ids, *parts, strict=True)
    ]  # fmt: skip


def training_text_is_here(stamp: Mapping[str, Any], paths: Paths) -> bool:
    """Whether the model with that fingerprint.json was made from this project's tokens."""
    from tinystories.files import fingerprint

    tokens: Path = paths.tokens
    return tokens.is_dir() and bool(stamp.get("made_from", {}).get("tokens") == fingerprint(tokens))
