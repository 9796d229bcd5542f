"""Whether stories end by themselves."""

import math
from collections.abc import Iterable, Sequence

from tinystories.evaluation.intervals import share_interval


def completion(stopped: Sequence[str]) -> dict[str, float]:
    """Share that ended by <eos> and not at a limit, with its 95 % interval; nan without stories.

    stopped: why each story ended, as in Story.stopped ("eos", "max_tokens", ...).
    """
    return share(reason == "eos" for reason in stopped)


def share(hits: Iterable[bool]) -> dict[str, float]:
    """{"stories", "share", "share_low", "share_high"}."""
    values = list(hits)
    low, high = share_interval(sum(values), len(values))
    rate = sum(values) / len(values) if values else math.nan
    return {"stories": len(values), "share": rate, "share_low": low, "share_high": high}
