"""A project whose stages have run, as far as the report can see: plausible files, no model."""

import csv
import json
import math
import random
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.builders import sample
from tinystories.corpus.profile import Profile
from tinystories.corpus.record import story_id
from tinystories.corpus.vocabulary import Vocabulary
from tinystories.files import write_json
from tinystories.paths import Paths
from tinystories.text.sentences import sentences
from tinystories.text.tags import TAGS


def interval(key: str, value: float) -> dict[str, float]:
    return {key: round(value, 4), f"{key}_low": round(value - 0.06, 4), f"{key}_high": round(value + 0.07, 4)}


EVALUATION: dict[str, Any] = {
    "model": {"parameters": 1_394_304, "fingerprint": "5b0c9a1de2f47a83"},
    "likelihood": {
        "stories": 126, "tokens": 27_090, "bytes": 112_420, "nats_per_story": 672.4, "nats_per_story_low": 655.1,
        "nats_per_story_high": 690.2, "nats_per_token": 3.127, "perplexity": 22.8, "bits_per_byte": 1.087,
    },
    "baselines": {
        "unigram": {"nats_per_story": 1238.9, "nats_per_token": 5.762, "bits_per_byte": 2.003},
        "kneser_ney_5": {
            "nats_per_story": 812.6, "nats_per_story_low": 790.3, "nats_per_story_high": 835.0,
            "nats_per_token": 3.779, "bits_per_byte": 1.314,
        },
    },
    "infilling": {
        "stories": 124, "nats_with_last": 561.2, "nats_without_last": 570.6, "gain": 9.4, "gain_low": 7.1,
        "gain_high": 11.9, "last_stories": 10, "last_after_true": 52.1, "last_after_generated": 55.8,
        "last_after_other": 57.2, "last_advantage": 1.4, "last_advantage_low": -0.3, "last_advantage_high": 3.2,
        "generated": 10, "completion": 1.0, "completion_low": 0.722, "completion_high": 1.0,
    },
    "completion": {
        "stories": 20, "share": 1.0, "share_low": 0.839, "share_high": 1.0, "requested_stories": 120,
        "requested_share": 0.983333,
    },
    "by_length": {}, "by_tag": {}, "by_source": {}, "by_position": {}, "choosing": {}, "abilities": {},
    "flaws": {"generated": {"stories": 140}, "real": {"stories": 126}},
    "world": {
        "stories": 140, "in_the_language": 0.31, "sentences": 0.9, "adherence": {}, **interval("consistent", 0.3),
    },
    "adherence": {},
    "judge": {},
    "diversity": {
        "generated": {
            "distinct_1": 0.061, "distinct_2": 0.354, "distinct_3": 0.678, "self_bleu": 0.412, "words_mean": 151.4,
            "words_p10": 98.0, "words_p90": 214.0,
        },
        "real": {
            "distinct_1": 0.103, "distinct_2": 0.497, "distinct_3": 0.835, "self_bleu": 0.291, "words_mean": 163.0,
            "words_p10": 121.0, "words_p90": 207.0,
        },
    },
    "memorisation": {"share_8grams_in_train": 0.0021, "longest_run_words": 14,
        "real_share_8grams_in_train": 0.0027, "real_longest_run_words": 16, "copied_texts": 0.0071,
        "copied_texts_low": 0.0013, "copied_texts_high": 0.0393, "real_copied_texts": 0.004,
        "real_copied_texts_low": 0.0, "real_copied_texts_high": 0.0292},
}  # fmt: skip
RATES = {
    "BadEnding": (0.55, 0.22, 0.81, 0.77), "Conflict": (0.75, 0.61, 0.84, 0.79), "Dialogue": (0.95, 0.52, 0.99, 0.98),
    "Foreshadowing": (0.25, 0.27, 0.41, 0.33), "MoralValue": (0.6, 0.3, 0.83, 0.8), "Twist": (0.4, 0.31, 0.62, 0.55),
}  # fmt: skip
for _tag, (_asked, _plain, _precision, _recall) in RATES.items():
    _f1 = 2 * _precision * _recall / (_precision + _recall)
    EVALUATION["judge"][_tag] = {"precision": _precision, "recall": _recall, "f1": round(_f1, 4)}
    EVALUATION["judge"][_tag] |= {"tp": 30, "fp": 12, "fn": 9, "tn": 240, "n": 291, "positives": 39}
    EVALUATION["adherence"][_tag] = {
        "requested": _asked, "requested_low": max(0, _asked - 0.2), "requested_high": min(1, _asked + 0.17),
        "unconditional": _plain, "unconditional_low": max(0, _plain - 0.18), "unconditional_high": min(1, _plain + 0.2),
        "stories": 20, "shuffled": 0.31, "shuffled_low": 0.24, "shuffled_high": 0.4,
    }  # fmt: skip
    EVALUATION["world"]["adherence"][_tag] = {"requested": _asked, "unconditional": _plain}
    for _rate in ("requested", "unconditional", "shuffled"):
        EVALUATION["adherence"][_tag] |= interval(f"{_rate}_corrected", EVALUATION["adherence"][_tag][_rate] - 0.03)
for _group, _names in (
    ("by_length", ("50-99", "100-149", "400-")),
    ("by_tag", ("Twist", "none")),
    ("by_source", ("world", "original")),
):
    for _place, _name in enumerate(_names):
        EVALUATION[_group][_name] = {"stories": 40 + _place, "nats_per_story": 402.5 + _place, "bits_per_byte": 1.12}
        EVALUATION[_group][_name] |= interval("nats_per_token", 3.2 - _place / 7)
for _place, _name in enumerate(("1-16", "17-32", "33-64", "129-256")):
    EVALUATION["by_position"][_name] = {"tokens": 2016 + _place, **interval("nats_per_token", 4.2 - _place / 3)}
for _group, _counted, _names in (
    ("choosing", "stories", ("middle_of_five", "ending_of_four", "names_swapped")),
    ("abilities", "pairs", ("agreement", "pronoun", "speech_verbs", "negation", "who_has_it", "number")),
):
    for _place, _name in enumerate(_names):
        EVALUATION[_group][_name] = {_counted: 57 + _place, "chance": 0.5, **interval("share", 0.71 + _place / 50)}
        EVALUATION[_group][_name] |= interval("ngram", 0.61 + _place / 50)
for _place, _name in enumerate(("made_up_words", "loops", "unbalanced_quotes", "named_once")):
    EVALUATION["flaws"]["generated"] |= interval(_name, 0.12 + _place / 50)
    EVALUATION["flaws"]["real"] |= interval(_name, 0.11 + _place / 50)

METRICS: dict[str, dict[str, Any]] = {
    "extract": {
        "kind": "sample", "commit": None, "read": 1260, "stories": 1260, "left_out_by_limit": 0,
        "partitions": {"train": 1075, "validation": 59, "test": 126}, "without_stories": [],
        "files": [{"file": "original-stories.jsonl", "layout": "all_data", "stories": 1260}],
        "repaired": {"stories": 7, "mojibake": 4, "line_ends": 5, "control_characters": 0, "separator": 0},
    },
    "validate": {
        "stories": 1260, "kept": 1256, "duplicates": 1, "bad": 3, "bad_share": 3 / 1260, "near_duplicates": 0,
        "near_held_out": 0, "other_language": 0, "test_ngrams_in_train": {"words": 13, "one_of": 1, "share": 0.0632},
        "reasons": {"too_short": 1, "nul": 2}, "partitions": {"train": 1071, "validation": 59, "test": 126},
    },
    "split": {
        "stories": 1256, "infillable": 0.9992, "sentences_per_story": 12.31,
        "stories_per_partition": {"train": 1071, "validation": 59, "test": 126},
        "tags": {
            "train": {
                "BadEnding": 282, "Conflict": 590, "Dialogue": 768, "Foreshadowing": 257, "MoralValue": 316,
                "Twist": 255,
            },
            "validation": {
                "BadEnding": 15, "Conflict": 32, "Dialogue": 42, "Foreshadowing": 14, "MoralValue": 17, "Twist": 14,
            },
            "test": {
                "BadEnding": 33, "Conflict": 68, "Dialogue": 91, "Foreshadowing": 31, "MoralValue": 38, "Twist": 30,
            },
        },
        "tags_from": {"read": 1256, "features": 0, "tagger": 0, "world": 0},
    },
    "tokenize": {
        "vocab_size": 4096, "vocab_size_asked": 4096, "bytes_per_token": 4.1482, "unsure_tags": 317,
        "train": {"stories": 1071, "tokens": 389_120, "bytes": 1_620_100, "bytes_per_token": 4.1635},
        "validation": {"stories": 59, "tokens": 21_310, "bytes": 88_411, "bytes_per_token": 4.1488},
        "test": {"stories": 126, "tokens": 45_904, "bytes": 190_420, "bytes_per_token": 4.1482},
    },
    "train": {
        "parameters": 1_394_304, "steps": 400, "tokens": 1_583_000, "epochs": 4.1, "train_loss": 2.914,
        "validation_loss": 3.131, "validation_nats_per_story": 668.0, "precision": "fp32", "optimizer": "muon",
        "budget_line": "steps: 400", "budget": {"steps": 400}, "device": "cpu", "reproducible": True,
    },
    "evaluate": EVALUATION,
}  # fmt: skip

TALE = (
    "Nell had a red kite that would not fly. She ran up the hill, and she ran down the hill, and still it dragged "
    'behind her like a tired dog.\n\n"It has no tail," said her grandmother. She tied on a strip of blue cloth. The '
    "wind took the kite at once, so high that Nell had to lean back to see it. When evening came she wound in the "
    "string, and the blue cloth was gone. A swallow had taken it for her nest. "
    '"Then I will make another," said Nell, and she did.'
)


@pytest.fixture
def project(tmp_path: Path) -> Paths:
    """Paths of a project with every file that the report reads."""
    paths = Paths(tmp_path)
    build(paths)
    return paths


@cache
def profile() -> dict[str, Any]:
    """What split says of the first 60 stories of the sample, of which every tenth is a test story."""
    rows = [
        {"story_id": story_id(row["story"]), "text": row["story"], "tags": row["tags"], "tags_from": "read"}
        | {"words_in_text": len(row["story"].split()), "sentences": len(sentences(row["story"])), "source": "sample"}
        | {"partition": "train" if at % 10 else "test"}
        for at, row in enumerate(sample(60))
    ]
    corpus, words = Profile(), Vocabulary(len(rows))
    for part in (corpus, words):
        part.add(pa.Table.from_pylist(rows))
    return corpus.to_json() | words.to_json()


def left_out(text: str = TALE, **other: Any) -> dict[str, Any]:
    return {"story_id": f"{len(text):016x}", "source": "own.txt", "partition": "train", "text": text} | other


EXAMPLES: dict[str, Any] = {
    "by_reason": {"too_short": [left_out("Oh.")], "nul": [left_out("A cat\0ran."), left_out("A dog\0ran.")]},
    "near": [{"left_out": left_out(TALE + " Ha!"), "kept": left_out(partition="test"), "similarity": 0.8137}],
    "copies": [{"left_out": left_out(f" {TALE}"), "kept": left_out()}],
}


def build(paths: Paths, generated: int = 140) -> None:
    write_json(paths.examples, EXAMPLES)
    write_json(paths.profile, profile())
    write_json(paths.accepted, {name: profile()[name] for name in ("stories", "measures")})
    for name, values in METRICS.items():
        file = paths.root / f"reports/metrics/{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values), encoding="utf-8")
    _write_curve(paths.curve)
    draw = random.Random(7)
    paths.evaluation.mkdir(parents=True, exist_ok=True)
    rows = [
        {"story_id": f"{index:016x}", "nats": draw.gauss(672, 110), "tokens": 215, "bytes": 892} for index in range(126)
    ]
    pq.write_table(pa.Table.from_pylist(rows), paths.evaluation / "stories.parquet")
    kinds = [None, *TAGS]
    write_lines(paths.evaluation / "generated.jsonl", [story(kinds[index % 7], index) for index in range(generated)])
    write_lines(paths.evaluation / "infillings.jsonl", [infilling(index) for index in range(10)])
    write_lines(paths.evaluation / "copied.jsonl", [copied(line) for line in (3, 7)])


def story(asked: str | None, seed: int) -> dict[str, Any]:
    return {
        "text": TALE, "request": {"index": seed // 7} | ({"tags": [asked]} if asked else {}),
        "met": {f"tag:{asked}": seed % 3 != 0} if asked else {}, "stopped": "eos", "tokens": 171,
        "nats": 410.5 + seed, "seed": seed, "model": "story", "asked": asked,
        "verdict": dict.fromkeys(TAGS, seed % 3 != 0), "made_up": [f"florp{seed}"] if seed < 3 else [],
    }  # fmt: skip


def infilling(seed: int) -> dict[str, Any]:
    first, *middle, last = TALE.replace("\n\n", " ").split(". ")
    return {
        "story_id": f"{seed:016x}", "first": first + ".", "last": last, "middle": ". ".join(middle) + ".",
        "generated": " She asked the wind to be kind. The kite lay in the grass and did not listen. "
        "Then her grandmother came with a strip of cloth and a knot, and the string began to hum.",
        "stopped": "eos", "tokens": 88, "nats": 190.2, "seed": seed,
    }  # fmt: skip


def copied(line: int) -> dict[str, Any]:
    return {
        "line": line, "text": TALE, "share_8grams_in_train": 0.031, "longest_run": "once upon a time there was a boy",
        "longest_run_words": 8, "nearest": "Once upon a time there was a boy who had a kite.",
        "nearest_share_4grams": 0.09,
    }  # fmt: skip


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _write_curve(path: Path) -> None:
    draw = random.Random(3)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["step", "train_loss", "validation_loss", "lr"])
        for step in range(1, 401):
            loss = 2.9 + 5.4 * math.exp(-step / 55)
            validated = f"{loss + 0.18:.4f}" if step % 50 == 0 else ""
            writer.writerow([step, f"{loss + draw.gauss(0, 0.07):.4f}", validated, 0.003])
