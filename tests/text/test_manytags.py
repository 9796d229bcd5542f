"""The tagger says of many stories at once what it says of each one."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import sample
from tinystories.corpus.sources import read_stories
from tinystories.text.cues import PHRASES, cues
from tinystories.text.manycues import cues_in
from tinystories.text.manytags import ManyTagger
from tinystories.text.sentences import sentences
from tinystories.text.tagger import Tagger

ODD = ["", "x", "!!! ...", "“No,” said É. Hi.", "‘Don’t!’ he said. It‘s so. a", "He was not afraid\n\n🎉\n\nthe end"]

# words of phrases, and what cuts them: most of these texts have cues that lie close, overlap or are cut in two
phrase_words = sorted({word for _, places in PHRASES for slot in places for word in (*slot.words, *slot.beginnings)})
texts = st.lists(
    st.lists(st.sampled_from([*phrase_words, ".", ".", '."', '"', "\n\n", "É", "don’t"]), max_size=30).map(" ".join),
    max_size=6,
)


def both(stories: list[str]) -> tuple[np.ndarray, np.ndarray]:
    tagger = Tagger.load("tagger")
    many = ManyTagger(tagger).probabilities(stories, [sentences(story) for story in stories])
    return many, tagger.probabilities(stories)


def test_probabilities_of_the_sample_are_the_same_to_the_last_bit() -> None:
    stories = [row["story"] for row in sample(400)] + ODD
    many, one = both(stories)
    assert (many == one).all()


@given(texts)
def test_probabilities_are_the_same_on_texts_full_of_cues(stories: list[str]) -> None:
    many, one = both(stories)
    assert (many == one).all()


def test_what_stands_beside_a_story_changes_nothing() -> None:
    stories = [row["story"] for row in sample(40)]
    alone = np.concatenate([both([story])[0] for story in stories])
    assert (alone == both(stories)[0]).all()


@given(st.lists(st.lists(st.sampled_from(phrase_words), min_size=1, max_size=8), max_size=5))
def test_cues_are_those_of_each_sentence(given_sentences: list[list[str]]) -> None:
    names = sorted({word for sentence in given_sentences for word in sentence})
    ids = np.array([names.index(word) for sentence in given_sentences for word in sentence], np.int32)
    lengths = [len(sentence) for sentence in given_sentences]
    sentence = np.repeat(np.arange(len(lengths)), lengths)
    place, cue = cues_in(names, ids, sentence)
    for number, words in enumerate(given_sentences):
        assert sorted(cue[sentence[place] == number]) == sorted(cues(words))


def test_tags_are_those_that_the_tagger_finds_and_it_is_sure_of_them_in_some_degree() -> None:
    tagger, stories = Tagger.load("tagger"), [row["story"] for row in sample(200)]
    tags, sureness = ManyTagger(tagger).tags(stories, [sentences(story) for story in stories])
    assert tags.to_pylist() == tagger.tags_many(stories)
    assert [len(values) for values in sureness.to_pylist()] == [len(own) for own in tags.to_pylist()]
    sure = sureness.flatten().to_pylist()
    assert min(sure) >= 0 and sum(value < 1 for value in sure) > 10 and sum(value > 1 for value in sure) > 10


def test_no_stories_have_no_tags() -> None:
    assert [len(one) for one in ManyTagger(Tagger.load("tagger")).tags([], [])] == [0, 0]


@pytest.mark.slow
def test_tags_are_the_same_on_every_shared_story(shared: Path) -> None:
    many, one = both([story.text for story in read_stories(shared / "data" / "stories")])
    assert (many == one).all()
