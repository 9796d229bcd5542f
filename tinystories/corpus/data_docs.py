"""Great Expectations' own page about a validation, made readable without a network.

GX draws it for a browser that loads styles, fonts and scripts from five other places. Those are taken out, and a
few lines of style of our own put in; what needs a script (hiding what succeeded) is gone with them.
"""

import re
from typing import Any, Final

_GONE: Final = (
    r"<script\b.*?</script>", r"<style\b.*?</style>", r"<footer\b.*?</footer>", r"<link\b[^>]*>", r"<img\b[^>]*>",
    r'<nav class="navbar .*?</nav>\s*</div>\s*</nav>',
    r'<div class="card mb-3">.*?Failed Only\s*</label>\s*(</div>\s*){5}',
    r"<!DOCTYPE html>\s*<html>\s*<head>.*?</head>", r"https?://[^\s\"'<)]*",
    r' href="\.\./[^"]*"',
)  # fmt: skip
_HEAD: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>Validation of the stories</title><link rel="icon" href="data:,">
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; }
th, td { border-bottom: 1px solid #8886; padding: .35rem .8rem .35rem 0; text-align: left; vertical-align: top; }
h1, h2, h3, h4, h5, .alert h4 { margin: 1.2rem 0 .3rem; }
ul { padding-left: 1.2rem; } li.nav-item { list-style: none; } pre { white-space: pre-wrap; }
.badge { font-family: ui-monospace, monospace; }
.popover, .cooltip .top { display: none; }
.fa-check-circle::before { content: "\\2713"; color: #18803c; } .fa-times::before { content: "\\2717"; color: #c2281d; }
.fa-exclamation-triangle::before { content: "!"; color: #a15c00; }
</style></head>"""


def page(results: list[Any]) -> str:
    """One page about several of GX's validation results of the same table; it loads nothing.

    Of values that broke a rule GX shows the first twenty; they are measures, never text.
    """
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    entries = [_short(entry) for result in results for entry in result.results]
    kept = sum(bool(entry.success) for entry in entries)
    statistics = {
        "evaluated_expectations": len(entries),
        "successful_expectations": kept,
        "unsuccessful_expectations": len(entries) - kept,
        "success_percent": 100 * kept / max(1, len(entries)),
    }
    together = ExpectationSuiteValidationResult(
        success=kept == len(entries),
        results=entries,
        suite_name=results[0].suite_name,
        statistics=statistics,
        meta=results[0].meta,
    )
    text = DefaultJinjaPageView().render(ValidationResultsPageRenderer(run_info_at_end=True).render(together))
    for pattern in _GONE:
        text = re.sub(pattern, "", text, flags=re.DOTALL)
    return f"{_HEAD}\n{text.strip()}\n"


def _short(entry: Any) -> Any:
    """Without the lists of every bad row, which the page can't show, and in Python's numbers, which alone GX writes."""
    for name in ("unexpected_list", "unexpected_index_list", "unexpected_index_query"):
        entry.result.pop(name, None)
    observed = entry.result.get("observed_value")
    if hasattr(observed, "item"):
        entry.result["observed_value"] = observed.item()
    return entry
