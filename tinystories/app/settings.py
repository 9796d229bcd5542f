"""What `tinystories app` was started with: the server sets it, every page reads it."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

SHELF = "shelf.sqlite"


@dataclass(frozen=True)
class Settings:
    """root: the project, where models/, data/ and mlflow.db are looked for.

    models: folders or addresses of MLflow's that were named, first of all choices.
    shelf: the SQLite file of saved stories.
    user_header: an HTTP header in which a proxy says who is asking, each with a shelf of their own; None = one shelf.
    """

    root: Path
    models: tuple[str, ...] = ()
    shelf: Path | None = None
    user_header: str | None = None

    @property
    def shelf_file(self) -> Path:
        return self.shelf or user_data() / SHELF


_current: list[Settings] = []


def configure(settings: Settings) -> None:
    _current[:] = [settings]


def current() -> Settings:
    """What `configure` was told; the current folder where nobody did (`streamlit run`, notebooks)."""
    return _current[0] if _current else Settings(Path.cwd())


def user_data() -> Path:
    """The user's data folder: $XDG_DATA_HOME, or what the system has for it."""
    if "XDG_DATA_HOME" in os.environ:
        base = Path(os.environ["XDG_DATA_HOME"])
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library/Application Support"
    else:
        base = Path.home() / ".local/share"
    return base / "tinystories"
