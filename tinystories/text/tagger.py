"""Tags of a story by small linear models kept as JSON beside this module."""

import json
from functools import cache
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent


@cache
def fitted_ids() -> frozenset[str]:
    """The story_ids that tagger or judge were fitted on: such stories always belong to training."""
    return frozenset(
        story_id
        for name in ("tagger", "judge")
        for story_id in json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))["fitted_on"]
    )
