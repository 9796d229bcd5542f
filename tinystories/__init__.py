"""Small models that tell TinyStories.

>>> from tinystories import StoryModel
>>> stories = StoryModel.load("models/current").generate(tags=["Twist"], count=3)
>>> len(stories)
3
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinystories.generation.requests import Request
    from tinystories.generation.story import Story
    from tinystories.generation.story_model import StoryModel, generate_text

__version__ = "0.1.0"
__all__ = ["Request", "Story", "StoryModel", "fetch", "generate_text"]

# imported when first used: `import tinystories` loads no torch
_HOME = {"Request": "requests", "Story": "story", "StoryModel": "story_model", "generate_text": "story_model"}


def fetch(address: str) -> Path:
    """The model folder of an address of MLflow's, runs:/ID or models:/NAME@ALIAS, in the project that one is in.

    Raises ModelError where there is no such model.
    """
    folder: Path = import_module("tinystories.tracking.registry").fetch(address)
    return folder


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"tinystories.generation.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
