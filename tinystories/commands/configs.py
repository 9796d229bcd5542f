"""The TOML files of the project that dataprep, finetune and inference come from, as they are."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tinystories.errors import ParamsError

Fraction = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DataprepConfig(Section):
    """ndata: texts taken, null or -1 = all. input_name: a file, a folder, or a data set of the hub."""

    ndata: int | None = None
    train_fraction: Fraction | None = None
    split_random_seed: int | None = None
    input_name: str | None = None
    starter: str | None = None
    ender: str | None = None
    outname: str | None = None


class FinetuneConfig(Section):
    """model_folder is written, model_name is the base."""

    input_file: str | None = None
    lora_peft: bool | None = None
    model_folder: str | None = None
    save_per_epoch: bool | None = None
    max_seq_len: int | None = None
    model_name: str | None = None
    device: Literal["auto", "cpu", "cuda", "mps"] | None = None


class HyperParameters(Section):
    max_new_tokens: int | None = None
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    repetition_penalty: float | None = None
    length_penalty: float | None = None
    bad_words: list[str] | None = None


class InferenceConfig(Section):
    """model_folder is asked; lora_peft, model_name, starter and ender say how it was made, which the folder knows:
    an adapter is merged in it, and its tokenizer has the marks."""

    output_file: str | None = None
    lora_peft: bool | None = None
    model_folder: str | None = None
    model_name: str | None = None
    quantized: bool | None = None
    device: Literal["auto", "cpu", "cuda", "mps"] | None = None
    starter: str | None = None
    ender: str | None = None
    hyper_parameters: HyperParameters = Field(default_factory=HyperParameters, alias="hyper-parameters")


C = TypeVar("C", bound=Section)


def read_config(path: Path | None, kind: type[C]) -> C:
    """The file's values; without a file, none. Raises ParamsError, one line, that names every key that is wrong."""
    if path is None:
        return kind()
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ParamsError(f"--config {path}: can't be read ({error.strerror}); check the path") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ParamsError(f"--config {path} is not TOML: {error}") from None
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise ParamsError(f"--config {path}: {_problems(error, kind)}") from None


def read_inference(path: Path | None, beams: bool, say: Callable[[str], None]) -> InferenceConfig:
    """The file. A length penalty without beam search means nothing, as it did there, and is taken out."""
    settings = read_config(path, InferenceConfig)
    given = settings.hyper_parameters
    if given.length_penalty is None or beams:
        return settings
    say("length_penalty is of beam search (--beams N): without it, it is not used")
    return settings.model_copy(update={"hyper_parameters": given.model_copy(update={"length_penalty": None})})


def first_of(given: Any, configured: Any, default: Any = None) -> Any:
    """What the command line says, else the file, else `default`."""
    return given if given is not None else configured if configured is not None else default


def _problems(error: ValidationError, kind: type[Section]) -> str:
    unknown = [_key(p["loc"]) for p in error.errors() if p["type"] == "extra_forbidden"]
    wrong = [f"{_key(p['loc'])}: {p['msg']}" for p in error.errors() if p["type"] != "extra_forbidden"]
    if unknown:
        takes = ", ".join(field.alias or name for name, field in kind.model_fields.items())
        wrong.insert(0, f"unknown keys: {', '.join(unknown)}; this file takes {takes}")
    return "; ".join(wrong)


def _key(place: tuple[int | str, ...]) -> str:
    return ".".join(map(str, place))
