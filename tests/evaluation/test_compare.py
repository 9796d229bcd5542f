"""Two models, two recipes: real differences are found, equal models are left alone, and only like meets like."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.builders import sample
from tinystories.evaluation.champion import decide
from tinystories.evaluation.compare import Comparison, compare, side_by_side
from tinystories.evaluation.differences import paired_difference
from tinystories.evaluation.evidence import Contender, Evidence, Told
from tinystories.evaluation.likelihood import Score
from tinystories.evaluation.ngram import NGram
from tinystories.evaluation.words import words_of
from tinystories.requests.controls import BOS_ID, EOS_ID
from tinystories.text.tags import TAGS, Tag

STORIES = 400


@cache
def real_scores() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """nats of 400 stories under two real models: bigrams of words, each fitted on stories of its own."""
    texts = [words_of(row["story"]) for row in sample(1200)]
    ids: dict[str, int] = {}
    for words in texts:
        for word in words:
            ids.setdefault(word, EOS_ID + 1 + len(ids))
    stories = [[BOS_ID, *(ids[word] for word in words), EOS_ID] for words in texts]
    test = stories[:STORIES]
    models = [NGram.fit(stories[start : start + 400], 2, EOS_ID + 1 + len(ids)) for start in (400, 800)]
    one, two = (np.array([nats.sum() for nats in model.nats(test)]) for model in models)
    return one, two


def evidence(nats: Sequence[float] | NDArray[np.float64], told: Sequence[Told] = ()) -> Evidence:
    scores = {f"{i:016x}": Score(f"{i:016x}", float(value), 200, 800) for i, value in enumerate(nats)}
    return Evidence(scores, told=told)


def contender(own: Evidence, name: str = "A", seed: int = 1, width: int = 64) -> Contender:
    made_from: dict[str, Any] = {"seed": seed, "model": {"width": width}}
    return Contender(name, "test", f"{name}{seed}{width}", made_from, own)


def pair(one: Evidence, two: Evidence) -> Comparison:
    return compare([contender(one), contender(two, "B")])


def swapped(random: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Neither is better: each story's two scores change places by the toss of a coin."""
    one, two = real_scores()
    toss = random.random(STORIES) < 0.5
    return np.where(toss, two, one), np.where(toss, one, two)


def most_alarms(pairs: int) -> float:
    """Four standard deviations above 5 % of `pairs`: a right test exceeds it with 3 of 100,000 seeds."""
    return pairs * 0.05 + 4 * math.sqrt(pairs * 0.05 * 0.95)


def test_equal_models_are_called_different_5_times_of_100() -> None:
    random = np.random.default_rng(11)
    alarms = {"nats_per_story": 0, "bits_per_byte": 0}
    for _ in range(200):
        one, two = swapped(random)
        found = pair(evidence(one), evidence(two)).differences[1]
        for key in alarms:
            alarms[key] += found[key].verdict != "can't tell"
    assert max(alarms.values()) <= most_alarms(200), alarms


@pytest.mark.slow
def test_equal_models_are_called_different_at_most_7_times_of_100() -> None:
    # 200 pairs can't show this: of a rate of 5 % one seed in twelve finds more than 7 %. Of 2,000 none does.
    assert most_alarms(2000) < 0.07 * 2000
    random = np.random.default_rng(11)
    alarms = [paired_difference(*swapped(random), less_is_better=True).verdict != "can't tell" for _ in range(2000)]
    assert sum(alarms) <= most_alarms(2000)


def test_a_true_2_percent_on_400_stories_is_found_9_times_of_10() -> None:
    random = np.random.default_rng(12)
    found = {"nats_per_story": 0, "bits_per_byte": 0}
    for _ in range(100):
        one, two = swapped(random)
        differences = pair(evidence(one), evidence(0.98 * two)).differences[1]
        for key in found:
            found[key] += differences[key].verdict == "better"
    assert min(found.values()) >= 90, found


def test_figures_of_two_stories_by_hand() -> None:
    scores = {"a": Score("a", 10.0, 4, 20), "b": Score("b", 14.0, 6, 40)}
    other = {"a": Score("a", 9.0, 2, 20), "b": Score("b", 12.0, 3, 40)}  # another tokenizer: half the tokens
    found = pair(Evidence(scores), Evidence(other))
    assert found.estimates[0]["nats_per_story"].value == 12
    assert found.estimates[0]["bits_per_byte"].value == pytest.approx(24 / math.log(2) / 60)
    assert found.differences[1]["nats_per_story"].value == -1.5
    assert found.differences[1]["bits_per_byte"].value == pytest.approx(-3 / math.log(2) / 60)
    assert not [metric for metric in found.metrics if "token" in metric.key]  # not comparable, so not there


def test_only_stories_that_both_have_are_compared() -> None:
    one, two = evidence([1.0, 2.0, 3.0]), evidence([1.0, 2.0])
    found = pair(one, two)
    assert len(found.ids) == 2
    assert found.differences[1]["nats_per_story"].value == 0
    assert found.stories == pair(two, one).stories != pair(one, one).stories


def told(tag: Tag | None = None, hit: bool = True, index: int = 0, **more: Any) -> Told:
    request = {**({"tags": [tag]} if tag else {}), "seed": 1, "index": index, **more.pop("request", {})}
    own = {"text": "A story.", "ended": True, "copied": 0, "grams": 10, **more}
    return Told(request=request, tag=tag, found=frozenset({tag} if tag and hit else ()), **own)


def stories(twist: int, ended: int = 20, copied: int = 0) -> list[Told]:
    """20 asked for nothing, of which `ended` end; 20 for each tag, of which `twist` have a Twist."""
    free = [told(index=i, ended=i < ended, copied=copied) for i in range(20)]
    return free + [told(tag, tag != "Twist" or i < twist, i, copied=copied) for tag in TAGS for i in range(20)]


def test_generated_stories_are_compared_by_request_and_seed() -> None:
    found = pair(evidence([1.0], stories(18)), evidence([1.0], stories(3))).differences[1]
    assert found["adherence/Twist"].value == pytest.approx(-0.75)
    assert found["adherence/Twist"].verdict == "worse"
    assert found["adherence/Conflict"].verdict == "can't tell"
    assert found["adherence"].value == pytest.approx(-15 / 120)

    hotter = [replace(one, request={**one.request, "temperature": 1.2}) for one in stories(3)]
    assert "adherence" not in pair(evidence([1.0], stories(18)), evidence([1.0], hotter)).differences[1]


def test_another_seed_is_no_other_request_but_stands_beside_no_story() -> None:
    other = [replace(one, request={**one.request, "seed": 2}) for one in stories(3)]
    found = pair(evidence([1.0], stories(18)), evidence([1.0], other))
    assert found.differences[1]["adherence/Twist"].verdict == "worse"
    assert side_by_side(found) == []
    told_again = replace(evidence([1.0], other), beside=stories(3))
    assert len(side_by_side(pair(evidence([1.0], stories(18)), told_again))) == 1 + len(TAGS)


def test_what_one_was_not_measured_on_is_left_out() -> None:
    uncounted = [replace(one, copied=None, grams=None) for one in stories(18)]
    found = pair(evidence([1.0], stories(18)), evidence([1.0], uncounted))
    assert "memorisation" in found.estimates[0]
    assert "memorisation" not in found.estimates[1] and "memorisation" not in found.differences[1]


def test_copying_from_training_is_seen() -> None:
    found = pair(evidence([1.0], stories(18, copied=0)), evidence([1.0], stories(18, copied=4))).differences[1]
    assert found["memorisation"].value == pytest.approx(0.4)
    assert found["memorisation"].verdict == "worse"


def test_stories_stand_side_by_side_for_the_same_request() -> None:
    prompt = told(request={"prompt": "Once"}, text="Once!")
    one = [prompt, *stories(18)]
    two = [replace(own, text="Another.") for own in reversed(one)]
    shown = side_by_side(pair(evidence([1.0], one), evidence([1.0], two)))
    assert len(shown) == 1 + 1 + len(TAGS)
    assert all(first.request == second.request for first, second in shown)
    assert {second.text for _, second in shown} == {"Another."}


def test_tasks_are_compared_question_by_question() -> None:
    def answers(right: int, more: int) -> dict[tuple[str, str], bool]:
        pairs = {("abilities/negation", str(i)): i < right for i in range(40)}
        return pairs | {("choosing/middle_of_five", str(i)): i % 2 == 0 for i in range(more)}

    one = replace(evidence([1.0]), answers=answers(20, 30))
    two = replace(evidence([1.0]), answers=answers(32, 40))
    found = pair(one, two)
    assert found.differences[1]["abilities/negation"].value == pytest.approx(0.3)
    assert found.differences[1]["abilities"].verdict == found.differences[1]["abilities/negation"].verdict == "better"
    assert found.estimates[1]["choosing"].n == 30  # the questions that both were asked
    assert found.differences[1]["choosing"].verdict == "can't tell"
    keys = [metric.key for metric in found.metrics]
    assert keys[-4:] == ["abilities", "abilities/negation", "choosing", "choosing/middle_of_five"]


# ---- recipes


def family(nats: float, width: int, seeds: Sequence[int]) -> list[Contender]:
    return [contender(evidence([nats + 0.1 * seed] * 3), f"w{width}", seed, width) for seed in seeds]


def test_with_one_seed_nothing_can_be_said_about_the_recipe() -> None:
    found = compare([*family(10, 64, [1]), *family(5, 128, [1])])
    assert found.differences[1]["nats_per_story"].value == -5  # the models differ,
    assert [recipe.known for recipe in found.recipes] == [False, False]  # which says nothing of recipes
    assert found.recipes[1].differences == {}


def test_three_seeds_each_compare_recipes() -> None:
    found = compare([*family(10, 64, [1, 2, 3]), *family(5, 128, [1, 2, 3])])
    first, second = found.recipes
    assert first.members == (0, 1, 2) and second.members == (3, 4, 5)
    assert second.differences["nats_per_story"].value == pytest.approx(-5)
    assert second.differences["nats_per_story"].verdict == "better"
    assert second.estimates["nats_per_story"].n == 3


def test_the_same_seed_twice_is_one_seed() -> None:
    found = compare([*family(10, 64, [1, 1, 1]), *family(5, 128, [1, 2, 3])])
    assert found.recipes[0].seeds == (1,)
    assert not found.recipes[0].known
    assert found.recipes[1].differences == {}


def test_a_model_that_nobody_knows_the_making_of_belongs_to_no_recipe() -> None:
    unknown = Contender("C", "test", "", {}, evidence([1.0] * 3))
    assert compare([unknown, replace(unknown, name="D")]).recipes == []


# ---- the champion


def challenge(one: Evidence, two: Evidence) -> tuple[bool, str]:
    decision = decide(pair(one, two))
    return decision.moved, decision.reason


@pytest.fixture
def holder() -> Evidence:
    return evidence(real_scores()[0], stories(15))


def test_a_better_model_takes_the_champions_place_and_the_worse_does_not_take_it_back(holder: Evidence) -> None:
    better = evidence(0.9 * real_scores()[0], stories(15))
    assert challenge(holder, better)[0]
    moved, reason = challenge(better, holder)
    assert not moved
    assert reason.startswith("worse: nats per story +")
    assert "400 test stories" in reason


def test_a_model_that_may_only_seem_better_does_not(holder: Evidence) -> None:
    one, two = swapped(np.random.default_rng(1))
    moved, reason = challenge(evidence(one, stories(15)), evidence(two, stories(15)))
    assert not moved and reason.startswith("not better for certain")


@pytest.mark.parametrize(
    ("worse", "name"),
    [
        (stories(15, ended=8), "stories that end by themselves"),
        (stories(2), "Twist"),
        (stories(15, copied=3), "8-grams that stand in training"),
    ],
)
def test_a_better_likelihood_does_not_make_up_for_what_fell(holder: Evidence, worse: list[Told], name: str) -> None:
    moved, reason = challenge(holder, evidence(0.9 * real_scores()[0], worse))
    assert not moved
    assert "but worse in" in reason and name in reason


def test_what_was_not_measured_guards_nothing_and_so_moves_nothing(holder: Evidence) -> None:
    moved, reason = challenge(holder, evidence(0.9 * real_scores()[0]))
    assert not moved and reason.startswith("not measured alike")


def test_the_champion_does_not_beat_itself(holder: Evidence) -> None:
    own = contender(holder)
    assert decide(compare([own, replace(own, name="again")])).reason == "it is the champion already"
