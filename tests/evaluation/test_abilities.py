"""The table of abilities: shares of pairs, by a model and by an n-gram."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.builders import sample
from tinystories.evaluation.abilities import abilities, choose, choosing, judge_pairs, make_pairs
from tinystories.evaluation.choices import Chosen
from tinystories.evaluation.intervals import share_interval
from tinystories.evaluation.minimal import ABILITIES, Pair
from tinystories.evaluation.ngram import NGram
from tinystories.evaluation.scoring import continued, ngram_scorer
from tinystories.requests.controls import BOS_ID, EOS_ID
from tinystories.requests.example import Example
from tinystories.requests.formats import PLAIN
from tinystories.text.tokenizer import StoryTokenizer

PAIRS = [
    Pair("agreement", "a", "There was a box. It", " was red.", " were red."),
    Pair("agreement", "b", "There was a box. It", " is red.", " are red."),
    Pair("number", "c", "There was", " a box.", " a boxes."),
]


def costs(*nats: float) -> Any:
    def score(examples: Sequence[Example]) -> list[float]:
        assert len(examples) == len(nats)
        return list(nats)

    return score


def test_a_pair_is_right_where_the_true_side_costs_less(tokenizer: StoryTokenizer) -> None:
    judged = judge_pairs(costs(1, 2, 2, 1, 3, 3), tokenizer, PAIRS, 64)
    assert [one.right for one in judged] == [True, False, False]  # as likely is not likelier
    table = abilities(judged, judge_pairs(costs(1, 2, 1, 2, 1, 2), tokenizer, PAIRS, 64))
    assert (table["agreement"]["pairs"], table["agreement"]["share"], table["agreement"]["ngram"]) == (2, 0.5, 1.0)
    assert (table["agreement"]["share_low"], table["agreement"]["share_high"]) == share_interval(1, 2)
    assert table["number"]["share"] == 0 and table["number"]["chance"] == 0.5
    assert table["pronoun"]["pairs"] == 0 and set(table) == set(ABILITIES)


def test_both_sides_are_scored_after_the_story_so_far_and_long_ones_not_at_all(tokenizer: StoryTokenizer) -> None:
    seen: list[Example] = []

    def score(examples: Sequence[Example]) -> list[float]:
        seen.extend(examples)
        return [1.0] * len(examples)

    long = Pair("number", "d", "There was a box." * 40, " a box.", " a boxes.")
    assert len(judge_pairs(score, tokenizer, [PAIRS[0], long], 64)) == 1
    context = tokenizer.encode("There was a box. It")
    for example, side in zip(seen, (" was red.", " were red."), strict=True):
        assert example.ids.tolist() == [BOS_ID, *context, *tokenizer.encode(side)]
        assert example.ids[example.loss_mask].tolist() == tokenizer.encode(side)


def test_pairs_are_one_a_story_and_at_most_so_many() -> None:
    texts = {str(index): row["story"] for index, row in enumerate(sample(120))}
    pairs = make_pairs(texts, 7)
    for ability in ABILITIES:
        own = [pair.story_id for pair in pairs if pair.ability == ability]
        assert len(own) == len(set(own)) <= 7 and own == sorted(own, key=int)
    assert len(pairs) >= 5 * 7


def test_an_n_gram_scores_what_stands_in_the_plain_form(tokenizer: StoryTokenizer) -> None:
    story = [BOS_ID, *tokenizer.encode("There was a box. It was red."), EOS_ID]
    ngram = NGram.fit([story] * 3, 3, tokenizer.vocab_size)
    given, target = tokenizer.encode("There was"), tokenizer.encode(" a box.")
    (nats,) = ngram_scorer(ngram)([continued(tokenizer, given, target, "a")])
    (every,) = ngram.nats([[BOS_ID, *given, *target]])
    assert nats == pytest.approx(every[len(given) :].sum())
    assert ngram_scorer(ngram)([]) == []
    assert judge_pairs(ngram_scorer(ngram), tokenizer, PAIRS, 64)[0].right


def test_choosing_counts_stories_and_leaves_the_middles_out_for_who_does_not_know_the_form() -> None:
    chosen = {task: [Chosen("a", True, ()), Chosen("b", False, ())] for task in ("ending_of_four", "names_swapped")}
    table = choosing({**chosen, "middle_of_five": [Chosen("a", True, ())]}, {**chosen, "middle_of_five": []})
    assert (table["middle_of_five"]["share"], table["middle_of_five"]["stories"]) == (1, 1)
    assert table["middle_of_five"]["ngram"] != table["middle_of_five"]["ngram"]  # unknown
    assert [table[task]["chance"] for task in table] == [0.2, 0.25, 0.5]
    none: Any = choose(costs(), None, [], {}, 64, PLAIN)  # type: ignore[arg-type]
    assert none == {"middle_of_five": [], "ending_of_four": [], "names_swapped": []}
