"""Copied text is found, wherever it stands, and nothing else is."""

import math
import random
import time

import pytest

from tinystories.evaluation import memorisation as module
from tinystories.evaluation.memorisation import TrainingText, look_up, memorisation, most_copied
from tinystories.evaluation.words import words_of

STORY = "Once upon a time there was a little dog. He lost his red ball in the tall green grass."
OTHER = "Lily went to the park. She saw a very big tree and a bird that sang all day long."


def copying(texts: list[str], training: TrainingText) -> dict[str, float]:
    found = memorisation(look_up(texts, training), training)
    return {key: found[key] for key in ("share_8grams_in_train", "longest_run_words")}


def test_a_training_story_told_again_is_found_word_for_word() -> None:
    measured = copying([STORY.upper()], TrainingText([OTHER, STORY]))
    assert measured == {"share_8grams_in_train": 1.0, "longest_run_words": 19}


def test_a_run_of_nine_words_among_new_ones_is_counted_by_hand() -> None:
    copied = "The king said that he lost his red ball in the tall green forest and then he slept."
    # words 5 to 13, "he lost his red ball in the tall green", are nine of training: two 8-grams of eleven
    measured = copying([copied], TrainingText([STORY, OTHER]))
    assert measured == {"share_8grams_in_train": 2 / 11, "longest_run_words": 9}


def test_the_share_of_several_texts_has_an_interval_over_texts() -> None:
    training = TrainingText([STORY])
    found = memorisation(look_up([STORY, OTHER, STORY, OTHER, "Too short."], training), training)
    low, share, high = (found[f"share_8grams_in_train{end}"] for end in ("_low", "", "_high"))
    assert share == 24 / 48  # twelve 8-grams each; "Too short." has none and plays no part
    assert (low, high) == (0, 1)  # of four texts nobody can say more
    assert found["copied_texts"] == 2 / 4 and found["copied_texts_low"] == pytest.approx(0.15, abs=0.01)  # Wilson's
    half = "Once upon a time there was a little dog. He " + "sang all day in the sun."  # 3 of 9 is no copy
    assert memorisation(look_up([half], training), training)["copied_texts"] == 0
    alone = memorisation(look_up([STORY], training), training)
    assert math.isnan(alone["share_8grams_in_train_low"])


def test_the_same_words_in_another_order_are_not_found() -> None:
    words = STORY.split()
    random.Random(1).shuffle(words)
    assert copying([" ".join(words)], TrainingText([STORY]))["share_8grams_in_train"] == 0


def test_no_run_spans_two_training_stories() -> None:
    across = "in the tall green grass Lily went to the park"
    assert copying([across], TrainingText([STORY, OTHER]))["longest_run_words"] == 5
    assert copying([across], TrainingText([STORY + " " + OTHER]))["longest_run_words"] == 10


def test_runs_are_found_across_the_pieces_that_training_text_is_hashed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", 7)
    assert copying([STORY, OTHER], TrainingText([OTHER, STORY])) == {
        "share_8grams_in_train": 1.0,
        "longest_run_words": 19,
    }


def test_runs_agree_with_a_search_in_the_text_itself() -> None:
    draw = random.Random(4)
    train = [" ".join(draw.choices("abcde", k=60)) for _ in range(20)]
    story = draw.choices("abcde", k=200)
    training = TrainingText(train)
    longest = max(
        n for n in range(1, 60) if any(" ".join(story[i : i + n]) in t for i in range(200 - n + 1) for t in train)
    )
    assert training.longest_run([story]) == longest
    for n in (1, 3, 4, 8):
        want = [any(" ".join(story[i : i + n]) in t for t in train) for i in range(200 - n + 1)]
        assert training.found([story], n)[0].tolist() == want


def test_short_or_no_text_has_no_share() -> None:
    for texts in ([], ["A dog ran."], [""]):
        assert math.isnan(copying(texts, TrainingText([STORY]))["share_8grams_in_train"])
    assert copying(["A little dog ran."], TrainingText([STORY]))["longest_run_words"] == 3
    assert copying([STORY], TrainingText([])) == {"share_8grams_in_train": 0.0, "longest_run_words": 0}


def test_a_million_training_words_are_searched_in_seconds() -> None:
    draw = random.Random(2)
    vocabulary = [f"w{i}" for i in range(3000)]
    train = [" ".join(draw.choices(vocabulary, k=1000)) for _ in range(1000)]
    start = time.process_time()
    copying(train[:20], TrainingText(train))
    assert time.process_time() - start < 10


def test_the_nearest_training_story_has_most_of_the_different_runs_of_four_words() -> None:
    training = TrainingText(["a b c d a b c d a b c d", STORY, "he lost his red ball and cried", OTHER])
    story = ["the", "king", "said", "he", "lost", "his", "red", "ball", "in", "the", "tall", "house"]
    # 9 runs of four: STORY has 5, "he lost his red" to "ball in the tall"; the third has 2
    nearest, share = training.nearest(story)
    assert nearest == 1 and share == 5 / 9
    assert training.nearest(["a", "b", "c", "d"]) == (0, 1.0)
    assert training.nearest(["he", "lost", "his", "red", "ball", "and", "cried"])[0] == 2
    assert training.nearest(["quite", "other", "words", "than", "these"]) == (None, 0.0)
    assert training.nearest(["two", "words"]) == (None, 0.0)


def test_the_nearest_is_found_across_the_pieces_that_training_text_is_hashed_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", 5)
    training = TrainingText([OTHER, STORY, OTHER])
    assert training.nearest(words_of(STORY)) == (1, 1.0)
    assert training.nearest(words_of(OTHER)) == (0, 1.0)  # the first of equals


def test_the_most_copied_stories_come_first_with_the_run_that_they_copied() -> None:
    copied = "The king said that he lost his red ball in the tall green forest and then he slept."
    training = TrainingText([OTHER, STORY])
    found = most_copied(
        look_up(["A new story of a cat that nobody has ever told before.", copied], training), training, 2
    )
    assert [one.text for one in found] == [1, 0]
    assert found[0].run == ("he", "lost", "his", "red", "ball", "in", "the", "tall", "green")
    assert (found[0].looked.hits, found[0].looked.grams, found[0].nearest) == (2, 11, 1)
    assert found[1].looked.hits == 0 and found[1].nearest is None


def test_a_word_is_known_if_a_training_story_has_it_and_asking_changes_nothing() -> None:
    training = TrainingText([STORY])
    assert training.knows("grass") and not training.knows("florp")
    training.found([["florp"]], 1)
    assert not training.knows("florp")
