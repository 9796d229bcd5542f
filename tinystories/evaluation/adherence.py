"""Whether a tag asked for is in the story: the judge's rate beside stories asked for nothing or for other tags."""

from collections.abc import Collection, Mapping, Sequence

from tinystories.evaluation.completion import share
from tinystories.evaluation.correction import Errors, corrected
from tinystories.text.tags import Tag


def adherence(
    requested: Mapping[Tag, Sequence[Collection[Tag]]],
    unconditional: Sequence[Collection[Tag]],
    errors: Mapping[Tag, Errors],
) -> dict[str, dict[str, float]]:
    """Per tag three rates, as the judge finds them (Wilson's intervals) and corrected for its errors.

    requested: for each tag, what the judge found in each story that was generated for it.
    unconditional: what it found in each story of the plain form; shared by all tags.
    errors: how the judge did on hand labels; the keys `*_corrected` are by `correction.corrected`.
    The third rate, `shuffled`, is the control against any effect of asking as such: the stories
    written for tags, with the requests dealt out among them anew. Its expectation over all ways to
    deal a story another request than its own is the tag's rate in the stories asked for other tags.
    A rate of no stories is nan.
    """
    measured = {}
    for tag, found in requested.items():
        others = [tags for other, stories in requested.items() if other != tag for tags in stories]
        measured[str(tag)] = {
            "stories": len(found),
            **_rates("requested", tag, found, errors[tag]),
            **_rates("unconditional", tag, unconditional, errors[tag]),
            **_rates("shuffled", tag, others, errors[tag]),
        }
    return measured


def _rates(name: str, tag: Tag, stories: Sequence[Collection[Tag]], errors: Errors) -> dict[str, float]:
    hits = [tag in tags for tags in stories]
    found = share(hits)
    true = dict(zip(("", "_low", "_high"), corrected(sum(hits), len(hits), errors), strict=True))
    return {
        **{f"{name}{end}": found[f"share{end}"] for end in true},
        **{f"{name}_corrected{end}": rate for end, rate in true.items()},
    }
