"""Which models can be asked: folders that were named, the project's, and those that MLflow has registered."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinystories.app.settings import Settings
from tinystories.files import fingerprint, read_json
from tinystories.paths import Paths
from tinystories.tracking.listing import ADDRESSES, registered_models


@dataclass(frozen=True)
class Choice:
    """A model that can be asked. address: a folder, or models:/NAME@ALIAS; fingerprint: "" where it has none."""

    address: str
    label: str
    fingerprint: str

    @property
    def stamp(self) -> str:
        """Changes when the folder's files do, so that a model that was trained again is read again."""
        if self.address.startswith(ADDRESSES):
            return self.fingerprint
        files = sorted(Path(self.address).glob("*"))
        return fingerprint(*(f"{file.name} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files))


def choices(settings: Settings) -> list[Choice]:
    """Named models first, then models/current and its neighbours, then what MLflow has registered."""
    found: dict[str, Choice] = {}
    current = Paths(settings.root).model
    folders = [current, *sorted(path for path in current.parent.glob("*") if path != current)]
    for name in (*settings.models, *(str(path) for path in folders if (path / "config.json").is_file())):
        key = name if name.startswith(ADDRESSES) else str(Path(name).resolve())
        found.setdefault(key, Choice(name, _label(name, settings.root), _fingerprint(name)))
    for address, made_from in registered_models(Paths(settings.root).mlflow):
        found.setdefault(address, Choice(address, f"{address.removeprefix('models:/')} in MLflow", made_from))
    return list(found.values())


def pick(available: Sequence[Choice], wanted: str) -> Choice | None:
    """The model with this fingerprint, or None where it isn't here."""
    return next((choice for choice in available if wanted and choice.fingerprint == wanted), None)


def _label(name: str, root: Path) -> str:
    if name.startswith(ADDRESSES):
        return f"{name.removeprefix('models:/')} in MLflow"
    path = Path(name).absolute()  # not resolved: a link in models/ goes by its own name
    return str(path.relative_to(root.absolute())) if path.is_relative_to(root.absolute()) else name


def _fingerprint(name: str) -> str:
    file = Path(name) / "fingerprint.json"
    if name.startswith(ADDRESSES) or not file.is_file():
        return ""
    stamp: dict[str, Any] = read_json(file)
    return str(stamp["fingerprint"])
