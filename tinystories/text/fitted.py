"""Which stories tagger and judge were fitted on: all that partitioning needs to know about them."""

import json
from functools import cache
from pathlib import Path
from typing import Final

NAMES: Final = ("tagger", "judge")
HERE: Final = Path(__file__).parent


@cache
def fitted_ids() -> frozenset[str]:
    """The story_ids that tagger or judge were fitted on: such stories always belong to training."""
    return frozenset(
        story_id
        for name in NAMES
        for story_id in json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))["fitted_on"]
    )
