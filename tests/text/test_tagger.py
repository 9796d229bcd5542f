"""Tagger and judge: what they find, what they carry, and that they need nothing heavy for it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tinystories.corpus.record import story_id
from tinystories.text.fitted import HERE, NAMES, fitted_ids
from tinystories.text.labels import read_gold
from tinystories.text.tagfiles import measure_files
from tinystories.text.tagger import Name, Tagger
from tinystories.text.tags import TAGS, Tag

PLAIN = (
    "Once upon a time there was a little girl named Ana. Ana went to the park with her dad. They sat on the grass and "
    "ate red apples. They saw ducks on the pond. Then they went home and had soup. It was a happy day."
)
UNMISTAKABLE: dict[Tag, str] = {
    "BadEnding": "Ben had a small fish. One day Ben forgot to feed the fish. The fish got sick. Ben cried and cried, "
    "but it was too late. The fish died. Ben was sad and alone, and he never saw his fish again.",
    "Conflict": "Ana and Ben both wanted the ball. They started to fight. Ben pushed Ana and grabbed the ball. Ana was "
    "angry and shouted at him. Ben yelled too. They were mad at each other and did not want to share. Then Mom came "
    "and took the ball. Ana tried to get it back, but she could not reach it.",
    "Dialogue": 'Ana saw a duck. "Hello, duck!" she said. "Quack," said the duck. They were friends.',
    "Foreshadowing": "Mom told Ben to be careful near the old bridge. She warned him not to run on it because it was "
    "dangerous. But Ben did not listen. He ran on the bridge. The bridge broke and Ben fell into the water. Ben was "
    "wet and hurt. He remembered what Mom had said. He should have listened to Mom.",
    "MoralValue": "Ana did not want to share her toys. Her friend was sad. Ana shared her toys and they had fun. Ana "
    "learned that sharing is good. The moral of the story is that we should always share with our friends.",
    "Twist": "Ben found a small frog by the pond. He took it home. But then something unexpected happened. The frog "
    "turned into a prince! Ben was very surprised. The frog was really a prince in disguise all along.",
}
MODELS = pytest.mark.parametrize("name", NAMES)


@MODELS
@pytest.mark.parametrize("tag", TAGS)
def test_an_unmistakable_story_has_the_tag_and_a_plain_one_has_none(name: Name, tag: Tag) -> None:
    tagger = Tagger.load(name)
    assert tag in tagger.tags(UNMISTAKABLE[tag])
    assert tagger.tags(PLAIN) == []


@MODELS
@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ('Tom saw a cat. "Come here," said Tom. The cat came.', True),
        ("Tom saw a cat. “Come here,” said Tom. The cat came.", True),
        ("Tom saw a cat. 'Come here!' said Tom. The cat didn't come.", True),
        ('Tom saw a cat. "Come here!" The cat came.', True),
        ('Mom asked for help. Tom said "yes" and came.', True),
        ('Tom saw a cat. "What a nice cat," thought Tom. The cat came.', False),
        ('Tom saw a cat. He thought, "What a nice cat!" The cat came.', False),
        ("Tom saw a cat. Tom's mom didn't see it. It was the cat's hat.", False),
        ("Tom saw a cat. Mom said that it was a nice cat. The cat came.", False),
        ('Tom had a cat named "Spot" and a book called "The Big Sea" too. The cat came.', False),
        ('There was a sign that said, "Do not enter." Tom went home.', False),
    ],
)
def test_speech_is_dialogue_and_a_thought_a_name_or_a_sign_is_not(name: Name, text: str, spoken: bool) -> None:
    assert ("Dialogue" in Tagger.load(name).tags(text)) is spoken


@MODELS
@pytest.mark.parametrize("text", ["", " \n", "😀", "...", "\0", "3.5"])
def test_a_text_without_a_word_has_no_tags(name: Name, text: str) -> None:
    assert Tagger.load(name).tags(text) == []
    assert not Tagger.load(name).probabilities([text]).any()


@MODELS
def test_many_texts_get_what_each_gets_alone(name: Name) -> None:
    tagger, texts = Tagger.load(name), [PLAIN, *UNMISTAKABLE.values(), ""]
    assert tagger.tags_many(texts) == [tagger.tags(text) for text in texts]
    found = tagger.probabilities(texts) >= tagger.thresholds_T
    assert found.shape == (8, 6)
    assert [[tag for tag, yes in zip(TAGS, row, strict=True) if yes] for row in found] == tagger.tags_many(texts)
    assert tagger.probabilities([]).shape == (0, 6)


@MODELS
def test_a_long_text_is_no_trouble(name: Name) -> None:
    probabilities = Tagger.load(name).probabilities([" ".join([PLAIN, *UNMISTAKABLE.values()] * 60), "a" * 100_000])
    assert np.isfinite(probabilities).all() and (probabilities <= 1).all()


@MODELS
def test_what_is_written_reads_back_as_the_same_model(name: Name) -> None:
    tagger = Tagger.load(name)
    again = Tagger.from_json(json.loads(json.dumps(tagger.to_json())))
    assert again.to_json() == tagger.to_json()
    texts = list(UNMISTAKABLE.values())
    assert (again.probabilities(texts) == tagger.probabilities(texts)).all()


def test_tagger_and_judge_were_fitted_on_disjoint_halves_and_say_on_which() -> None:
    tagger, judge = Tagger.load("tagger").fitted_on, Tagger.load("judge").fitted_on
    assert len(tagger) > 500 and len(judge) > 500
    assert not tagger & judge
    assert fitted_ids() == tagger | judge


def test_no_story_of_the_sample_was_fitted_on(root: Path) -> None:
    sample = (root / "tinystories/corpus/sample/original-stories.jsonl").read_text(encoding="utf-8").splitlines()
    assert not fitted_ids() & {story_id(json.loads(line)["story"]) for line in sample}


@MODELS
def test_a_model_is_small_enough_for_the_package(name: Name) -> None:
    assert (HERE / f"{name}.json").stat().st_size <= 300_000


@MODELS
def test_a_model_carries_its_own_error(name: Name) -> None:
    gold = Tagger.load(name).gold
    assert set(gold) == set(TAGS)
    for measured in gold.values():
        assert {"precision", "recall", "f1", "n"} <= set(measured)


def test_gold_labels_measure_both_and_trained_neither(shared: Path) -> None:
    data = shared / "data"
    gold = data / "tag-gold.jsonl"
    assert not fitted_ids() & read_gold(gold).keys()
    measured = measure_files(
        [data / "stories/tinystories-v1-train-head.txt", data / "stories/tinystories-v2-gpt4-train-head.txt"], gold
    )
    assert measured == {name: Tagger.load(name).gold for name in NAMES}
    # what the fit gives, rounded down; all are above DESIGN's floors
    floors: dict[Tag, float] = {
        "BadEnding": 0.84,
        "Conflict": 0.82,
        "Dialogue": 0.99,
        "Foreshadowing": 0.47,
        "MoralValue": 0.84,
        "Twist": 0.54,
    }
    for name in NAMES:
        assert {tag: measured[name][tag]["f1"] >= floor for tag, floor in floors.items()} == dict.fromkeys(TAGS, True)


@MODELS
def test_no_tag_is_found_as_badly_as_by_saying_yes_to_all(name: Name) -> None:
    """A paired bootstrap over the gold stories: better in at least 97.5 % of the resamples."""
    for tag, measured in Tagger.load(name).gold.items():
        assert measured["above_always_yes"] >= 0.975, tag


@MODELS
def test_probabilities_are_as_high_on_average_as_tags_are_frequent(name: Name) -> None:
    # standard error of a rate over 299 stories is at most 0.029; Conflict is labelled in 34 % of the stories that are
    # fitted on and in 46 % of the gold ones, so that its mean is low by right
    for tag, measured in Tagger.load(name).gold.items():
        bound = 0.12 if tag == "Conflict" else 3 * 0.029
        assert abs(measured["mean_probability"] - measured["positives"] / measured["n"]) < bound, tag


def fresh(code: str, **environment: str) -> str:
    """What `code` prints in a Python of its own."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    return done.stdout


def test_the_ids_are_read_without_numpy(root: Path) -> None:
    code = (
        "import sys; from tinystories.text.fitted import fitted_ids; print(len(fitted_ids()), 'numpy' in sys.modules)"
    )
    assert fresh(code, PYTHONPATH=str(root)) == f"{len(fitted_ids())} False\n"


def test_tagging_needs_no_scikit_learn_and_does_not_depend_on_the_hash_seed(root: Path) -> None:
    code = (
        "import sys; sys.modules['sklearn'] = sys.modules['scipy'] = None\n"
        "from tinystories.text.tagger import Tagger\n"
        f"texts = {list(UNMISTAKABLE.values())!r}\n"
        "print([Tagger.load(name).probabilities(texts).tobytes().hex() for name in ('tagger', 'judge')])"
    )
    one, two = (fresh(code, PYTHONPATH=str(root), PYTHONHASHSEED=seed) for seed in ("1", "2"))
    assert one == two
