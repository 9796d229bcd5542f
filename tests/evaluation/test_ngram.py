"""The n-gram baselines against hand-worked corpora and a slow, literal Kneser-Ney."""

import math
import time
from collections import Counter

import numpy as np
import pytest

from tinystories.evaluation.ngram import NGram

PAD, BOS, EOS, A, B = range(5)
TOY = [[BOS, A, B, EOS], [BOS, A, A, EOS]]


def random_stories(count: int, vocabulary: int, seed: int) -> list[list[int]]:
    """Stories of a random Markov chain, so that bigrams repeat as words do."""
    random = np.random.default_rng(seed)
    table = random.dirichlet(np.full(vocabulary - 3, 0.3), vocabulary)
    stories = []
    for _ in range(count):
        story = [BOS]
        for _ in range(random.integers(0, 12)):
            story.append(3 + int(random.choice(vocabulary - 3, p=table[story[-1]])))
        stories.append([*story, EOS])
    return stories


def literal_kneser_ney(stories: list[list[int]], order: int, vocabulary: int, history: list[int], token: int) -> float:
    """Chen and Goodman's recursion written down as it stands, with sets and counters."""
    grams = [Counter(tuple(s[i : i + n]) for s in stories for i in range(len(s) - n + 1)) for n in range(order + 1)]

    def count(gram: tuple[int, ...]) -> int:
        if gram == (BOS,):
            return 0
        if len(gram) == order or gram[0] == BOS:
            return grams[len(gram)][gram]
        return len({longer[0] for longer in grams[len(gram) + 1] if longer[1:] == gram})

    def discount(n: int, c: int) -> float:
        times = Counter(count(gram) for gram in grams[n])
        y = times[1] / (times[1] + 2 * times[2]) if times[1] else 0.0
        if not (times[1] and times[2] and times[3]):
            d = [0.5, 1.0, 1.5]
        else:
            d = [k - (k + 1) * y * times[k + 1] / times[k] for k in (1, 2, 3)]
            if not all(0 < x < k for k, x in enumerate(d, 1)):
                d = [0.5, 1.0, 1.5]
        return 0.0 if c == 0 else d[min(c, 3) - 1]

    def p(context: tuple[int, ...]) -> float:
        below = p(context[1:]) if context else 1 / vocabulary
        n = len(context) + 1
        counts = {gram[-1]: count(gram) for gram in grams[n] if gram[:-1] == context}
        total = sum(counts.values())
        if total == 0:
            return p(context[1:]) if context else below
        spared = sum(discount(n, c) for c in counts.values())
        own = counts.get(token, 0)
        return (own - discount(n, own) + spared * below) / total

    return p(tuple(history[max(0, len(history) - order + 1) :]))


def test_the_toy_bigram_is_as_worked_by_hand() -> None:
    model = NGram.fit(TOY, order=2, vocabulary=5)
    # unigrams by tokens to the left: a {bos, a}, b {a}, eos {a, b}; discounts 1, .5, 1 spare 2.5 of 5
    unigram = {PAD: 0.1, BOS: 0.1, EOS: 0.3, A: 0.3, B: 0.2}
    after_a = model.distribution([BOS, A])
    for token, seen in {EOS: 0.5, A: 0.5, B: 0.5, PAD: 0.0}.items():
        assert after_a[token] == pytest.approx((seen + 1.5 * unigram[token]) / 3)
    assert model.distribution([BOS])[A] == pytest.approx((2 - 1 + 1 * 0.3) / 2)
    assert model.distribution([BOS, B])[EOS] == pytest.approx(0.5 + 0.5 * 0.3)
    assert model.distribution([BOS, PAD])[A] == pytest.approx(0.3)  # a history never seen falls back
    p = [0.65, 0.8 / 3, 0.65]
    assert model.nats([[BOS, A, B, EOS]])[0] == pytest.approx([-math.log(x) for x in p])


def test_the_three_discounts_come_from_counts_of_counts() -> None:
    # counts: four tokens once, two twice, two three times; eos four times, once a story
    counts = {3: 1, 4: 1, 5: 1, 6: 1, 7: 2, 8: 2, 9: 3, 10: 3}
    tokens = [token for token, times in counts.items() for _ in range(times)]
    model = NGram.fit([[BOS, *tokens[i::4], EOS] for i in range(4)], order=1, vocabulary=20)
    # n1 = 4, n2 = 2, n3 = 2, n4 = 1 (eos): Y = 4 / 8, D1 = 1 - 2 / 4, D2 = 2 - 3 / 2, D3 = 3 - 1
    total, spared = 18, 4 * 0.5 + 2 * 0.5 + 2 * 2 + 2
    p = model.distribution([BOS])
    for token, kept in {3: 0.5, 7: 1.5, 9: 1.0, EOS: 2.0, 19: 0.0}.items():
        assert p[token] == pytest.approx((kept + spared / 20) / total)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_every_probability_equals_the_literal_recursion(order: int) -> None:
    stories = random_stories(60, 12, seed=order)
    model = NGram.fit(stories, order, 12)
    for story in random_stories(6, 12, seed=99):
        got = np.exp(-model.nats([story])[0])
        want = [literal_kneser_ney(stories, order, 12, story[:t], story[t]) for t in range(1, len(story))]
        assert got == pytest.approx(want, rel=1e-9)


@pytest.mark.parametrize("order", [1, 2, 5])
def test_probabilities_sum_to_one_after_any_history_and_nothing_is_impossible(order: int) -> None:
    model = NGram.fit(random_stories(300, 30, seed=1), order, 40)
    for history in ([BOS], [BOS, 5], [BOS, 5, 6, 7, 8, 9, 10], [BOS, 39], [BOS, 5, 39, 6]):
        p = model.distribution(history)
        assert p.sum() == pytest.approx(1, abs=1e-12) and p.min() > 0


def test_a_longer_history_predicts_text_with_long_patterns_better() -> None:
    stories = [[BOS, *[3, 4, 5, 3, 4, 6] * (1 + i % 3), EOS] for i in range(50)]
    nats = [NGram.fit(stories[:40], n, 10).nats(stories[40:]) for n in (1, 2, 3)]
    totals = [sum(x.sum() for x in scored) for scored in nats]
    assert totals[0] > totals[1] > totals[2]


def test_stories_do_not_see_each_other() -> None:
    model = NGram.fit(random_stories(100, 12, seed=2), 5, 12)
    stories = random_stories(8, 12, seed=3)
    together = model.nats(stories)
    assert [x.tolist() for x in together] == [model.nats([story])[0].tolist() for story in stories]
    assert [len(x) for x in together] == [len(story) - 1 for story in stories]


def test_ids_outside_the_vocabulary_and_no_stories_are_refused() -> None:
    with pytest.raises(ValueError, match="outside the vocabulary of 5"):
        NGram.fit([[BOS, 7, EOS]], 2, 5)
    with pytest.raises(ValueError, match="at least one story"):
        NGram.fit([], 2, 5)


def test_a_large_vocabulary_does_not_overflow_the_keys() -> None:
    stories = [[BOS, *((story * 37 + 11 * i) % 65_000 for i in range(3, 40)), EOS] for story in range(50)]
    model = NGram.fit(stories, 5, 65_000)
    assert model.distribution(stories[0][:5]).sum() == pytest.approx(1)


def test_half_a_million_tokens_are_counted_in_seconds() -> None:
    random = np.random.default_rng(0)
    ids = 3 + random.zipf(1.3, 500_000) % 4000
    stories = [[BOS, *ids[i : i + 200].tolist(), EOS] for i in range(0, len(ids), 200)]
    start = time.process_time()
    NGram.fit(stories, 5, 4096)
    assert time.process_time() - start < 8
