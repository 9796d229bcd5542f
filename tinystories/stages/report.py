"""Stage 7: what the files say about the model, as one page and as Markdown."""

from typing import Any

from tinystories import files
from tinystories.params import Params
from tinystories.paths import Paths
from tinystories.reporting.figures import read_inputs
from tinystories.reporting.page import html, markdown
from tinystories.reporting.sections import document


def run(params: Params, paths: Paths) -> dict[str, Any]:
    """Write reports/index.html and reports/report.md from the other stages' files.

    What is reported is what those files say was done, never what `params` says now. Returns how
    many checks stand how. Raises TinyStoriesError that names a missing or broken file.
    """
    del params
    report = document(read_inputs(paths))
    files.write_text(paths.report_html, html(report))
    files.write_text(paths.report_markdown, markdown(report))
    return {"off": len(report.troubles), "unclear": len(report.unclear), "passed": len(report.passed)}
