"""Every preset: its size, its layout on disk, and the one table that says so."""

from pathlib import Path

import pytest

from benchmarks.pages import put
from benchmarks.presets.compare import cells, sizes
from tinystories.errors import ParamsError
from tinystories.model.layouts import layout_of
from tinystories.params import load_params
from tinystories.stages.train import model_config

# parameters with the vocabulary that is asked for; where the preset leaves the size to the scale, at laptop
PARAMETERS = {
    "story": 3_443_136,
    "nano": 291_264,
    "micro": 1_328_256,
    "mini": 3_443_136,
    "small": 7_155_360,
    "base": 17_308_032,
    "m28": 27_795_968,
    "m42": 42_281_600,
    "m110": 109_337_856,
    "gpt2-mini": 3_554_304,
    "gpt-8k": 4_192_704,
    "infilling": 22_141_824,
    "start-end": 14_592_904,
    "tags-encoder": 34_488_410,
    "tags-encoder-mini": 731_520,
}
LAYOUTS = {
    "gpt2-mini": "gpt2", "start-end": "tinystories", "tags-encoder": "tinystories-windows",
    "tags-encoder-mini": "tinystories-windows",
}  # fmt: skip
GPT2_AND_TAGS = 50_257 + 9


def test_every_preset_is_counted_here(root: Path) -> None:
    # lora's model is its base
    assert {path.stem for path in (root / "pipeline/conf/preset").glob("*.yaml")} - {"lora"} == PARAMETERS.keys()


@pytest.mark.parametrize("preset", PARAMETERS)
def test_a_preset_has_the_parameters_that_it_says(root: Path, preset: str) -> None:
    params = load_params(root, [f"preset={preset}", "scale=laptop"])
    own = params.tokenize.kind != "folder"
    config = model_config(params, params.tokenize.vocab_size if own else GPT2_AND_TAGS)
    assert config.parameters == PARAMETERS[preset]
    assert layout_of(config) == LAYOUTS.get(preset, "llama")


@pytest.mark.parametrize("preset", sorted(PARAMETERS.keys() - {"story", "gpt-8k"}))
def test_a_presets_size_is_its_own_at_every_scale_and_the_budget_is_the_scales(root: Path, preset: str) -> None:
    small, large = (load_params(root, [f"preset={preset}", f"scale={scale}"]) for scale in ("ci", "full"))
    assert small.model == large.model and small.tokenize == large.tokenize
    assert (small.train.steps, large.train.epochs) == (1500, 3)


def test_mini_is_what_scale_laptop_trains(root: Path) -> None:
    mini, story = (load_params(root, ["scale=laptop", f"preset={name}"]) for name in ("mini", "story"))
    assert mini.model_dump(exclude={"preset"}) == story.model_dump(exclude={"preset"})


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["requests.format=infilling"], "the format infilling has no form 'controls'; give that the weight 0"),
        (["requests.format=tags"], "the format tags has no form 'between'"),
        (["tokenize.controls=tags"], "requests.format mixed needs tokenize.controls: all"),
        (["tokenize.kind=folder"], "kind folder needs tokenize.folder"),
        (["model.ffn=[64, 64]"], "a list of ffn is for a window encoder"),
    ],
)
def test_what_does_not_go_together_is_one_line(root: Path, overrides: list[str], message: str) -> None:
    with pytest.raises(ParamsError) as caught:
        load_params(root, overrides)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_the_page_has_the_sizes_as_they_are(root: Path) -> None:
    page = (root / "docs/presets.md").read_text(encoding="utf-8")
    assert put(page, "sizes", sizes()) == page
    assert all(f"| `{preset}` |" in page for preset in PARAMETERS)


def test_the_measured_table_has_a_dash_where_a_format_can_not_say_it() -> None:
    likelihood = {"stories": 6, "bits_per_byte": 1.5, "nats_per_story": 300.0, "nats_per_story_low": 280.0,
                  "nats_per_story_high": 320.0}  # fmt: skip
    own = {
        "model": {"parameters": 1000}, "likelihood": likelihood, "adherence": {}, "completion": {"share": 0.5},
        "flaws": {"generated": {"made_up_words": 0.02}},
    }  # fmt: skip
    row = {"evaluate": own, "steps": 10, "tokens_per_second": 2000.0}
    assert cells(row) == ["1,000", "10", "2,000", "1.500", "300 (280 to 320)", "–", "–", "50%", "2.0%"]
    told = own | {"adherence": {"Twist": {"requested": 0.5, "unconditional": 0.25}}}
    told |= {"infilling": {"gain": 4.0, "gain_low": 1.0, "gain_high": 7.0}}
    assert cells(row | {"evaluate": told})[5:7] == ["50% (25%)", "4.0 (1.0 to 7.0)"]
