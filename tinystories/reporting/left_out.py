"""What validation left out, to be looked at: some stories of each reason, copies beside what they resemble."""

from typing import Final

from tinystories.reporting.document import Infilled, Sample, SampleGroup, Section
from tinystories.reporting.figures import DASH, Figure, Inputs, Metrics, Row, percent_whole, whole

TITLES: Final = ("Left out", "Kept")
PAIRS: Final = "Copies, beside what was kept"


def left_out(inputs: Inputs) -> Section | None:
    own = inputs.examples
    reasons, near, copies = own.group("by_reason"), own.records("near"), own.records("copies")
    if not reasons and not near and not copies:
        return None
    kept, read = (inputs.validate.figure(key, whole).text for key in ("kept", "stories"))
    texts = [
        f"{kept} of {read} stories were kept. Here are the first of each reason and, of copies, those that are least "
        "alike: where the rule is most likely to be wrong. All of them, with the reasons, are in "
        "data/validate/quarantine.parquet.",
    ]
    groups = [_group(inputs, own, reason) for reason in sorted(reasons)]
    pairs = [_pair(row, f"{own.name}: near[{at}]") for at, row in enumerate(near)]
    pairs += [_pair(row, f"{own.name}: copies[{at}]") for at, row in enumerate(copies)]
    return Section("left-out", "What was left out, and why", texts, samples=groups, infillings=pairs, beside=PAIRS)


def _group(inputs: Inputs, own: Metrics, reason: str) -> SampleGroup:
    rows = own.under("by_reason").records(reason)
    count: Figure = inputs.validate.under("reasons").figure(reason, whole)
    found = [
        Sample(None, "", str(row.get("text", "")), _named(row), f"{own.name}: by_reason.{reason}[{at}]")
        for at, row in enumerate(rows)
    ]
    number = "" if count.text == DASH else f": {count.text}"
    return SampleGroup(f"{reason.replace('_', ' ').capitalize()}{number}", found[:1], found[1:])


def _pair(row: Row, source: str) -> Infilled:
    left, kept = (found if isinstance(found := row.get(key), dict) else {} for key in ("left_out", "kept"))
    share = row.get("similarity")
    footer = "The same text but for white space"
    if isinstance(share, int | float):
        footer = f"{percent_whole(share)} of the two stories’ runs of words are in both"
    footer += f"; left out: {_named(left)}, {left.get('partition', DASH)}"
    footer += f"; kept: {_named(kept)}, {kept.get('partition', DASH)}"
    return Infilled("", str(left.get("text", "")), str(kept.get("text", "")), "", footer, source, TITLES)


def _named(row: Row) -> str:
    return f"story {row.get('story_id', DASH)}" + (f" of {row['source']}" if row.get("source") else "")
