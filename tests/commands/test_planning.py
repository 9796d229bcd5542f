"""train --dry-run: an estimate where the table has something near, and otherwise the reason why there is none."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.training.scaling import recipe
from tests.builders import sample, tiny_params, write_split
from tests.conftest import ROOT
from tinystories.commands.planning import MEASURED, estimate, interpolated, plan, settings
from tinystories.files import read_json, write_json
from tinystories.params import Params, load_params
from tinystories.paths import Paths
from tinystories.stages import tokenize

FILES = ("scale=laptop", "source.kind=files")
ROWS = [
    {"parameters": parameters, "tokens": tokens, "bits_per_byte": bits, "train_tokens": 3_000_000, "minutes": minutes}
    for parameters, minutes, tokens, bits in (
        (1e6, 2, 2e6, 1.0), (1e6, 8, 8e6, 0.8), (4e6, 2, 1e6, 1.2), (4e6, 8, 4e6, 0.7),
    )
]  # fmt: skip


def laptop(*overrides: str) -> Params:
    return load_params(ROOT, [*FILES, *overrides])


def table() -> dict[str, Any]:
    return {"rows": ROWS, "settings": settings(laptop()), "measured": "one day"}


def found(**values: float) -> dict[str, Any]:
    return {"parameters": 2e6, "tokens": 4e6, "epochs": 1.33, **values}


def test_between_rows_the_estimate_is_on_the_line_through_them() -> None:
    # half way between 2e6 and 8e6 in logarithms, at one size's own parameters
    assert interpolated(ROWS, 1e6, 4e6) == pytest.approx(0.9)
    assert interpolated(ROWS, 4e6, 4e6) == pytest.approx(0.7)
    assert interpolated(ROWS, 2e6, 4e6) == pytest.approx(0.8)


@pytest.mark.parametrize(("parameters", "tokens"), [(2e5, 4e6), (2e7, 4e6), (2e6, 5e5), (2e6, 1e8)])
def test_nothing_is_said_beyond_the_rows(parameters: float, tokens: float) -> None:
    assert interpolated(ROWS, parameters, tokens) is None
    said = estimate(laptop(), found(parameters=parameters, tokens=tokens, epochs=tokens / 3e6), table())
    assert said == {"estimate": "none: so many parameters and tokens are not near to what was measured"}


def test_an_estimate_says_its_grounds() -> None:
    said = estimate(laptop(), found(), table())
    assert said["bits_per_byte"] == 0.8
    assert said["estimate"] == "if these are TinyStories: held-out ones after 4 trainings (one day)"


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["source.kind=sample"], "the sample is other text"),
        (["train.batch_tokens=1024"], "measured with train.batch_tokens: 4096, and here it is 1024"),
        (["preset=infilling"], "measured with tokenize.vocab_size: 4096, and here it is 30000"),
        (["preset=gpt2-mini"], "measured with model.positions: rotary, and here it is learned"),
        (["requests.plain=1"], "measured with requests.plain: 0.4, and here it is 1.0"),
    ],
)
def test_another_recipe_has_no_estimate(overrides: list[str], reason: str) -> None:
    said = estimate(laptop(*overrides), found(), table())
    assert said.keys() == {"estimate"} and said["estimate"].startswith("none: ") and reason in said["estimate"]


def test_less_text_than_was_measured_on_has_no_estimate_and_a_corpus_beyond_one_epoch_has_one() -> None:
    assert estimate(laptop(), found(epochs=4.0), table())["estimate"] == (
        "none: 3,000,000 tokens of text were trained on, and here there are 1,000,000"
    )
    assert estimate(laptop(), found(epochs=0.0), table())["bits_per_byte"] == 0.8


def test_without_a_table_the_dry_run_says_so_and_invents_nothing(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    stories = [row["story"] for row in sample(30)]
    write_split(paths.split, {"train": stories[:20], "validation": stories[20:25], "test": stories[25:]})
    tokenize.run(tiny_params(), paths)
    said = plan(tiny_params(), paths, tmp_path / "absent.json")
    assert said["steps"] == 12 and "bits_per_byte" not in said
    assert said["estimate"] == "none: the table of benchmarks/training/scaling.md has not been measured yet"

    write_json(tmp_path / "there.json", table())
    assert plan(tiny_params(), paths, tmp_path / "there.json")["estimate"].startswith("none: TinyStories were measured")


def test_the_table_that_is_shipped_holds_for_scale_laptop_or_is_absent() -> None:
    if not MEASURED.is_file():
        pytest.skip("benchmarks/training/scaling.py has not been run yet")
    shipped = read_json(MEASURED)
    sizes = {row["parameters"] for row in shipped["rows"]}
    assert len(sizes) > 1 and all(0.3 < row["bits_per_byte"] < 3 for row in shipped["rows"])
    assert shipped["settings"] == settings(recipe("3.4M", shipped["settings"]["train.batch_tokens"]).params())
