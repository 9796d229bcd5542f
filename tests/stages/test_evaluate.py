"""Evaluate: a model folder, tokens and stories in; figures, stories and a plot out."""

import csv
import json
import math
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from tinystories import StoryModel
from tinystories.corpus.record import SPLIT, story_id
from tinystories.errors import ModelError, TinyStoriesError
from tinystories.evaluation.ngram import NGram
from tinystories.evaluation.prompts import read_prompts
from tinystories.files import read_json
from tinystories.model.config import ModelConfig
from tinystories.model.folder import save_model
from tinystories.model.transformer import Transformer
from tinystories.params import load_params
from tinystories.paths import Paths
from tinystories.requests.controls import BOS_ID, EOS_ID
from tinystories.requests.mixed import plain
from tinystories.requests.stored import StoredStories
from tinystories.stages import evaluate, tokenize
from tinystories.text.sentences import split_story
from tinystories.text.tagger import Tagger
from tinystories.text.tags import TAGS
from tinystories.text.tokenizer import StoryTokenizer
from tinystories.training.hardware import precision_of
from tinystories.training.loss import sequence_nats

SMALL = (
    "evaluate.per_tag=3", "evaluate.infillings=2", "evaluate.max_tokens=40", "evaluate.bootstrap=100",
    "tokenize.vocab_size=400", "train.device=cpu", "model.context=128", "evaluate.choices=8", "evaluate.pairs=5",
)  # fmt: skip
SAMPLING = {"max_tokens": 40, "temperature": 0.8, "top_p": 0.95, "top_k": 0, "seed": 1}  # SMALL's and the defaults
NAMES = ["Tom", "Lily", "Ben", "Mia", "Sam", "Anna", "Max", "Sue", "Tim", "Zoe", "Leo", "Eva"]
PROMPTS = read_prompts(Path(__file__).parents[2] / "tinystories/evaluation/prompts.yaml")
STORIES = [
    f'{name} had a {colour} {toy}. One day it fell into the river. "Oh no!" said {name}. A kind duck brought it '
    f"back. {name} thanked the duck and went home."
    for name in NAMES
    for colour in ("red", "blue")
    for toy in ("ball", "kite", "boat")
]


def build(root: Path, project: Path, test: list[str], train: list[str]) -> Paths:
    """A project in which everything before evaluate has run; the model is random, but may end a story."""
    paths = Paths(project)
    shutil.copytree(root / "pipeline", project / "pipeline")
    shutil.copy(root / "params.yaml", project)
    prompts = "tinystories/evaluation/prompts.yaml"
    (project / prompts).parent.mkdir(parents=True)
    shutil.copy(root / prompts, project / prompts)
    rows = []
    for partition, texts in (("train", train), ("validation", train[:2]), ("test", test)):
        for text in texts:
            row = dict.fromkeys(SPLIT.names) | split_story(text)._asdict()
            rows.append(row | {"story_id": story_id(text), "text": text, "tags": ["Dialogue"], "partition": partition})
    paths.split.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=SPLIT), paths.split)
    tokenize.run(load_params(project, SMALL), paths)
    save(paths)
    return paths


def save(paths: Paths, seed: int = 1) -> None:
    tokenizer = StoryTokenizer.load(paths.tokens)
    torch.manual_seed(seed)
    model = Transformer(ModelConfig(tokenizer.vocab_size, width=32, layers=2, heads=2, ffn=64, context=128))
    with torch.no_grad():
        model.model.embed_tokens.weight.mul_(10)
    save_model(paths.model, model, tokenizer, card="# test\n", fingerprint={"fingerprint": "0123456789abcdef"})


def run(paths: Paths, *overrides: str) -> dict[str, Any]:
    return evaluate.run(load_params(paths.root, [*SMALL, *overrides]), paths)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def paths(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    return build(root, tmp_path_factory.mktemp("project"), STORIES[::6], [s for i, s in enumerate(STORIES) if i % 6])


@pytest.fixture(scope="module")
def metrics(paths: Paths) -> dict[str, Any]:
    return run(paths)


def test_the_metrics_have_every_key_that_the_report_reads(paths: Paths, metrics: dict[str, Any]) -> None:
    assert metrics == read_json(paths.evaluate_metrics)
    keys = {
        "model": {"parameters", "fingerprint"},
        "likelihood": {
            "stories", "tokens", "bytes", "nats_per_story", "nats_per_story_low", "nats_per_story_high",
            "nats_per_token", "perplexity", "bits_per_byte",
        },
        "infilling": {"stories", "nats_with_last", "nats_without_last", "gain", "gain_low", "gain_high", "completion"},
        "completion": {"stories", "share"},
        "memorisation": {"share_8grams_in_train", "longest_run_words", "real_share_8grams_in_train"},
    }  # fmt: skip
    for group, wanted in keys.items():
        assert wanted <= metrics[group].keys()
    for baseline in ("unigram", "kneser_ney_5"):
        assert {"nats_per_story", "nats_per_token", "bits_per_byte"} <= metrics["baselines"][baseline].keys()
    for tag in TAGS:
        rates = metrics["adherence"][tag]
        assert (
            rates["stories"] == 3 and 0 <= rates["requested_low"] <= rates["requested"] <= rates["requested_high"] <= 1
        )
        assert {"precision", "recall", "f1"} <= metrics["judge"][tag].keys()
    for side in ("generated", "real"):
        assert {"distinct_1", "distinct_2", "distinct_3", "words_mean"} <= metrics["diversity"][side].keys()


def test_the_likelihood_is_the_training_loss_of_the_test_stories(paths: Paths, metrics: dict[str, Any]) -> None:
    model, stories = StoryModel.load(paths.model), StoredStories(paths.tokens, "test")
    examples = [plain(model.loaded.tokenizer, story) for story in stories]
    nats = sequence_nats(model.loaded.model, examples, 128, precision_of("auto", torch.device("cpu")))
    total, targets = sum(x.nats for x in nats), sum(x.targets for x in nats)
    assert metrics["likelihood"]["stories"] == 12 and metrics["likelihood"]["tokens"] == targets
    assert metrics["likelihood"]["nats_per_token"] == pytest.approx(total / targets, rel=1e-5)
    rows = pq.read_table(paths.evaluation / "stories.parquet").to_pylist()
    assert {row["story_id"]: row["nats"] for row in rows} == pytest.approx({x.story_id: x.nats for x in nats}, rel=1e-5)
    assert sum(row["bytes"] for row in rows) == sum(len(text.encode()) for text in STORIES[::6])


def test_the_baselines_are_counted_on_the_training_stories_and_measured_on_the_test_stories(
    paths: Paths, metrics: dict[str, Any]
) -> None:
    train, test = (
        [[BOS_ID, *story.text, EOS_ID] for story in StoredStories(paths.tokens, partition)]
        for partition in ("train", "test")
    )
    for name, order in (("unigram", 1), ("kneser_ney_5", 5)):
        nats = [x.sum() for x in NGram.fit(train, order, StoryTokenizer.load(paths.tokens).vocab_size).nats(test)]
        assert metrics["baselines"][name]["nats_per_story"] == pytest.approx(sum(nats) / len(nats), rel=1e-5)
    assert metrics["baselines"]["unigram"]["training_tokens"] == sum(len(story) - 1 for story in train)
    unigram, five = (metrics["baselines"][name]["nats_per_token"] for name in ("unigram", "kneser_ney_5"))
    assert five < unigram < math.log(400) < metrics["likelihood"]["nats_per_token"] + 0.5


def test_test_stories_are_looked_for_in_training_text_only(metrics: dict[str, Any]) -> None:
    assert 0.5 < metrics["memorisation"]["real_share_8grams_in_train"] < 1
    assert metrics["memorisation"]["share_8grams_in_train"] < 0.1


def split_prompted(rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of the stories for fixed prompts, and those that the figures are about."""
    return [row for row in rows if "prompt" in row["request"]], [row for row in rows if "prompt" not in row["request"]]


def test_every_generated_story_is_kept_with_what_was_asked_and_what_the_judge_says(
    paths: Paths, metrics: dict[str, Any]
) -> None:
    prompted, rows = split_prompted(lines(paths.evaluation / "generated.jsonl"))
    assert [row["request"]["prompt"] for row in prompted] == PROMPTS
    assert all(row["text"].startswith(row["request"]["prompt"]) for row in prompted)
    assert [row["asked"] for row in rows] == [tag for tag in (None, *TAGS) for _ in range(3)]
    judge = Tagger.load("judge")
    for row in rows:
        assert row["request"].get("tags", []) == ([row["asked"]] if row["asked"] else [])
        assert row["verdict"] == {tag: tag in judge.tags(row["text"]) for tag in TAGS}
    for tag in TAGS:
        for asked, key in ((tag, "requested"), (None, "unconditional")):
            verdicts = [row["verdict"][tag] for row in rows if row["asked"] == asked]
            assert metrics["adherence"][tag][key] == pytest.approx(sum(verdicts) / 3, abs=1e-5)
    ended = [row["stopped"] == "eos" for row in rows if row["asked"] is None]
    assert metrics["completion"]["share"] == pytest.approx(sum(ended) / 3, abs=1e-5)
    assert (metrics["completion"]["stories"], metrics["completion"]["requested_stories"]) == (3, 18)


def test_a_kept_story_can_be_asked_for_again(paths: Paths, metrics: dict[str, Any]) -> None:
    rows = lines(paths.evaluation / "generated.jsonl")
    again = StoryModel.load(paths.model).generate(tags=["Twist"], count=3, **SAMPLING)
    assert [story.text for story in again] == [row["text"] for row in rows if row["asked"] == "Twist"]


def test_infillings_hold_the_sentences_word_for_word_and_both_middles(paths: Paths, metrics: dict[str, Any]) -> None:
    rows = lines(paths.evaluation / "infillings.jsonl")
    assert len(rows) == 2 and metrics["infilling"]["stories"] == 12 and metrics["infilling"]["generated"] == 2
    for row in rows:
        assert row["first"] + row["middle"] + row["last"] in STORIES
        assert row["generated"] != row["middle"]
        given = {key: row[key] for key in ("first", "last", "index")}
        (again,) = StoryModel.load(paths.model).generate(**given, **SAMPLING)
        assert again.text == row["first"] + row["generated"] + row["last"]
        assert {"stopped", "tokens", "nats", "seed", "middle_with_last", "last_after_other"} <= row.keys()


def test_the_plot_is_a_table_of_the_rates(paths: Paths, metrics: dict[str, Any]) -> None:
    with paths.adherence_plot.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["tag"] for row in rows] == list(TAGS)
    evaluate._write_adherence(
        paths.root / "plot.csv", {"Twist": {"requested": 0.5, "unconditional": None, "shuffled": 0.25}}
    )
    assert (paths.root / "plot.csv").read_text(
        encoding="utf-8"
    ) == "tag,requested,unconditional,shuffled\nTwist,0.5,,0.25\n"


def test_the_same_inputs_give_the_same_bytes(paths: Paths, metrics: dict[str, Any]) -> None:
    files = [paths.evaluate_metrics, paths.adherence_plot, *sorted(paths.evaluation.iterdir())]
    before = [file.read_bytes() for file in files]
    run(paths)
    assert [file.read_bytes() for file in files] == before
    assert not any(str(paths.root).encode() in content for content in before)


def test_a_limit_chooses_by_hash_and_not_by_position(root: Path, tmp_path: Path) -> None:
    test, train = STORIES[::6], STORIES[1::6]
    chosen = []
    for name, order in (("one", test), ("two", test[::-1])):
        (tmp_path / name).mkdir()
        some = build(root, tmp_path / name, order, train)
        run(some, "evaluate.stories=4", "evaluate.per_tag=1", "evaluate.max_tokens=2")
        chosen.append(pq.read_table(some.evaluation / "stories.parquet")["story_id"].to_pylist())
    assert chosen[0] == chosen[1] and len(chosen[0]) == 4
    assert set(chosen[0]) != {story_id(text) for text in test[:4]}


def test_stories_that_cannot_be_infilled_leave_null_figures_and_no_error(root: Path, tmp_path: Path) -> None:
    some = build(root, tmp_path, ["A cat sat. It slept.", "One word"], STORIES)
    measured = run(some, "evaluate.per_tag=1")
    assert measured["infilling"]["stories"] == 0
    assert measured["infilling"]["gain"] is None and measured["infilling"]["completion"] is None
    assert lines(some.evaluation / "infillings.jsonl") == []
    assert measured["likelihood"]["stories"] == 2


def test_one_test_story_has_figures_without_an_interval(root: Path, tmp_path: Path) -> None:
    measured = run(build(root, tmp_path, STORIES[:1], STORIES[1:]), "evaluate.per_tag=1")
    assert measured["likelihood"]["nats_per_story"] > 0 and measured["likelihood"]["nats_per_story_low"] is None
    assert measured["infilling"]["gain"] is not None and measured["infilling"]["last_after_other"] is None


def test_progress_counts_every_generated_story(paths: Paths) -> None:
    heard: list[tuple[int, int]] = []
    params = load_params(paths.root, [*SMALL, "evaluate.max_tokens=4"])
    evaluate.run(params, paths, lambda ended, stories: heard.append((ended, stories)))
    stories = 3 * 7 + len(PROMPTS) + 2
    assert heard[-1] == (stories, stories) and [ended for ended, _ in heard] == sorted(ended for ended, _ in heard)


def refuses(some: Paths, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message) as caught:
        run(some)
    assert "\n" not in str(caught.value)


def test_what_is_missing_or_does_not_belong_together_is_said_in_one_line(root: Path, tmp_path: Path) -> None:
    some = build(root, tmp_path, STORIES[:2], STORIES[2:])
    table = pq.read_table(some.split)
    pq.write_table(table.filter(pa.compute.not_equal(table["story_id"], story_id(STORIES[0]))), some.split)
    refuses(some, TinyStoriesError, "does not: run `dvc repro tokenize`")
    pq.write_table(table, some.split)
    tokens = (some.tokens / "tokenizer.json").read_text(encoding="utf-8")
    other = json.loads(tokens)
    other["model"]["merges"] = other["model"]["merges"][:-1]
    (some.tokens / "tokenizer.json").write_text(json.dumps(other), encoding="utf-8")
    refuses(some, ModelError, "another tokenizer")
    (some.tokens / "tokenizer.json").write_text(tokens, encoding="utf-8")
    shutil.rmtree(some.model)
    refuses(some, ModelError, "make repro")
