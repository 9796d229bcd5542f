"""Generated stories with what was asked beside what was met, and infillings beside the true middles."""

from collections.abc import Mapping
from typing import Any, Final

from tinystories.reporting.document import Infilled, Sample, SampleGroup, Section, Wish
from tinystories.reporting.figures import Inputs, Row, decimals

SHOWN: Final = 1  # stories of a kind that are open on the page
KEPT: Final = 4  # stories of a kind on the page at all; of those given a beginning all are
INFILLINGS: Final = 6
GIVEN: Final = "Given a beginning"
STOPPED: Final = {
    "eos": "ended by itself",
    "max_tokens": "cut off at the token limit",
    "max_words": "cut off at the word limit",
    "end_word": "ended at the word asked for",
}


def stories(inputs: Inputs) -> Section | None:
    groups: dict[str, list[Sample]] = {}
    for index, row in enumerate(inputs.generated):
        groups.setdefault(_kind(row), []).append(_sample(row, f"{inputs.generated_name}: line {index + 1}"))
    if not groups:
        return None
    text = (
        "The first of each kind and all that were given a beginning, none picked by hand; "
        f"all {len(inputs.generated):,} are in {inputs.generated_name}."
    )
    if any(sample.given for found in groups.values() for sample in found[:KEPT]):
        text += " What was given word for word is in colour."
    samples = [
        SampleGroup(kind, found[:SHOWN], found[SHOWN : None if kind == GIVEN else KEPT])
        for kind, found in groups.items()
    ]
    return Section("stories", "Stories", [text], samples=samples)


def between(inputs: Inputs) -> Section | None:
    if not inputs.infillings:
        return None
    text = (
        "Given the first and the last sentence, the model wrote what lies between; the true middle stands beside it. "
        "The first ones, none picked by hand."
    )
    found = [
        Infilled(
            str(row.get("first", "")).strip(),
            str(row.get("generated", "")).strip(),
            str(row.get("middle", "")).strip(),
            str(row.get("last", "")).strip(),
            _footer(row),
            f"{inputs.infillings_name}: line {index + 1}",
        )
        for index, row in enumerate(inputs.infillings[:INFILLINGS])
    ]
    return Section("between", "Between two sentences", [text], infillings=found)


def _kind(row: Row) -> str:
    if row.get("asked"):
        return f"Asked for {row['asked']}"
    if _request(row).get("prompt"):
        return GIVEN
    return "Asked for nothing"


def _request(row: Row) -> Mapping[str, Any]:
    request = row.get("request")
    return request if isinstance(request, Mapping) else {}


def _sample(row: Row, source: str) -> Sample:
    text, request = str(row.get("text", "")), _request(row)
    given = str(request.get("prompt") or request.get("first") or "")
    if not text.startswith(given):
        given = ""
    return Sample(_wishes(row), given, text[len(given) :], _footer(row), source)


def _wishes(row: Row) -> list[Wish]:
    """What was asked, as `met` names it; the tag asked for with the judge's verdict where there is one."""
    asked, met = row.get("asked"), row.get("met")
    kept = dict(met) if isinstance(met, Mapping) else {}
    if asked:
        kept = {f"tag:{asked}": _judged(row, str(asked), kept.get(f"tag:{asked}"))} | {
            name: value for name, value in kept.items() if name != f"tag:{asked}"
        }
    request = _request(row)
    return [Wish(_wish(name, request), value if isinstance(value, bool) else None) for name, value in kept.items()]


def _judged(row: Row, asked: str, otherwise: Any) -> Any:
    verdict = row.get("verdict")
    if isinstance(verdict, Mapping):
        return verdict.get(asked, otherwise)
    if isinstance(verdict, list):
        return asked in verdict
    return otherwise if verdict is None else verdict


def _wish(name: str, request: Mapping[str, Any]) -> str:
    kind, _, of = name.partition(":")
    if of:
        return f"the word {of}" if kind == "word" else of
    value = request.get(kind)
    return {
        "prompt": "begins as given",
        "first": "first sentence as given",
        "last": "last sentence as given",
        "start": f"first word {value}",
        "end": f"last word {value}",
        "max_words": f"at most {value} words",
    }.get(kind, kind.replace("_", " "))


def _footer(row: Row) -> str:
    parts = [f"seed {row['seed']}"] if "seed" in row else []
    number = _request(row).get("index", row.get("index"))
    if isinstance(number, int):
        parts.append(f"story {number + 1} of the request")
    if row.get("tokens") is not None:
        parts.append(f"{row['tokens']:,} tokens")
    if row.get("nats") is not None:
        parts.append(f"{decimals(1)(row['nats'])} nats")
    if row.get("stopped"):
        parts.append(STOPPED.get(str(row["stopped"]), str(row["stopped"])))
    return ", ".join(parts)
