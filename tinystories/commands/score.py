"""`tinystories score`: files of stories under a model."""

import json
from collections.abc import Sequence
from pathlib import Path

from tinystories.commands.generate import Outcome


def score_command(files: Sequence[Path], model: Path, as_json: bool = False) -> Outcome:
    """Score the stories of `files` with the model in folder `model`. Raises SourceError and ModelError."""
    from tinystories.corpus.sources import find

    for path in files:  # a wrong path is told before torch is imported
        find(path)
    from tinystories.evaluation.score import score_files
    from tinystories.generation.story_model import StoryModel

    score = score_files(files, StoryModel.load(model))
    if as_json:
        return Outcome(json.dumps(score, allow_nan=False) + "\n", "", 0)
    low, high = score["interval"] or (None, None)
    interval = "" if low is None else f" (95 % interval {low:.2f} to {high:.2f})"
    out = (
        f"nats/story     {score['nats_per_story']:.2f}{interval}\n"
        f"nats/token     {score['nats_per_token']:.4f}\n"
        f"bits per byte  {score['bits_per_byte']:.4f}\n"
        f"stories        {score['stories']}\n"
        f"bytes          {score['bytes']}\n"
    )
    return Outcome(out, f"{score['empty']} stories without text left out" if score["empty"] else "", 0)
