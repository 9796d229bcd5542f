"""Stage 2: a story that breaks a row rule goes to quarantine with the reason; a broken rule about all stops."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from tinystories.corpus.record import EXTRACTED, PARTITIONS
from tinystories.corpus.rows import measure
from tinystories.corpus.suite import Outcome, Suite
from tinystories.corpus.tables import GROUP, read_rows, write_rows
from tinystories.errors import ValidationError
from tinystories.files import write_json
from tinystories.params import Params, ValidateParams
from tinystories.paths import Paths
from tinystories.text.tags import TAGS

if TYPE_CHECKING:
    import pandas as pd

QUARANTINE: Final = pa.schema(
    [
        pa.field("story_id", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("source", pa.string()),
        pa.field("reason", pa.string(), nullable=False),
    ]
)
DUPLICATE: Final = "duplicate"  # the name of the row rule whose rows are not bad, only said before

_SOURCES_LISTED = 50


def run(params: Params, paths: Paths) -> dict[str, Any]:
    """Judge `paths.extracted` by the suite; write the good rows, the quarantine and the metrics, return these.

    Raises ValidationError, in one line with every broken rule, if the data set as a whole is wrong: then
    there is a quarantine to look into, and metrics, and no stories. Duplicates are quarantined
    but don't count as bad.
    """
    suite = Suite(paths.suite)
    table = _measures(paths)
    rules = params.validate_
    settings = {name: getattr(rules, name) for name in ("min_words", "max_words", "max_quarantined")}
    row_outcomes = suite.run("row", table, settings)
    why = _reasons(row_outcomes)
    table["kept_partition"] = [None if n in why else p for n, p in zip(table["row"], table["partition"], strict=True)]
    table["bad"] = [int(n in why and why[n].name != DUPLICATE) for n in table["row"]]
    outcomes = suite.run("dataset", table, settings)
    metrics = _metrics(table, why, [*row_outcomes, *outcomes])
    write_json(paths.validate_metrics, metrics)
    write_rows(paths.quarantine, QUARANTINE, _quarantined(paths, why, settings))
    if broken := [outcome for outcome in outcomes if not outcome.success]:
        raise ValidationError("; ".join(_explain(outcome, table, metrics, params) for outcome in broken))
    rows = enumerate(read_rows(paths.extracted))
    write_rows(paths.validated, EXTRACTED, (row for number, row in rows if number not in why))
    return metrics


def _measures(paths: Paths) -> "pd.DataFrame":
    """One row a story, narrow: the texts pass by and are not kept."""
    import pandas as pd

    if not paths.extracted.is_file():
        raise ValidationError(f"no {paths.extracted}: run extract first (make repro runs all stages)")
    columns = ["story_id", "text", "features", "tags", "source", "partition"]
    measures = measure(read_rows(paths.extracted, columns), TAGS)
    groups = []
    while group := list(islice(measures, GROUP)):
        groups.append(pd.DataFrame(group))
    if not groups:
        raise ValidationError(f"{paths.extracted}: no stories in it; run extract again")
    return pd.concat(groups, ignore_index=True)


def _reasons(outcomes: list[Outcome]) -> dict[int, Outcome]:
    """For every row that breaks a row rule the first one that it breaks, in the suite's order."""
    why: dict[int, Outcome] = {}
    for outcome in outcomes:
        for number in outcome.rows:
            why.setdefault(number, outcome)
    return why


def _quarantined(paths: Paths, why: dict[int, Outcome], settings: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for number, row in enumerate(read_rows(paths.extracted, ["story_id", "text", "source"])):
        if number in why:
            yield {**row, "reason": why[number].reason.format(**settings, story_id=row["story_id"])}


def _metrics(table: "pd.DataFrame", why: dict[int, Outcome], outcomes: list[Outcome]) -> dict[str, Any]:
    reasons = Counter(outcome.name for outcome in why.values())
    good = table[~table["row"].isin(list(why))]
    kept = Counter(good["partition"])
    bad = int(table["bad"].sum())
    return {
        "stories": len(table),
        "kept": len(table) - len(why),
        "duplicates": reasons.pop(DUPLICATE, 0),
        "bad": bad,
        "bad_share": bad / len(table),
        "reasons": dict(reasons),
        "partitions": {partition: kept[partition] for partition in PARTITIONS},
        "mojibake": int(good["mojibake"].sum()),
        "words": int(good["words"].sum()),
        "sources": _per_source(table, why),
        "expectations": [outcome.to_json() for outcome in outcomes],
    }


def _per_source(table: "pd.DataFrame", why: dict[int, Outcome]) -> list[dict[str, Any]]:
    """Stories and quarantined ones by source, the largest first; beyond 50 sources the small ones together."""
    stories = Counter(table["source"])
    gone = Counter(source for number, source in zip(table["row"], table["source"], strict=True) if number in why)
    order = sorted(stories, key=lambda source: (-stories[source], source))
    listed, rest = order[:_SOURCES_LISTED], order[_SOURCES_LISTED:]
    entries = [{"source": name, "stories": stories[name], "quarantined": gone[name]} for name in listed]
    if rest:
        together = {"stories": sum(stories[n] for n in rest), "quarantined": sum(gone[n] for n in rest)}
        entries.append({"source": f"{len(rest)} more", **together})
    return entries


def _explain(outcome: Outcome, table: "pd.DataFrame", metrics: dict[str, Any], params: Params) -> str:
    """What is wrong, where, and what to do, for one broken rule about the data set."""
    rows = table[table["row"].isin(outcome.rows)]
    first = "" if rows.empty else f"{len(rows)} stories, first {rows.iloc[0]['story_id']} ({rows.iloc[0]['source']})"
    match outcome.name:
        case "too_many_bad_rows":
            return _too_many(metrics, params.validate_)
        case "unknown_tags":
            names = Counter(name for names in rows["unknown_names"] for name in names.split("\n"))
            listed = ", ".join(f"{name!r} ({count})" for name, count in sorted(names.items())[:10])
            return f"unknown tags in {first}: {listed}; known are {', '.join(TAGS)}: rename or remove the others"
        case "empty_partition":
            empty = ", ".join(name for name, count in metrics["partitions"].items() if not count)
            return (
                f"no stories in the partition {empty}: {metrics['kept']} good stories are too few for "
                f"validation {params.partitions.validation} and test {params.partitions.test}; "
                "give more stories or larger shares"
            )
        case "two_partitions":
            return f"the same text in two partitions: {first}; run extract again, partitions come from the text's hash"
    return f"{outcome.reason}: {first or outcome.column}; see pipeline/expectations/stories.json"


def _too_many(metrics: dict[str, Any], rules: ValidateParams) -> str:
    counted = sorted(metrics["reasons"].items(), key=lambda entry: (-entry[1], entry[0]))
    reasons = ", ".join(f"{name} {count}" for name, count in counted)
    return (
        f"{metrics['bad']} of {metrics['stories']} stories ({metrics['bad_share']:.1%}) are bad, more than "
        f"validate.max_quarantined {rules.max_quarantined:.1%}: {reasons}; see data/validate/quarantine.parquet"
    )
