"""Stage 6: measure the model on the test stories, beside n-grams of the same tokens and real text."""

import csv
import hashlib
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from tinystories.errors import ModelError, TinyStoriesError
from tinystories.evaluation.abilities import abilities, choosing
from tinystories.evaluation.asked import Asked, Done, tags_known, write_prompted, write_stories
from tinystories.evaluation.baselines import BEST, baseline_figures, fit_baselines
from tinystories.evaluation.choices import Chosen
from tinystories.evaluation.flaws import made_up
from tinystories.evaluation.grader import KEY, Graded, Grader, grade, grades
from tinystories.evaluation.infilling import measurable
from tinystories.evaluation.likelihood import Score, likelihood, score
from tinystories.evaluation.memorisation import Copied, Looked, TrainingText, look_up, most_copied
from tinystories.evaluation.prompts import read_prompts
from tinystories.evaluation.suites import HeldOut, Task, ability_tasks, absent, breakdown, infill, written_stories
from tinystories.files import atomic, read_json, write_json, write_text
from tinystories.generation.requests import Request
from tinystories.generation.story_model import StoryModel
from tinystories.params import EvaluateParams, Params
from tinystories.paths import Paths
from tinystories.requests.stored import StoredStories
from tinystories.text.tagger import Tagger
from tinystories.training.compiled import compile_scoring
from tinystories.training.hardware import device_of

COPIED: Final = 3  # generated stories shown beside their nearest training story
DIGITS: Final = 6  # significant digits kept of a metric
SCORES: Final = pa.schema(
    [
        pa.field("story_id", pa.string(), nullable=False),
        pa.field("nats", pa.float64(), nullable=False),
        pa.field("tokens", pa.int64(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
    ]
)
RATES: Final = ("requested", "unconditional", "shuffled")
Row = Mapping[str, Any]


def run(
    params: Params, paths: Paths, on_story: Callable[[int, int], None] = lambda ended, stories: None
) -> dict[str, Any]:
    """models/current, data/tokens, data/split -> reports/evaluation; returns the metrics, also written as JSON.

    A figure without a story to measure it on is null. on_story(ended, stories) hears of each
    generated story. Raises ModelError without a model, TinyStoriesError without test stories or
    where model, tokens and stories don't belong together; and where a grader was asked for and
    does not answer.
    """
    settings = params.evaluate
    model = StoryModel.load(paths.model, device_of(params.train.device).type)
    _check_tokenizer(paths)
    test = _test_stories(paths, settings.stories)
    prompts = read_prompts(paths.root / settings.prompts)
    judge, loaded = Tagger.load("judge"), model.loaded
    if params.train.compile:
        compile_scoring(loaded.model)
    fillable = measurable(loaded.tokenizer, test.stories, loaded.config.context, loaded.form)
    chosen = fillable[: settings.infillings]
    done = _counter(on_story, settings.per_tag * (1 + len(tags_known(model))) + len(prompts) + len(chosen))
    # top-k is off, so that the two settings in params.yaml are all there is
    request = Request(
        max_tokens=settings.max_tokens, temperature=settings.temperature, top_p=settings.top_p, top_k=0,
        seed=params.seed,
    )  # fmt: skip
    task = Task(model, test, settings, params.seed, request, done)

    scores = score(loaded.model, loaded.tokenizer, test.stories, loaded.config.context, task.precision)
    stored = StoredStories(paths.tokens, "train")
    ngrams, counted = fit_baselines(loaded.tokenizer, (stored[i] for i in _by_hash(stored)))
    prompted = write_prompted(model, judge, prompts, request, done)
    asked = write_stories(model, judge, request, settings.per_tag, done)
    filled, middles = infill(task, fillable, chosen)
    chosen_by, judged = ability_tasks(task, ngrams[BEST])
    texts = _training_texts(paths)
    training = TrainingText(text.as_py() for text in texts)
    looked = look_up((one.story.text for one in (*prompted, *asked)), training)
    parrots = most_copied(looked[len(prompted) :], training, COPIED)
    graded = _grade(settings, prompted)
    metrics = {
        "model": {"parameters": loaded.config.parameters, "fingerprint": loaded.fingerprint},
        "likelihood": likelihood(scores, settings.bootstrap, params.seed),
        **breakdown(task, scores),
        "baselines": baseline_figures(ngrams, counted, loaded.tokenizer, test.stories, settings.bootstrap, params.seed),
        **({"infilling": filled} if filled else {}),
        "choosing": choosing(*chosen_by),
        "abilities": abilities(*judged),
        **written_stories(task, asked, looked[len(prompted) :], training, judge),
        "judge": judge.gold,
        **({"absent": reasons} if (reasons := absent(task)) else {}),
        **({"grades": grades(graded, settings.bootstrap, params.seed)} if graded else {}),
    }
    result: dict[str, Any] = _plain(metrics)
    folder = paths.evaluation
    _write_scores(folder / "stories.parquet", scores)
    _write_json_lines(folder / "generated.jsonl", _told([*prompted, *asked], looked, training))
    _write_json_lines(folder / "infillings.jsonl", middles)
    _write_json_lines(folder / "pairs.jsonl", [one.to_json() for one in judged[0]])
    _write_json_lines(folder / "choices.jsonl", _choices(chosen_by[0]))
    _write_json_lines(folder / "copied.jsonl", _copies(texts, parrots, asked, len(prompted)))
    _write_json_lines(folder / "grades.jsonl", [one.to_json() for one in graded])
    _write_adherence(paths.adherence_plot, result["adherence"])
    write_json(paths.evaluate_metrics, result)
    return result


def _check_tokenizer(paths: Paths) -> None:
    model, tokens = paths.model / "tokenizer.json", paths.tokens / "tokenizer.json"
    if tokens.is_file() and read_json(model) != read_json(tokens):
        raise ModelError(
            f"{paths.model} has another tokenizer than {paths.tokens}: run `dvc repro train` to train on these tokens"
        )


def _test_stories(paths: Paths, limit: int | None) -> HeldOut:
    stored = StoredStories(paths.tokens, "test")
    stories = [stored[i] for i in _by_hash(stored)[:limit]]
    if not stories:
        raise TinyStoriesError(f"{paths.tokens}: no test stories; give more stories, or a larger partitions.test")
    columns = ["story_id", "text", "first", "middle", "last", "tags", "tags_from", "source"]
    table = pq.read_table(paths.split, columns=columns, filters=[("partition", "==", "test")])
    rows = {row["story_id"]: row for row in table.to_pylist()}
    if any(story.story_id not in rows for story in stories):
        raise TinyStoriesError(f"{paths.tokens} holds stories that {paths.split} does not: run `dvc repro tokenize`")
    return HeldOut(stories, rows)


def _by_hash(stored: StoredStories) -> list[int]:
    """Indices in an order that does not depend on where the stories stand or how many are added."""
    ids = stored.story_ids
    return sorted(range(len(ids)), key=lambda i: hashlib.sha256(f"evaluate:{ids[i]}".encode()).digest())


def _training_texts(paths: Paths) -> pa.ChunkedArray:
    """The training stories' texts, left in Arrow's memory: as Python's strings they would take half as much again."""
    return pq.read_table(paths.split, columns=["text"], filters=[("partition", "==", "train")])["text"]


def _counter(on_story: Callable[[int, int], None], stories: int) -> Done:
    ended = 0

    def done(more: int) -> None:
        nonlocal ended
        ended += more
        on_story(ended, stories)

    return done


def _grade(settings: EvaluateParams, prompted: Sequence[Asked]) -> list[Graded]:
    """Grades of the first completed beginnings, where a grader is named."""
    if settings.grader_url is None:
        return []
    assert settings.grader_model is not None, "params are validated"
    grader = Grader(settings.grader_url, settings.grader_model, os.environ.get(KEY))
    stories = []
    for one in prompted[: settings.grader_stories]:
        written = _written(one)
        stories.append((one.story.text[: len(one.story.text) - len(written)], written))
    return grade(grader, stories)


def _written(one: Asked) -> str:
    """What the model wrote after the beginning that it was given, if any."""
    return one.story.text[len((one.story.request.prompt or "").rstrip()) :]


def _told(asked: Sequence[Asked], looked: Sequence[Looked], training: TrainingText) -> list[dict[str, Any]]:
    """Each story's own form, with how many of its 8-grams stand in training ("copied") of how many ("grams"),
    and the words in it that no training story has ("made_up").
    """
    return [
        {**one.to_json(), "copied": own.hits, "grams": own.grams, "made_up": made_up([_written(one)], training.knows)}
        for one, own in zip(asked, looked, strict=True)
    ]


def _choices(chosen: Mapping[str, Sequence[Chosen]]) -> list[dict[str, Any]]:
    return [{"task": name, **asdict(one)} for name, rows in chosen.items() for one in rows]


def _copies(
    texts: pa.ChunkedArray, parrots: Sequence[Copied], asked: Sequence[Asked], before: int
) -> list[dict[str, Any]]:
    """Generated stories beside those of the training `texts` that they are nearest to; `line` is generated.jsonl's."""
    return [
        {
            "line": before + one.text + 1,
            "text": asked[one.text].story.text,
            "share_8grams_in_train": one.looked.hits / one.looked.grams if one.looked.grams else None,
            "longest_run": " ".join(one.run),
            "longest_run_words": len(one.run),
            "nearest": None if one.nearest is None else texts[one.nearest].as_py(),
            "nearest_share_4grams": one.near,
        }
        for one in parrots
    ]


def _plain(value: Any) -> Any:
    """As JSON has it: floats to DIGITS significant digits, not-a-number null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value


def _write_scores(path: Path, scores: Sequence[Score]) -> None:
    with atomic(path) as temporary:
        pq.write_table(pa.Table.from_pylist([asdict(one) for one in scores], schema=SCORES), temporary)


def _write_json_lines(path: Path, rows: Sequence[Row]) -> None:
    write_text(
        path, "".join(json.dumps(row, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)
    )


def _write_adherence(path: Path, measured: Mapping[str, Row]) -> None:
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["tag", *RATES])
        writer.writerows([tag, *(rates[name] for name in RATES)] for tag, rates in measured.items())
