"""What a corpus is like: counts that add up, words that are really common, stories that are really unusual."""

import math
from typing import Any

import pyarrow as pa
import pytest

from tinystories.corpus import vocabulary
from tinystories.corpus.excerpts import LONGEST, excerpt
from tinystories.corpus.profile import CELLS, Profile
from tinystories.corpus.record import story_id
from tinystories.corpus.vocabulary import Vocabulary
from tinystories.corpus.wordlists import lower_words
from tinystories.text.sentences import sentences
from tinystories.text.tags import TAGS


def table(*texts: str, tags: tuple[str, ...] = (), **other: Any) -> Any:
    rows = [
        {"story_id": story_id(text), "text": text, "source": "own.txt", "partition": "train", "tags": list(tags)}
        | {"tags_from": "read", "words_in_text": len(text.split()), "sentences": len(sentences(text))} | other
        for text in texts
    ]  # fmt: skip
    return pa.Table.from_pylist(rows)


def test_each_story_is_counted_once_in_each_measure() -> None:
    profile = Profile()
    profile.add(table("A cat ran. It hid.", "Café! " * 30, tags=("Conflict", "Twist")))
    profile.add(table("Oh.", tags_from="tagger"))
    found = profile.to_json()
    assert found["stories"] == 3
    assert {name: sum(measure["counts"]) for name, measure in found["measures"].items()} == dict.fromkeys(
        ("words", "characters", "sentences", "letters_per_word", "tags", "other_letters", *TAGS, "tags_from"), 3
    )
    assert found["measures"]["words"] == {"step": 10.0, "counts": [2, 0, 0, 1]}
    assert found["measures"]["sentences"]["counts"][1:3] == [1, 1]
    assert found["measures"]["tags"]["counts"] == [1, 0, 2]
    assert found["measures"]["Twist"]["counts"] == [1, 2]
    assert found["measures"]["other_letters"]["counts"] == [2, 1]
    assert found["measures"]["tags_from"]["counts"] == [2, 0, 1, 0]
    assert found["words"] == {"mean": 12.0, "most": 30, "p5": 1, "p50": 5, "p95": 5}
    assert found["combinations"] == [{"tags": ["Conflict", "Twist"], "stories": 2}, {"tags": [], "stories": 1}]
    assert found["together"]["Twist"]["Conflict"] == 2 and found["together"]["Twist"]["Dialogue"] == 0


def test_a_story_longer_than_the_last_cell_is_in_the_last_cell() -> None:
    profile = Profile()
    profile.add(table("word " * 30_000))
    counts = profile.measures()["words"]["counts"]
    assert len(counts) == CELLS and counts[-1] == 1


def test_words_are_runs_of_letters_with_their_apostrophes() -> None:
    assert lower_words("Don’t! \"It's 3 o'clock,\" said Zoë's well-known Ann_2.") == [
        "don’t", "it's", "o'clock", "said", "zoë's", "well", "known", "ann",
    ]  # fmt: skip


COMMON = ["the cat sat on the mat and the dog sat on the rug " * 5 + word for word in ("so", "too", "then", "now")]
ODD = "a zephyr vexed quixotic jackdaws " * 11


def test_the_unusual_story_is_the_one_of_rare_words() -> None:
    found = Vocabulary(5)
    found.add(table(*COMMON, ODD))
    said = found.to_json()
    assert said["unusual"][0]["text"] == ODD.strip()
    assert {story["text"] for story in said["typical"]} <= set(COMMON)
    # every word of it is in it alone: ln(5 / 1)
    assert said["unusual"][0]["mean_weight"] == pytest.approx(math.log(5), abs=1e-6)
    assert said["unusual"][0]["rarest"][0] == ["a", 1]
    assert said["vocabulary"]["distinct"] == 8 + 4 + 5
    assert said["vocabulary"]["most_frequent"][0] == {"word": "the", "count": 80}
    assert said["vocabulary"]["words"] == 4 * 66 + 55
    assert said["vocabulary"]["once"] == 4


def test_short_stories_are_neither_typical_nor_unusual() -> None:
    found = Vocabulary(4)
    found.add(table("Oh zephyr!", *COMMON[:3]))
    assert "Oh zephyr!" not in {story["text"] for kind in ("typical", "unusual") for story in found.to_json()[kind]}


def test_words_of_test_stories_that_training_lacks() -> None:
    found = Vocabulary(2)
    found.add(table("the cat sat on a mat"))
    found.add(table("the owl sat", partition="test"))
    assert found.to_json()["vocabulary"]["unknown_in_test"] == pytest.approx(1 / 3)
    alone = Vocabulary(1)
    alone.add(table("the cat"))
    assert alone.to_json()["vocabulary"]["unknown_in_test"] is None


def test_of_many_stories_some_are_chosen_by_their_ids_whatever_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "COUNTED", 50)
    texts = [f"story {number} of the cat" for number in range(200)]
    one, other = Vocabulary(200), Vocabulary(200)
    one.add(table(*texts))
    for text in reversed(texts):
        other.add(table(text))
    said = one.to_json()
    assert said == other.to_json()
    assert said["vocabulary"]["one_of"] == 4
    assert 25 <= said["vocabulary"]["stories"] <= 78  # binomial: 50 expected, standard deviation 6.1, 4.5 of them


def test_no_stories_are_no_error() -> None:
    assert Vocabulary(0).to_json()["vocabulary"]["distinct"] == 0
    assert Profile().to_json()["words"]["mean"] is None


def test_an_excerpt_ends_after_a_word_and_only_where_it_must() -> None:
    assert excerpt("  A cat.\n") == "A cat."
    cut = excerpt("word " * 1000)
    assert cut.endswith("word …") and len(cut) <= LONGEST + 2
    assert len(excerpt("x" * 5_000_000)) <= LONGEST + 2
