"""The measures of a model put together: on held-out stories, and on what it writes beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from tinystories.evaluation.abilities import Judged, choose, judge_pairs, make_pairs
from tinystories.evaluation.adherence import adherence
from tinystories.evaluation.asked import Asked, Done, tags_known, write_middles
from tinystories.evaluation.breakdown import by_length, by_position, by_source, by_tag
from tinystories.evaluation.choices import Chosen
from tinystories.evaluation.completion import completion
from tinystories.evaluation.correction import Errors
from tinystories.evaluation.diversity import count_words, diversity
from tinystories.evaluation.flaws import flaws
from tinystories.evaluation.infilling import infilling, last_nats, leading, middle_nats
from tinystories.evaluation.likelihood import Score
from tinystories.evaluation.memorisation import Looked, TrainingText, look_up, memorisation
from tinystories.evaluation.ngram import NGram
from tinystories.evaluation.scoring import model_scorer, ngram_scorer, scoring_precision
from tinystories.evaluation.world import world
from tinystories.generation.requests import Request
from tinystories.generation.story_model import StoryModel
from tinystories.params import EvaluateParams
from tinystories.requests.formats import PLAIN
from tinystories.requests.mixed import StoryTokens
from tinystories.text.tagger import Tagger
from tinystories.text.tags import TAGS

Row = Mapping[str, Any]


@dataclass(frozen=True)
class HeldOut:
    """The test stories in the order of a hash: as tokens, and their rows of the split table."""

    stories: list[StoryTokens]
    rows: Mapping[str, Row]

    @property
    def texts(self) -> list[str]:
        return [self.rows[story.story_id]["text"] for story in self.stories]

    @property
    def simulated(self) -> bool:
        """Whether stories of the simulated world are among them."""
        return any(row["tags_from"] == "world" for row in self.rows.values())


@dataclass(frozen=True)
class Task:
    """What every measure works with."""

    model: StoryModel
    test: HeldOut
    settings: EvaluateParams
    seed: int
    request: Request
    done: Done

    @property
    def precision(self) -> torch.dtype:
        return scoring_precision(self.model.loaded.model)


def breakdown(task: Task, scores: Sequence[Score]) -> dict[str, Any]:
    """Likelihood by length, tag, source and place in the story."""
    loaded, resamples, seed = task.model.loaded, task.settings.bootstrap, task.seed
    words = {story.story_id: story.length for story in task.test.stories}
    tags = {story_id: row["tags"] or () for story_id, row in task.test.rows.items()}
    sources = {story_id: row["source"] for story_id, row in task.test.rows.items()}
    return {
        "by_length": by_length(scores, words, resamples, seed),
        "by_tag": by_tag(scores, tags, resamples, seed),
        "by_source": by_source(scores, sources, resamples, seed),
        "by_position": by_position(
            loaded.model, loaded.tokenizer, task.test.stories, loaded.config.context, resamples, seed, task.precision
        ),
    }


def absent(task: Task) -> dict[str, str]:
    """What can't be measured of this model, each with the reason."""
    form = task.model.loaded.form
    lacks = {
        "infilling": ("last", "it can't be told how a story is to end"),
        "adherence": ("tags", "it can't be asked for tags"),
    }
    return {
        name: f"{why} (its format of requests is {form.name})"
        for name, (control, why) in lacks.items()
        if control not in form.carries
    }


def infill(
    task: Task, fillable: Sequence[StoryTokens], chosen: Sequence[StoryTokens]
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Metrics over all `fillable` stories, and a row for each of the `chosen`, whose middles are written anew.

    Nothing for a model whose requests can't say how a story is to end.
    """
    loaded, request, resamples = task.model.loaded, task.request, task.settings.bootstrap
    network, tokenizer, context = loaded.model, loaded.tokenizer, loaded.config.context
    if "last" not in loaded.form.carries:
        return {}, []
    nats = middle_nats(network, tokenizer, fillable, context, loaded.form, task.precision)
    rows = [task.test.rows[story.story_id] for story in chosen]
    written = write_middles(task.model, [(row["first"], row["last"]) for row in rows], request, task.done)
    middles = tokenizer.encode_many([one.middle for one in written])
    lasts = last_nats(network, tokenizer, chosen, middles, context, task.precision)
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


def ability_tasks(
    task: Task, ngram: NGram
) -> tuple[tuple[dict[str, list[Chosen]], dict[str, list[Chosen]]], tuple[list[Judged], list[Judged]]]:
    """The tasks of choosing and the minimal pairs, each by the model and by the n-gram."""
    tokenizer, context = task.model.loaded.tokenizer, task.model.loaded.config.context
    own, other = model_scorer(task.model.loaded.model, context, task.precision), ngram_scorer(ngram)
    rows, stories = task.test.rows, task.test.stories[: task.settings.choices]
    pairs = make_pairs({s.story_id: rows[s.story_id]["text"] for s in task.test.stories}, task.settings.pairs)
    return (
        (
            choose(own, tokenizer, stories, rows, context, task.model.loaded.form),
            choose(other, tokenizer, stories, rows, context, PLAIN),
        ),
        (judge_pairs(own, tokenizer, pairs, context), judge_pairs(other, tokenizer, pairs, context)),
    )


def written_stories(
    task: Task, asked: Sequence[Asked], looked: Sequence[Looked], training: TrainingText, judge: Tagger
) -> dict[str, Any]:
    """What is measured on generated stories, beside as many real ones. looked: `asked`, looked up in training."""
    plain = [one for one in asked if one.tag is None]
    tagged = {tag: [one.found for one in asked if one.tag == tag] for tag in tags_known(task.model)}
    requested = completion([one.story.stopped for one in asked if one.tag is not None])
    generated, texts = [one.story.text for one in plain], [one.story.text for one in asked]
    real, resamples = task.test.texts, task.settings.bootstrap
    beside = real[: len(generated)]
    words = min(count_words(generated), count_words(beside))
    errors = {tag: Errors.of(judge.gold[tag]) for tag in TAGS}
    unseen = memorisation(look_up(real[: len(texts)], training), training, resamples, task.seed)
    return {
        "completion": {
            **completion([one.story.stopped for one in plain]),
            **{f"requested_{key}": requested[key] for key in ("stories", "share")},
        },
        "adherence": adherence(tagged, [one.found for one in plain], errors),
        "diversity": {"generated": diversity(generated, words), "real": diversity(beside, words), "words": words},
        "flaws": {
            "generated": flaws(texts, training.knows, resamples, task.seed),
            "real": flaws(real[: len(texts)], training.knows, resamples, task.seed),
        },
        **({"world": world(asked)} if task.test.simulated else {}),
        "memorisation": {
            **memorisation(looked, training, resamples, task.seed),
            **{f"real_{key}": value for key, value in unseen.items()},
        },
    }
