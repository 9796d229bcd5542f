"""Whether a tag asked for is in the story: the judge's rate beside stories that were asked for nothing."""

from collections.abc import Collection, Mapping, Sequence

from tinystories.evaluation.completion import share
from tinystories.text.tags import Tag


def adherence(
    requested: Mapping[Tag, Sequence[Collection[Tag]]], unconditional: Sequence[Collection[Tag]]
) -> dict[str, dict[str, float]]:
    """Per tag the rate among the stories asked for it and among those asked for nothing, with Wilson's intervals.

    requested: for each tag, what the judge found in each story that was generated for it.
    unconditional: what it found in each story of the plain form; shared by all tags.
    A rate of no stories is nan. The judge's own errors are in these rates.
    """
    measured = {}
    for tag, found in requested.items():
        asked, plain = (share(tag in tags for tags in stories) for stories in (found, unconditional))
        measured[str(tag)] = {
            "stories": asked["stories"],
            **{f"requested{end}": asked[f"share{end}"] for end in ("", "_low", "_high")},
            **{f"unconditional{end}": plain[f"share{end}"] for end in ("", "_low", "_high")},
        }
    return measured
