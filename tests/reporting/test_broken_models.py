"""Models broken on purpose, each in its own way: the report says so in the right line, and of a sound model it doesn't.

They are trained for seconds on stories of a small grammar that no 5-gram can follow: who is named first does
everything, the thing that is found second is carried home last, and half of the stories have somebody speak.
"""

import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.builders import write_split
from tinystories.files import write_json
from tinystories.model.folder import load_model, save_model
from tinystories.params import load_params
from tinystories.paths import Paths
from tinystories.reporting.document import Check
from tinystories.reporting.figures import read_inputs
from tinystories.reporting.sections import document
from tinystories.requests.controls import MIDDLE, TAG_TOKEN
from tinystories.requests.example import Example
from tinystories.requests.formats import Format
from tinystories.stages import evaluate, report, tokenize, train

pytestmark = pytest.mark.slow

SMALL = (
    "model.width=64", "model.layers=3", "model.heads=4", "model.ffn=128", "model.context=128", "train.steps=400",
    "tokenize.vocab_size=400", "train.threads=1", "train.batch_tokens=2048", "train.validate_every=50",
    "train.validation_stories=40", "train.checkpoint_every=1000", "train.device=cpu", "evaluate.per_tag=30",
    "evaluate.infillings=20", "evaluate.max_tokens=120", "evaluate.bootstrap=200", "evaluate.choices=10",
    "evaluate.pairs=5", "requests.plain=0.3", "requests.controls=0.3", "requests.between=0.4", "requests.drop=0.2",
)  # fmt: skip
WORDS = """
name: Tom Lily Ben Mia Sam Anna Max Sue Tim Zoe Leo Eva Jack Lucy Bob Ella Fin Rose Hugo Nora
thing: ball kite boat drum cup hat sock bell rope lamp shell coin leaf stone brush book key box cake pear
does: found lost saw took hid washed painted dropped carried opened shook kissed broke mended sold bought
place: garden kitchen forest meadow barn river hill shop school attic cellar market beach field bridge
kind: red blue green old new big small shiny dusty soft wet round
"""

Draw = Callable[..., Example]


def tale(random: random.Random) -> str:
    words = {name: rest.split() for name, rest in (line.split(": ") for line in WORDS.strip().splitlines())}

    def a(name: str) -> str:
        return random.choice(words[name])

    name, found = a("name"), a("thing")
    sentences = [
        f"{name} lived near the {a('place')}.",
        f"{name} {a('does')} a {a('kind')} {found} in the {a('place')}.",
        *(
            f"Then {name} {a('does')} a {a('kind')} {a('thing')} in the {a('place')}."
            for _ in range(random.randint(1, 3))
        ),
        *([f'"I like the {a("kind")} {a("thing")}!" said {name}.'] if random.random() < 0.5 else []),
        f"{name} went home with the {found}.",
    ]
    return " ".join(sentences)


def build(root: Path, project: Path, train_stories: int = 1200) -> Paths:
    paths = Paths(project)
    shutil.copytree(root / "pipeline", project / "pipeline")
    shutil.copy(root / "params.yaml", project)
    prompts = "tinystories/evaluation/prompts.yaml"
    (project / prompts).parent.mkdir(parents=True)
    shutil.copy(root / prompts, project / prompts)
    draws = random.Random(1)
    texts = list(dict.fromkeys(tale(draws) for _ in range(140 + train_stories)))
    write_split(paths.split, {"test": texts[:100], "validation": texts[100:140], "train": texts[140:]})
    for stage in ("extract", "validate", "split"):  # what the report says of the data is not asked here
        write_json(getattr(paths, f"{stage}_metrics"), {})
    for file in (paths.examples, paths.profile):
        write_json(file, {})
    tokenize.run(load_params(project, SMALL), paths)
    return paths


def trained(paths: Paths) -> Paths:
    train.run(load_params(paths.root, SMALL), paths)
    return paths


@dataclass(frozen=True)
class Reported:
    """What the report says of one model."""

    checks: Sequence[Check]
    text: str

    def line(self, *words: str) -> Check:
        [found] = [check for check in self.checks if any(word in check.sentence for word in words)]
        return found

    def flags(self, *words: str) -> bool:
        """Whether the one line with one of `words` is a warning, and the page has it as such."""
        found = self.line(*words)
        lines = [line for line in self.text.splitlines() if line.startswith("- **off:**")]
        assert (found.standing == "bad") == any(word in line for line in lines for word in words)
        return found.standing == "bad"


def reported(paths: Paths) -> Reported:
    params = load_params(paths.root, SMALL)
    evaluate.run(params, paths)
    report.run(params, paths)
    return Reported(document(read_inputs(paths)).checks, paths.report_markdown.read_text(encoding="utf-8"))


NO_MODEL = ("no better than counting", "Better than a 5-gram")
OTHER_WEIGHTS = ("are these the weights", "about what validation did")
NO_TAGS = ("No tag is clearly", "Asking clearly raises Dialogue")
NO_END = ("of stories asked for nothing end",)
NO_MIDDLE = ("Seeing the last sentence",)
PARROT = ("It repeats what it read", "It doesn’t tell its training stories again")


@pytest.fixture(scope="module")
def sound(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    return trained(build(root, tmp_path_factory.mktemp("sound")))


@pytest.fixture(scope="module")
def of_sound(sound: Paths) -> Reported:
    return reported(sound)


def test_nothing_of_that_is_said_of_a_sound_model(of_sound: Reported) -> None:
    assert not [
        words for words in (NO_MODEL, OTHER_WEIGHTS, NO_TAGS, NO_END, NO_MIDDLE, PARROT) if of_sound.flags(*words)
    ]


def edited(sound: Paths, to: Path, edit: Callable[[Any], None]) -> Paths:
    """The sound model with other weights."""
    shutil.copytree(sound.root, to, dirs_exist_ok=True)
    paths = Paths(to)
    loaded = load_model(paths.model, "cpu")
    with torch.no_grad():
        edit(loaded)
    save_model(paths.model, loaded.model, loaded.tokenizer, card="# test\n", fingerprint={"fingerprint": "0" * 16})
    return paths


def test_a_layer_whose_weights_are_shuffled(sound: Paths, tmp_path: Path) -> None:
    def shuffle(loaded: Any) -> None:
        torch.manual_seed(1)
        for weight in loaded.model.model.layers[0].parameters():
            weight.copy_(weight.flatten()[torch.randperm(weight.numel())].view_as(weight))

    # the first layer's: without the second one this model is hardly worse, and of that no report can know
    found = reported(edited(sound, tmp_path, shuffle))
    assert found.flags(*NO_MODEL) and found.flags(*OTHER_WEIGHTS)


def test_tags_that_are_ignored(sound: Paths, tmp_path: Path) -> None:
    def forget(loaded: Any) -> None:
        for token in TAG_TOKEN.values():
            loaded.model.model.embed_tokens.weight[loaded.tokenizer.control(token)] = 0

    found = reported(edited(sound, tmp_path, forget))
    assert found.flags(*NO_TAGS)
    assert not found.flags(*NO_MODEL) and not found.flags(*NO_END)


def mistrained(
    root: Path, to: Path, monkeypatch: pytest.MonkeyPatch, mask: Callable[[Any, Example, Any], None]
) -> Reported:
    """A model trained with `mask(tokenizer, example, loss_mask)` having changed what its loss falls on."""
    draw: Draw = Format.draw

    def drawn(form: Format, tokenizer: Any, *arguments: Any) -> Example:
        example = draw(form, tokenizer, *arguments)
        targets = example.loss_mask.copy()
        mask(tokenizer, example, targets)
        return Example(example.ids, targets, example.story_id)

    monkeypatch.setattr(Format, "draw", drawn)
    return reported(trained(build(root, to)))


def test_a_model_that_never_stops(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_eos(tokenizer: Any, example: Example, targets: Any) -> None:
        targets[-1] = False

    found = mistrained(root, tmp_path, monkeypatch, no_eos)
    assert found.flags(*NO_END)
    # of its tags the report may complain with right: it tells on and on, and sooner or later somebody speaks
    assert not found.flags(*NO_MODEL) and not found.flags(*NO_MIDDLE)


def test_a_model_trained_with_the_middle_left_out_of_the_loss(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_middle(tokenizer: Any, example: Example, targets: Any) -> None:
        if np.isin(tokenizer.control(MIDDLE), example.ids):
            targets[:-1] = False

    found = mistrained(root, tmp_path, monkeypatch, no_middle)
    assert found.flags(*NO_MIDDLE)
    assert not found.flags(*NO_MODEL) and not found.flags(*NO_END)


def test_a_model_that_knows_its_few_training_stories_by_heart(root: Path, tmp_path: Path) -> None:
    found = reported(trained(build(root, tmp_path, train_stories=12)))
    assert found.flags(*PARROT)
