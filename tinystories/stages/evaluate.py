"""Stage 6: measure the model on the test stories, beside n-grams of the same tokens and real text."""

import csv
import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from tinystories.errors import ModelError, TinyStoriesError
from tinystories.evaluation.adherence import adherence
from tinystories.evaluation.asked import PROMPTS, Asked, write_middles, write_prompted, write_stories
from tinystories.evaluation.completion import completion
from tinystories.evaluation.diversity import count_words, diversity
from tinystories.evaluation.infilling import infilling, last_nats, leading, measurable, middle_nats
from tinystories.evaluation.likelihood import Score, likelihood, score
from tinystories.evaluation.memorisation import TrainingText, copied, memorisation
from tinystories.evaluation.ngram import NGram
from tinystories.files import atomic, read_json, write_json, write_text
from tinystories.generation.requests import Request
from tinystories.generation.story_model import StoryModel
from tinystories.params import Params
from tinystories.paths import Paths
from tinystories.requests.controls import BOS, EOS
from tinystories.requests.mixed import StoryTokens
from tinystories.requests.stored import StoredStories
from tinystories.text.tagger import Tagger
from tinystories.text.tags import TAGS
from tinystories.training.hardware import device_of

BASELINES: Final = {"unigram": 1, "kneser_ney_5": 5}
NGRAM_TOKENS: Final = 30_000_000  # of training text that the baselines count at most: 4 GB of memory
DIGITS: Final = 6  # significant digits kept of a metric
SCORES: Final = pa.schema(
    [
        pa.field("story_id", pa.string(), nullable=False),
        pa.field("nats", pa.float64(), nullable=False),
        pa.field("tokens", pa.int64(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
    ]
)
Done = Callable[[int], None]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class _Test:
    """The test stories in the order of a hash: as tokens, and their rows of the split table."""

    stories: list[StoryTokens]
    rows: Mapping[str, Row]

    @property
    def texts(self) -> list[str]:
        return [self.rows[story.story_id]["text"] for story in self.stories]


def run(
    params: Params, paths: Paths, on_story: Callable[[int, int], None] = lambda ended, stories: None
) -> dict[str, Any]:
    """models/current, data/tokens, data/split -> reports/evaluation; returns the metrics, also written as JSON.

    A figure without a story to measure it on is null. on_story(ended, stories) hears of each
    generated story. Raises ModelError without a model, TinyStoriesError without test stories or
    where model, tokens and stories don't belong together.
    """
    settings, seed = params.evaluate, params.seed
    model = StoryModel.load(paths.model, device_of(params.train.device).type)
    _check_tokenizer(paths)
    test = _test_stories(paths, settings.stories)
    judge = Tagger.load("judge")
    loaded = model.loaded
    fillable = measurable(loaded.tokenizer, test.stories, loaded.config.context)
    chosen = fillable[: settings.infillings]
    done = _counter(on_story, settings.per_tag * (1 + len(TAGS)) + len(PROMPTS) + len(chosen))
    # top-k is off, so that the two settings in params.yaml are all there is
    request = Request(
        max_tokens=settings.max_tokens, temperature=settings.temperature, top_p=settings.top_p, top_k=0, seed=seed
    )

    scores = score(loaded.model, loaded.tokenizer, test.stories, loaded.config.context)
    asked = write_stories(model, judge, request, settings.per_tag, done)
    prompted = write_prompted(model, judge, request, done)
    filled, middles = _infill(model, test, fillable, chosen, request, settings.bootstrap, done)
    training = TrainingText(_training_texts(paths))
    metrics = {
        "model": {"parameters": loaded.config.parameters, "fingerprint": loaded.fingerprint},
        "likelihood": likelihood(scores, settings.bootstrap, seed),
        "baselines": _baselines(model, paths, test.stories, settings.bootstrap, seed),
        "infilling": filled,
        **_written(asked, test.texts, training),
        "judge": judge.gold,
    }
    result: dict[str, Any] = _plain(metrics)
    _write_scores(paths.evaluation / "stories.parquet", scores)
    _write_json_lines(paths.evaluation / "generated.jsonl", _told([*prompted, *asked], training))
    _write_json_lines(paths.evaluation / "infillings.jsonl", middles)
    _write_adherence(paths.adherence_plot, result["adherence"])
    write_json(paths.evaluate_metrics, result)
    return result


def _check_tokenizer(paths: Paths) -> None:
    model, tokens = paths.model / "tokenizer.json", paths.tokens / "tokenizer.json"
    if tokens.is_file() and read_json(model) != read_json(tokens):
        raise ModelError(
            f"{paths.model} has another tokenizer than {paths.tokens}: run `dvc repro train` to train on these tokens"
        )


def _test_stories(paths: Paths, limit: int | None) -> _Test:
    stored = StoredStories(paths.tokens, "test")
    stories = [stored[i] for i in _by_hash(stored)[:limit]]
    if not stories:
        raise TinyStoriesError(f"{paths.tokens}: no test stories; give more stories, or a larger partitions.test")
    columns = ["story_id", "text", "first", "middle", "last"]
    table = pq.read_table(paths.split, columns=columns, filters=[("partition", "==", "test")])
    rows = {row["story_id"]: row for row in table.to_pylist()}
    if any(story.story_id not in rows for story in stories):
        raise TinyStoriesError(f"{paths.tokens} holds stories that {paths.split} does not: run `dvc repro tokenize`")
    return _Test(stories, rows)


def _by_hash(stored: StoredStories) -> list[int]:
    """Indices in an order that does not depend on where the stories stand or how many are added."""
    ids = stored.story_ids
    return sorted(range(len(ids)), key=lambda i: hashlib.sha256(f"evaluate:{ids[i]}".encode()).digest())


def _training_texts(paths: Paths) -> Iterator[str]:
    for batch in pq.ParquetFile(paths.split).iter_batches(columns=["text", "partition"]):
        yield from (row["text"] for row in batch.to_pylist() if row["partition"] == "train")


def _counter(on_story: Callable[[int, int], None], stories: int) -> Done:
    ended = 0

    def done(more: int) -> None:
        nonlocal ended
        ended += more
        on_story(ended, stories)

    return done


def _infill(
    model: StoryModel, test: _Test, fillable: Sequence[StoryTokens], chosen: Sequence[StoryTokens],
    request: Request, resamples: int, done: Done,
) -> tuple[dict[str, float], list[dict[str, Any]]]:  # fmt: skip
    """Metrics over all `fillable` stories, and a row for each of the `chosen`, whose middles are written anew."""
    network, tokenizer, context = model.loaded.model, model.loaded.tokenizer, model.loaded.config.context
    nats = middle_nats(network, tokenizer, fillable, context)
    rows = [test.rows[story.story_id] for story in chosen]
    written = write_middles(model, [(row["first"], row["last"]) for row in rows], request, done)
    lasts = last_nats(network, tokenizer, chosen, tokenizer.encode_many([one.middle for one in written]), context)
    ended = completion([one.story.stopped for one in written])
    metrics = {
        **infilling(nats, resamples, request.seed),
        **leading(lasts, resamples, request.seed),
        "generated": ended["stories"],
        **{f"completion{end}": ended[f"share{end}"] for end in ("", "_low", "_high")},
    }
    details = [
        {
            **{key: row[key] for key in ("story_id", "first", "middle", "last")},
            "generated": one.middle,
            **{key: getattr(one.story, key) for key in ("stopped", "tokens", "nats", "seed")},
            "index": one.story.request.index,
            **{f"middle_{key}": value for key, value in asdict(middle).items() if key != "story_id"},
            **({f"last_{key}": value for key, value in asdict(last).items()} if last else {}),
        }
        for row, one, middle, last in zip(rows, written, nats[: len(chosen)], lasts, strict=True)
    ]  # fmt: skip
    return metrics, details


def _baselines(
    model: StoryModel, paths: Paths, test: Sequence[StoryTokens], resamples: int, seed: int
) -> dict[str, dict[str, float]]:
    """The n-grams on the test stories, counted on the same ids that the model was trained on."""
    tokenizer = model.loaded.tokenizer
    bos, eos = tokenizer.control(BOS), tokenizer.control(EOS)
    stored = StoredStories(paths.tokens, "train")
    counted: list[list[int]] = []
    tokens = 0
    for i in _by_hash(stored):
        if tokens >= NGRAM_TOKENS:
            break
        counted.append([bos, *stored[i].text, eos])
        tokens += len(counted[-1]) - 1
    measured = {}
    for name, order in BASELINES.items():
        nats = NGram.fit(counted, order, tokenizer.vocab_size).nats([[bos, *story.text, eos] for story in test])
        scores = [
            Score(story.story_id, float(x.sum()), len(x), story.bytes) for story, x in zip(test, nats, strict=True)
        ]
        figures = likelihood(scores, resamples, seed)
        known = ("stories", "tokens", "bytes")  # the model's own
        measured[name] = {
            **{key: value for key, value in figures.items() if key not in known},
            "training_tokens": tokens,
        }
    return measured


def _written(asked: Sequence[Asked], real: Sequence[str], training: TrainingText) -> dict[str, Any]:
    """What is measured on generated stories, beside as many real ones."""
    plain = [one for one in asked if one.tag is None]
    tagged = {tag: [one.found for one in asked if one.tag == tag] for tag in TAGS}
    requested = completion([one.story.stopped for one in asked if one.tag is not None])
    generated, texts = [one.story.text for one in plain], [one.story.text for one in asked]
    beside = real[: len(generated)]
    words = min(count_words(generated), count_words(beside))
    return {
        "completion": {
            **completion([one.story.stopped for one in plain]),
            **{f"requested_{key}": requested[key] for key in ("stories", "share")},
        },
        "adherence": adherence(tagged, [one.found for one in plain]),
        "diversity": {"generated": diversity(generated, words), "real": diversity(beside, words), "words": words},
        "memorisation": {
            **memorisation(texts, training),
            **{f"real_{key}": value for key, value in memorisation(real[: len(texts)], training).items()},
        },
    }


def _told(asked: Sequence[Asked], training: TrainingText) -> list[dict[str, Any]]:
    """Each story's own form, with how many of its 8-grams stand in training ("copied") of how many ("grams")."""
    counts = copied([one.story.text for one in asked], training)
    return [{**one.to_json(), "copied": hits, "grams": grams} for one, (hits, grams) in zip(asked, counts, strict=True)]


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
        writer.writerow(["tag", "requested", "unconditional"])
        writer.writerows([tag, rates["requested"], rates["unconditional"]] for tag, rates in measured.items())
