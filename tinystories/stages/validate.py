"""Stage 2: a story that breaks a row rule goes to quarantine with the reason; a broken rule about all stops."""

import shutil
from collections import Counter
from collections.abc import Callable, Container
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import tinystories
from tinystories.corpus.examples import examples
from tinystories.corpus.near import LONG, Bands, candidates, every, leaving, overlap, signatures, verified
from tinystories.corpus.parallel import map_tables
from tinystories.corpus.progress import QUIET, Pace, Say
from tinystories.corpus.record import EXTRACTED, PARTITIONS
from tinystories.corpus.rows import frame, measure
from tinystories.corpus.suite import Outcome, Suite
from tinystories.corpus.tables import read_tables, table_writer
from tinystories.errors import ValidationError
from tinystories.files import fingerprint, write_json, write_text
from tinystories.params import CleanParams, Params, ValidateParams
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
# names of the rules whose rows are not bad: said before, or not asked for
DUPLICATE: Final = "duplicate"
COPIES: Final = (DUPLICATE, "near_duplicate", "near_held_out")
NOT_BAD: Final = (*COPIES, "other_language")
# measures that say what is wrong with a story: how often each was found is told while they are taken
FAULTS: Final = ("nul", "replacement", "instruction_only", "cut_off", "refusal", "leaked_prompt", "other_language")

_SOURCES_LISTED = 50
_PAIRS_LISTED = 20


def run(params: Params, paths: Paths, say: Say = QUIET) -> dict[str, Any]:
    """Judge `paths.extracted` by the suite; write the good rows, the quarantine, some examples and the metrics.

    Raises ValidationError, in one line with every broken rule, if the data set as a whole is wrong: then
    there is a quarantine to look into, and metrics, and no stories. Duplicates, near ones too, are quarantined
    but don't count as bad. Returns the metrics. Work in progress lies in .work: a run that was ended goes on there.
    """
    suite = Suite(paths.suite)
    work = _work(params, paths)
    table = _measures(paths, params.clean.language == "en", work / "measures", Pace(say))
    settings = _settings(params)
    row_outcomes = suite.run(["row"], table, settings)
    why = _reasons(row_outcomes)
    near, measured = _near(paths, params.clean, table, why, work / "signatures", Pace(say, "stories looked up"))
    gone = table["row"].isin([*why, *near])
    table["kept_partition"] = table["partition"].astype(object).where(~gone, None)
    table["bad"] = table["row"].isin([n for n, outcome in why.items() if outcome.name not in NOT_BAD]).astype(int)
    outcomes = suite.run(["copy", "dataset"], table, settings)
    why = {**_reasons([outcome for outcome in outcomes if outcome.rule == "copy"]), **why}
    metrics = _metrics(table, why, [*row_outcomes, *outcomes]) | measured
    write_json(paths.validate_metrics, metrics)
    write_json(paths.examples, examples(paths.extracted, _by_name(why), _copies(table, why), near))
    write_text(paths.data_docs, suite.data_docs())
    broken = [outcome for outcome in outcomes if outcome.rule == "dataset" and not outcome.success]
    _write(paths, why, partial(_reason, table, why, near, settings), bool(broken), Pace(say, "stories written"))
    shutil.rmtree(work, ignore_errors=True)
    if broken:
        raise ValidationError("; ".join(_explain(outcome, table, metrics, params) for outcome in broken))
    return metrics


def _work(params: Params, paths: Paths) -> Path:
    """The folder of what is unfinished: its name is what measures and signatures depend on."""
    if not paths.extracted.is_file():
        raise ValidationError(f"no {paths.extracted}: run extract first (make repro runs all stages)")
    inputs = fingerprint(paths.extracted, params.clean.model_dump_json(), tinystories.__version__)
    return paths.work / f"validate-{inputs}"


def _settings(params: Params) -> dict[str, Any]:
    """What the suite's $PARAMETERs stand for; a detector that is off lets through what it finds."""
    rules, clean = params.validate_, params.clean
    asked = {
        "most_cut_off": clean.cut_off, "most_refusals": clean.refusals, "most_prompts": clean.prompts,
        "most_other_languages": clean.language == "en",
    }  # fmt: skip
    limits = {name: getattr(rules, name) for name in ("min_words", "max_words", "max_quarantined")}
    return {**limits, **{name: 0 if on else 1 for name, on in asked.items()}}


def _measures(paths: Paths, english: bool, keep: Path, pace: Pace) -> "pd.DataFrame":
    """One row a story, narrow: the texts pass by and are not kept."""
    columns = ["story_id", "text", "features", "tags", "source", "partition"]
    tables, rows = [], 0
    found: Counter[str] = Counter()
    function = partial(measure, known_tags=TAGS, english=english)
    for table in map_tables(function, read_tables(paths.extracted, columns), keep):
        tables.append(table)
        rows += table.num_rows
        found.update({name: pc.sum(pc.not_equal(table[name], 0)).as_py() for name in FAULTS})
        pace(rows, ", ".join(f"{name} {count:,}" for name, count in found.items() if count))
    if not rows:
        raise ValidationError(f"{paths.extracted}: no stories in it; run extract again")
    return frame(tables)


def _near(
    paths: Paths, clean: CleanParams, table: "pd.DataFrame", why: dict[int, Outcome], keep: Path, pace: Pace
) -> tuple[dict[int, tuple[int, float]], dict[str, Any]]:
    """Columns near_held_out and near_earlier of the rows that are good so far; for those that are near another
    story its row and the similarity, and the metrics."""
    usable = ~table["row"].isin(list(why)).to_numpy()
    held_out = (table["partition"] != "train").to_numpy()
    keys, shared, sample = _signed(
        paths, clean, table, usable, keep, partial(pace, more=f"{len(why):,} dropped so far")
    )
    pairs = candidates(keys, usable, held_out) if clean.near_duplicates < 1 else np.zeros((0, 2), np.int64)
    del keys  # the largest thing that validation holds
    true = verified(pairs, lambda: read_tables(paths.extracted, ["text"]), clean.ngram, clean.near_duplicates)
    found = {(one, other): similarity for one, other, similarity in true}
    near_held_out, earlier = leaving(found, held_out)
    ids = table["story_id"]
    table["near_held_out"] = table["row"].isin(list(near_held_out)).astype("int32")
    table["near_earlier"] = table["row"].isin(list(earlier)).astype("int32")
    near = {
        row: (kept, found.get((min(row, kept), max(row, kept)), clean.near_duplicates))
        for row, kept in {**earlier, **near_held_out}.items()
    }
    closest = sorted(found.items(), key=lambda entry: (-entry[1], entry[0]))[:_PAIRS_LISTED]
    return near, {
        "near_duplicates": len(earlier),
        "near_held_out": len(near_held_out),
        "near_pairs": len(found),
        "near_examples": [[ids[one], ids[other], round(share, 4)] for (one, other), share in closest],
        "test_ngrams_in_train": {"words": LONG, "one_of": sample, "share": shared},
    }


def _signed(
    paths: Paths, clean: CleanParams, table: "pd.DataFrame", usable: Any, keep: Path, pace: Callable[[int], None]
) -> tuple[Any, float | None, int]:
    """Band keys (N, B) of all rows, and the share of the test stories' long n-grams that training has too."""
    bands, sample = Bands.of(clean.near_duplicates), every(len(table))
    function = partial(signatures, bands=bands, ngram=clean.ngram, sample=sample)
    keys = np.zeros((len(table), bands.count), np.uint64)
    partition = table["partition"].to_numpy()
    long: dict[str, list[Any]] = {"test": [np.zeros(0, np.uint64)], "train": []}
    begin = 0
    for signed in map_tables(function, read_tables(paths.extracted, ["text"]), keep):
        stop = begin + signed.num_rows
        keys[begin:stop] = signed["bands"].combine_chunks().flatten().to_numpy().reshape(-1, bands.count)
        usable[begin:stop] &= ~signed["empty"].to_numpy()
        grams = signed["long"].combine_chunks()
        own = np.repeat(np.arange(begin, stop), np.diff(grams.offsets.to_numpy()))
        values = grams.flatten().to_numpy()
        for name, hashes in long.items():
            hashes.append(values[usable[own] & (partition[own] == name)])
        begin = stop
        pace(begin)
    return keys, overlap(np.concatenate(long["test"]), long["train"]), sample


def _reasons(outcomes: list[Outcome]) -> dict[int, Outcome]:
    """For every row that breaks a rule the first one that it breaks, in the suite's order."""
    why: dict[int, Outcome] = {}
    for outcome in outcomes:
        for number in outcome.rows:
            why.setdefault(number, outcome)
    return why


def _by_name(why: dict[int, Outcome]) -> dict[str, list[int]]:
    """The rows that each rule sent to quarantine, ascending; copies apart."""
    found: dict[str, list[int]] = {}
    for row in sorted(why):
        if why[row].name not in COPIES:
            found.setdefault(why[row].name, []).append(row)
    return found


def _copies(table: "pd.DataFrame", why: dict[int, Outcome]) -> list[tuple[int, int]]:
    """Rows left out as copies, each with the first row of the same text."""
    rows = [row for row, outcome in why.items() if outcome.name == DUPLICATE]
    ids = table["story_id"]
    own = table.loc[ids.isin(ids[rows]), ["story_id", "row"]]
    first = own.groupby("story_id")["row"].transform("first")
    return list(zip(rows, first[rows].tolist(), strict=True))


def _reason(
    table: "pd.DataFrame",
    why: dict[int, Outcome],
    near: dict[int, tuple[int, float]],
    settings: dict[str, Any],
    row: int,
) -> str:
    """Why a row is left out, with what the rule's text names: limits, the story, and the one that it is near to."""
    ids = table["story_id"]
    return why[row].reason.format(**settings, story_id=ids[row], near_id=ids[near[row][0]] if row in near else "")


def _write(paths: Paths, gone: Container[int], reason: Callable[[int], str], broken: bool, pace: Pace) -> None:
    """The rows that are gone into quarantine; the others, unless the data set is broken, to the good stories."""
    begin = dropped = 0
    with ExitStack() as files:
        bad = files.enter_context(table_writer(paths.quarantine, QUARANTINE))
        good = None if broken else files.enter_context(table_writer(paths.validated, EXTRACTED))
        for table in read_tables(paths.extracted):
            rows = [row for row in range(begin, begin + table.num_rows) if row in gone]
            places = np.array(rows, np.int64) - begin
            bad(table.take(pa.array(places)).append_column("reason", pa.array(map(reason, rows), pa.string())))
            if good is not None:
                good(table.filter(pa.array(~np.isin(np.arange(table.num_rows), places))))
            begin += table.num_rows
            dropped += len(rows)
            pace(begin, f"{dropped:,} dropped")


def _metrics(table: "pd.DataFrame", why: dict[int, Outcome], outcomes: list[Outcome]) -> dict[str, Any]:
    reasons = Counter(outcome.name for outcome in why.values())
    good = ~table["row"].isin(list(why))
    kept = table["partition"][good].value_counts()
    bad = int(table["bad"].sum())
    return {
        "stories": len(table),
        "kept": len(table) - len(why),
        "duplicates": reasons[DUPLICATE],
        "other_language": reasons["other_language"],
        "bad": bad,
        "bad_share": bad / len(table),
        "reasons": {name: count for name, count in reasons.items() if name not in NOT_BAD},
        "partitions": {partition: int(kept.get(partition, 0)) for partition in PARTITIONS},
        "mojibake": int(table["mojibake"][good].sum()),
        "words": int(table["words"][good].sum()),
        "sources": _per_source(table, why),
        "expectations": [outcome.to_json() for outcome in outcomes],
    }


def _per_source(table: "pd.DataFrame", why: dict[int, Outcome]) -> list[dict[str, Any]]:
    """Stories and quarantined ones by source, the largest first; beyond 50 sources the small ones together."""
    stories = Counter(table["source"].value_counts().to_dict())
    gone = Counter(table["source"][list(why)].value_counts().to_dict())
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
