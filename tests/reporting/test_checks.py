"""What the report warns of: each warning comes when it should, and only then."""

import json
from typing import Any

import pytest

from tinystories.paths import Paths
from tinystories.reporting.checks import checks, helps
from tinystories.reporting.document import Check
from tinystories.reporting.figures import Metrics, read_inputs
from tinystories.text.tags import TAGS


def change(paths: Paths, **values: Any) -> None:
    """Set dotted keys (`__` for `.`) of evaluate.json."""
    file = paths.evaluate_metrics
    content = json.loads(file.read_text())
    for key, value in values.items():
        *parents, leaf = key.split("__")
        node = content
        for parent in parents:
            node = node[parent]
        node[leaf] = value
    file.write_text(json.dumps(content))


def about(paths: Paths, key: str) -> list[Check]:
    return [check for check in checks(read_inputs(paths)) if key in check.source]


@pytest.mark.parametrize(
    ("values", "standing"),
    [
        ({}, "good"),
        ({"likelihood__nats_per_story_high": 812.6}, "unclear"),
        ({"likelihood__nats_per_story": 812.6}, "bad"),
        ({"baselines__kneser_ney_5__nats_per_story": 600.0}, "bad"),
    ],
)
def test_a_model_no_better_than_the_5_gram_is_named(project: Paths, values: dict[str, Any], standing: str) -> None:
    change(project, **values)
    assert [check.standing for check in about(project, "kneser_ney_5")] == [standing]


@pytest.mark.parametrize("key", ["completion__share", "completion__requested_share", "infilling__completion"])
@pytest.mark.parametrize(("share", "standing"), [(0.95, "good"), (0.9499, "bad"), (0.0, "bad")])
def test_a_model_that_does_not_stop_is_named(project: Paths, key: str, share: float, standing: str) -> None:
    change(project, **{key: share})
    assert [check.standing for check in about(project, key.replace("__", "."))] == [standing]


def test_a_tag_that_asking_does_not_raise_is_named(project: Paths) -> None:
    by_standing = {check.standing: check.sentence for check in about(project, "adherence")}
    assert "Foreshadowing" in by_standing["bad"] and "Dialogue" not in by_standing["bad"]
    assert "Conflict and Twist" in by_standing["unclear"]
    assert "BadEnding, Dialogue and MoralValue" in by_standing["good"]


def test_a_model_that_follows_no_tag_is_told_once(project: Paths) -> None:
    for tag in TAGS:
        change(project, **{f"adherence__{tag}__requested": 0.5, f"adherence__{tag}__unconditional": 0.45})
    (check,) = about(project, "adherence")
    assert check.standing == "bad" and check.sentence.startswith("No tag is clearly more frequent")


def test_a_difference_is_sure_when_its_interval_is_above_nought() -> None:
    # 15 of 20 against 8 of 20: 0.35, Newcombe's interval by hand from Wilson's (0.531, 0.888), (0.219, 0.613)
    # begins at 0.35 - sqrt(0.219^2 + 0.213^2) = 0.044
    rates = {"requested": 0.75, "requested_low": 0.531, "unconditional": 0.4, "unconditional_high": 0.613}
    assert helps(Metrics("x", rates)) == "good"
    assert helps(Metrics("x", rates | {"requested": 0.7, "requested_low": 0.481})) == "unclear"  # 0.3 - 0.306
    assert helps(Metrics("x", rates | {"requested": 0.4})) == "bad"
    assert helps(Metrics("x", {})) is None


def test_a_weak_judge_is_named(project: Paths) -> None:
    (check,) = about(project, "evaluate.json: judge")
    assert check.standing == "bad" and "Foreshadowing (0.37) and Twist (0.58)" in check.sentence


@pytest.mark.parametrize(("low", "standing"), [(0.0292, "good"), (0.0293, "bad")])  # the real ones' end at 0.0292
def test_a_model_that_tells_its_training_stories_again_is_named(project: Paths, low: float, standing: str) -> None:
    change(project, memorisation__real_copied_texts=None)
    assert about(project, "memorisation") == []  # nothing is claimed without the real stories' share
    change(project, memorisation__real_copied_texts=0.004, memorisation__copied_texts_low=low)
    assert [check.standing for check in about(project, "memorisation")] == [standing]


@pytest.mark.parametrize(
    ("gain", "low", "standing"), [(9.4, 7.1, "good"), (1.0, -0.2, "unclear"), (0.0, -1.0, "bad"), (-3.0, -5.0, "bad")]
)
def test_a_last_sentence_that_does_not_help_is_named(project: Paths, gain: float, low: float, standing: str) -> None:
    change(project, infilling__gain=gain, infilling__gain_low=low)
    assert [check.standing for check in about(project, "infilling.gain")] == [standing]


@pytest.mark.parametrize(("last", "standing"), [(3.05, "good"), (3.07, "bad")])
def test_training_too_long_is_named_with_the_best_step(project: Paths, last: float, standing: str) -> None:
    project.curve.write_text(
        f"step,train_loss,validation_loss,lr\n10,3.5,3.4,0.1\n20,3,3.0,0.1\n25,3,,0.1\n30,2.5,{last},0.1\n"
    )
    (check,) = about(project, "curve.csv")
    assert check.standing == standing
    assert ("step 20" in check.sentence) == (standing == "bad")
