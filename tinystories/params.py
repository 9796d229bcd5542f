"""params.yaml and the groups in pipeline/conf, read once into frozen, typed models.

Order of precedence, strongest first: --set, params.yaml, the preset, the scale, the source's
group, defaults.yaml. A null in params.yaml means "what the group says". params.yaml says what each key means.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tinystories.errors import ParamsError

CONF = Path("pipeline/conf")
BUDGETS = ("steps", "epochs", "tokens", "minutes")
_SAID = {
    "extra_forbidden": "no such parameter; compare the spelling with params.yaml",
    "missing": "missing; take its line from the params.yaml that comes with this version",
}

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SourceParams(Section):
    kind: Literal["sample", "files", "hub"]
    path: str
    dataset: str | None
    separator: str | None
    column: Annotated[str, Field(min_length=1)] | None
    world: Annotated[int, Field(ge=0)]
    limit: Positive | None


class PartitionParams(Section):
    validation: Annotated[float, Field(gt=0, lt=1)]
    test: Annotated[float, Field(gt=0, lt=1)]

    @model_validator(mode="after")
    def _leave_something_to_train_on(self) -> Self:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test together leave no story for training; lower one")
        return self


class CleanParams(Section):
    repair: bool
    cut_off: bool
    refusals: bool
    prompts: bool
    language: Literal["en"] | None
    near_duplicates: Annotated[float, Field(ge=0.5, le=1)]
    ngram: Annotated[int, Field(ge=1, le=20)]


class ValidateParams(Section):
    max_quarantined: Fraction
    min_words: Positive
    max_words: Positive


class TokenizeParams(Section):
    kind: Literal["bpe", "unigram", "folder"]
    vocab_size: Annotated[int, Field(ge=300, le=65_000)]
    stories: Positive
    controls: Literal["all", "tags"]
    folder: str | None
    tag_margin: Annotated[float, Field(ge=0)]

    @model_validator(mode="after")
    def _a_folder_is_named(self) -> Self:
        if self.kind == "folder" and self.folder is None:
            raise ValueError("kind folder needs tokenize.folder, where the tokenizer's files are")
        return self


class ModelParams(Section):
    width: Positive
    layers: Positive
    heads: Positive
    ffn: Positive | Annotated[list[Positive], Field(min_length=1)]
    context: Annotated[int, Field(ge=32)]
    positions: Literal["rotary", "learned", "sinusoidal"]
    norm: Literal["rms", "layer"]
    norm_place: Literal["pre", "post"]
    activation: Literal["swiglu", "gelu", "relu"]
    bias: bool
    tied: bool
    dropout: Annotated[float, Field(ge=0, lt=1)]
    window: Annotated[int, Field(ge=8)] | None

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        if self.width % self.heads or (self.width // self.heads) % 2:
            raise ValueError(
                f"width {self.width} over {self.heads} heads has no even head size; make width / heads even"
            )
        if isinstance(self.ffn, list) and (self.window is None or self.layers % len(self.ffn)):
            raise ValueError(f"a list of ffn is for a window encoder, one for each group of its {self.layers} layers")
        if self.window is not None and self.positions != "learned":
            raise ValueError(f"a window encoder has learned positions, not {self.positions}")
        return self


class RequestParams(Section):
    format: Literal["mixed", "infilling", "start-end", "tags"]
    tags: Literal["start", "window"]
    plain: Annotated[float, Field(ge=0)]
    controls: Annotated[float, Field(ge=0)]
    between: Annotated[float, Field(ge=0)]
    drop: Fraction

    @model_validator(mode="after")
    def _some_form_is_drawn(self) -> Self:
        if self.plain + self.controls + self.between <= 0:
            raise ValueError("the weights plain, controls and between are all 0; give one a weight")
        unknown = {"mixed": None, "infilling": "controls"}.get(self.format, "between")
        if unknown and getattr(self, unknown) > 0:
            raise ValueError(f"the format {self.format} has no form {unknown!r}; give that the weight 0")
        return self


class TrainParams(Section):
    steps: Positive | None
    epochs: Rate | None
    tokens: Positive | None
    minutes: Rate | None
    batch_tokens: Positive
    accumulate: Positive
    optimizer: Literal["adamw", "muon"]
    lr: Rate
    lr_matrices: Rate
    lr_embeddings: Rate
    weight_decay: Annotated[float, Field(ge=0)]
    warmup: Fraction
    schedule: Literal["cosine", "linear"]
    clip: Rate
    precision: Literal["auto", "fp32", "bf16"]
    compile: bool
    device: Literal["auto", "cpu", "cuda", "mps"]
    threads: Positive | None
    parallel: Literal["ddp", "fsdp"]
    validate_every: Positive
    validation_stories: Positive
    checkpoint_every: Positive
    keep_checkpoints: Positive

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        given = [name for name in BUDGETS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(BUDGETS)}; given: {', '.join(given) or 'none'}")
        return self


class GenerateParams(Section):
    max_tokens: Positive
    temperature: Annotated[float, Field(ge=0)]
    top_k: Annotated[int, Field(ge=0)]
    top_p: Annotated[float, Field(gt=0, le=1)]
    eos_after: Annotated[int, Field(ge=0)] | None


class FinetuneParams(Section):
    method: Literal["none", "lora", "full"]
    base: str | None
    rank: Positive
    alpha: Rate
    dropout: Annotated[float, Field(ge=0, lt=1)]

    @model_validator(mode="after")
    def _a_method_has_a_base(self) -> Self:
        if self.method != "none" and self.base is None:
            raise ValueError(f"method {self.method} needs finetune.base, the folder of a model to start from")
        return self


class EvaluateParams(Section):
    stories: Positive | None
    bootstrap: Positive
    per_tag: Positive
    infillings: Positive
    choices: Positive
    pairs: Positive
    max_tokens: Positive
    temperature: Annotated[float, Field(ge=0)]
    top_p: Annotated[float, Field(gt=0, le=1)]
    prompts: Annotated[str, Field(min_length=1)]
    grader_url: Annotated[str, Field(pattern=r"^https?://\S+$")] | None
    grader_model: str | None
    grader_stories: Positive

    @model_validator(mode="after")
    def _a_grader_has_a_model(self) -> Self:
        if self.grader_url is not None and self.grader_model is None:
            raise ValueError("grader_url needs grader_model, the name of the model there")
        return self


class Params(Section):
    preset: str
    scale: str
    seed: Annotated[int, Field(ge=0)]
    source: SourceParams
    partitions: PartitionParams
    clean: CleanParams
    validate_: ValidateParams = Field(alias="validate")
    tokenize: TokenizeParams
    model: ModelParams
    requests: RequestParams
    finetune: FinetuneParams
    train: TrainParams
    generate: GenerateParams
    evaluate: EvaluateParams

    @model_validator(mode="after")
    def _the_tokenizer_has_the_formats_controls(self) -> Self:
        if self.tokenize.controls == "tags" and self.requests.format != "tags":
            raise ValueError(f"requests.format {self.requests.format} needs tokenize.controls: all")
        return self


@dataclass(frozen=True)
class Layer:
    """Values from one place: `name` is what a user would open to change them."""

    name: str
    values: Mapping[str, Any]


def load_params(root: Path, overrides: Iterable[str] = ()) -> Params:
    """Read params.yaml in `root` with its groups; `overrides` are "a.b=value" texts.

    Raises ParamsError that lists every problem found, each with where and what.
    """
    return explain_params(root, overrides)[0]


def explain_params(root: Path, overrides: Iterable[str] = ()) -> tuple[Params, dict[str, str]]:
    """As load_params, and for each dotted key the name of the layer that its value comes from."""
    layers = _layers(root, list(overrides))
    effective, origin = _merge(layers)
    try:
        return Params.model_validate(effective), origin
    except ValidationError as error:
        raise ParamsError(_problems(error, origin)) from None


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """("a.b", value) for every leaf of nested mappings."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{key}.")
        elif not isinstance(value, Mapping):
            yield f"{prefix}{key}", value


def _layers(root: Path, overrides: list[str]) -> list[Layer]:
    set_ = Layer("--set", _parse_overrides(overrides))
    file = _read(root / "params.yaml", "params.yaml")
    chosen = dict(flat(file.values)) | dict(flat(set_.values))
    groups = []
    for group, key in (("preset", "preset"), ("scale", "scale"), ("source", "source.kind")):
        name = chosen.get(key)
        path = CONF / group / f"{name}.yaml"
        if not (root / path).is_file():
            known = ", ".join(sorted(p.stem for p in (root / CONF / group).glob("*.yaml")))
            raise ParamsError(f"params.yaml: {key}: {name!r} is not known; choose one of: {known}")
        groups.append(_read(root / path, str(path)))
    return [set_, file, *groups, _read(root / CONF / "defaults.yaml", str(CONF / "defaults.yaml"))]


def _read(path: Path, name: str) -> Layer:
    if not path.is_file():
        raise ParamsError(f"no {name} in {path.parent.resolve()}: run this in the root of a tinystories project")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParamsError(f"{name} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise ParamsError(f"{name}: expected keys with values, found {type(values).__name__}")
    return Layer(name, values)


def _parse_overrides(overrides: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for text in overrides:
        key, equals, raw = text.partition("=")
        if not equals or not all(key.split(".")):
            raise ParamsError(f"--set {text!r}: expected key=value, such as train.steps=100")
        try:
            value = yaml.safe_load(raw)
        except yaml.YAMLError:
            raise ParamsError(f"--set {text!r}: {raw!r} is not a YAML value") from None
        _put(values, key, value)
    return values


def _merge(layers: list[Layer]) -> tuple[dict[str, Any], dict[str, str]]:
    """The first layer that says something else than null wins, key by key.

    The four training budgets are one choice: the first layer that sets any of them decides.
    """
    leaves = [(layer.name, dict(flat(layer.values))) for layer in layers]
    budgets = [f"train.{name}" for name in BUDGETS]
    decided = False
    for _, values in leaves:
        if decided:
            for key in budgets:
                values.pop(key, None)
        decided = decided or any(values.get(key) is not None for key in budgets)
    effective: dict[str, Any] = {}
    origin: dict[str, str] = {}
    given = [(name, key, value) for name, values in leaves for key, value in values.items()]
    for name, key, value in sorted(given, key=lambda entry: entry[2] is None):  # what nobody gives a value is null
        if key not in origin:
            origin[key] = name
            _put(effective, key, value)
    for name in BUDGETS:
        effective.get("train", {}).setdefault(name, None)
        origin.setdefault(f"train.{name}", "params.yaml")
    return effective, origin


def _put(tree: dict[str, Any], key: str, value: Any) -> None:
    *parents, leaf = key.split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
        if not isinstance(tree, dict):
            raise ParamsError(f"{key}: {parent!r} is a value in one place and a group of keys in another")
    tree[leaf] = value


def _problems(error: ValidationError, origin: Mapping[str, str]) -> str:
    lines = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        message = _SAID.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
        if problem["type"] not in (*_SAID, "value_error"):
            message += f" (found {problem['input']!r})"
        lines.append(f"{origin.get(key, 'params.yaml')}: {key}: {message}")
    return lines[0] if len(lines) == 1 else f"{len(lines)} problems:\n  " + "\n  ".join(lines)
