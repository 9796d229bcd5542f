"""`tinystories export-stories`: the records with their labels, for others."""

from pathlib import Path
from typing import Any

from tinystories.corpus.export import FORMATS, export_stories
from tinystories.errors import RequestError
from tinystories.paths import Paths
from tinystories.text.sentences import sentences


def export_stories_command(out: Path, kind: str, paths: Paths) -> dict[str, Any]:
    """The folder and the stories of each partition. Raises RequestError for a format that is not known."""
    if kind not in FORMATS:
        raise RequestError(f"--to {kind}: not a format of stories; choose one of: {', '.join(FORMATS)}")
    return {"folder": str(out), **export_stories(paths.split, out, kind, sentences)}
