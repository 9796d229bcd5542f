"""The Great Expectations suite: loaded from JSON, run on a table of measures, reduced to what never varies."""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from tinystories.corpus.data_docs import page
from tinystories.errors import ValidationError
from tinystories.files import read_json

if TYPE_CHECKING:
    import pandas as pd

Rule = Literal["row", "copy", "dataset"]
RULES: Final = ("row", "copy", "dataset")


@dataclass(frozen=True)
class Outcome:
    """What became of one expectation.

    rule: "row" sends the rows to quarantine, "copy" too, of those that no row rule sent there; "dataset" stops the
    pipeline.
    name, reason: from the expectation's `meta`. rows: numbers of the rows that fail it, ascending.
    observed: the value of an aggregate, None of others.
    """

    rule: Rule
    name: str
    reason: str
    expectation: str
    column: str
    success: bool
    checked: int | None
    rows: tuple[int, ...]
    observed: float | None

    def to_json(self) -> dict[str, Any]:
        return {
            "rule": self.rule,
            "name": self.name,
            "expectation": self.expectation,
            "column": self.column,
            "success": self.success,
            "checked": self.checked,
            "unexpected": len(self.rows),
            "observed": self.observed,
        }


class Suite:
    """Expectations in the order of the file: the first row rule that a row breaks is its reason.

    Every expectation's `meta` has `rule` (one of RULES), `name` and `reason`. Values that params.yaml
    sets are {"$PARAMETER": name} in the file.
    """

    def __init__(self, path: Path) -> None:
        """Raises ValidationError if the file is missing or its form is not the one above."""
        if not path.is_file():
            raise ValidationError(f"{path}: the suite of expectations is missing; restore it with git checkout")
        try:
            suite = read_json(path)
            self._name: str = suite["name"]
            self._expectations: list[dict[str, Any]] = suite["expectations"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValidationError(f"{path}: no suite of expectations ({error!r}); restore it with git") from None
        for expectation in self._expectations:
            meta, kind = expectation.get("meta") or {}, expectation.get("type")
            if meta.get("rule") not in RULES or not meta.get("name") or not meta.get("reason"):
                raise ValidationError(f"{path}: {kind}: meta needs rule (row, copy or dataset), name and reason")
        self._path = path
        self.results: list[Any] = []  # GX's own, of each run

    def run(self, rules: Collection[Rule], table: "pd.DataFrame", parameters: dict[str, Any]) -> list[Outcome]:
        """Run the expectations of some kinds on `table` (one row a story, its number the index).

        Great Expectations sees the columns that they name, and nothing else of the table.
        """
        import great_expectations as gx

        chosen = [expectation for expectation in self._expectations if expectation["meta"]["rule"] in rules]
        context = gx.get_context(mode="ephemeral")
        context.enable_analytics(False)
        context.variables.progress_bars = {"globally": False}
        source = context.data_sources.add_pandas("measures")
        definition = source.add_dataframe_asset("stories").add_batch_definition_whole_dataframe("all")
        columns = dict.fromkeys(expectation["kwargs"]["column"] for expectation in chosen)
        narrow = table[[name for name in columns if name in table]]
        wide = {
            name: "int64" for name, kind in narrow.dtypes.items() if kind == "int32"
        }  # of others it asks one by one
        batch = definition.get_batch({"dataframe": narrow.astype(wide)})
        try:
            suite = self._loaded(gx, chosen)
            result = batch.validate(
                context.suites.add(suite),
                result_format={"result_format": "COMPLETE"},
                expectation_parameters=parameters,
            )
        except (gx.exceptions.GreatExpectationsError, ValueError) as error:
            raise ValidationError(f"{self._path}: can't be run ({_one_line(error)}); put the suite right") from None
        context.data_sources.delete("measures")  # GX keeps the table with it
        self.results.append(result)
        return [self._outcome(entry) for entry in result.results]

    def data_docs(self) -> str:
        """GX's page about all that was run, readable without a network; run nothing afterwards."""
        return page(self.results)

    def _loaded(self, gx: Any, expectations: list[dict[str, Any]]) -> Any:
        """GX's suite; GX itself only logs an expectation that it doesn't know and goes on without it."""
        log = logging.getLogger("great_expectations.core.expectation_suite")
        level = log.level
        log.setLevel(logging.CRITICAL)
        try:
            suite = gx.ExpectationSuite(name=self._name, expectations=expectations)
        finally:
            log.setLevel(level)
        known = {expectation.expectation_type for expectation in suite.expectations}
        if len(suite.expectations) != len(expectations):
            unknown = sorted({expectation["type"] for expectation in expectations} - known)
            named = ", ".join(unknown) or "one with wrong kwargs"
            raise ValidationError(f"{self._path}: expectations that can't be run: {named}; put the suite right")
        return suite

    def _outcome(self, found: Any) -> Outcome:
        """Of GX's result, which loses its lists of every bad row: it would copy them, entry by entry, many times."""
        rows = found.result.get("unexpected_index_list") or ()
        for name in ("unexpected_list", "unexpected_index_list", "unexpected_index_query"):
            found.result.pop(name, None)
        entry = found.to_json_dict()
        config, result = entry["expectation_config"], entry["result"]
        if entry["exception_info"].get("raised_exception", "raised_exception" not in entry["exception_info"]):
            raise ValidationError(f"{self._path}: {config['type']} can't be run: {_failure(entry['exception_info'])}")
        observed = result.get("observed_value")
        return Outcome(
            rule=config["meta"]["rule"],
            name=config["meta"]["name"],
            reason=config["meta"]["reason"],
            expectation=config["type"],
            column=config["kwargs"]["column"],
            success=bool(entry["success"]),
            checked=result.get("element_count"),
            rows=tuple(sorted(map(int, rows))),
            observed=float(observed) if isinstance(observed, int | float) else None,
        )


def _failure(exception_info: dict[str, Any]) -> str:
    """GX gives one {raised_exception, exception_message}, or one for each metric that failed."""
    entries = [exception_info] if "raised_exception" in exception_info else list(exception_info.values())
    return next((" ".join(str(entry["exception_message"]).split()) for entry in entries), "no message")


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
