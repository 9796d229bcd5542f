"""Stage 7: what the files say about the model, as one page and as Markdown."""

from typing import Any

from tinystories import files
from tinystories.params import Params
from tinystories.paths import Paths
from tinystories.reporting.cards import data_card, model_card
from tinystories.reporting.figures import read_inputs
from tinystories.reporting.page import html, markdown
from tinystories.reporting.sections import document


def run(params: Params, paths: Paths) -> dict[str, Any]:
    """Write reports/index.html, reports/report.md and the cards of model and data from the other stages' files.

    What is reported is what those files say was done, never what `params` says now. Returns how
    many checks stand how. Raises TinyStoriesError that names a missing or broken file.
    """
    del params
    inputs = read_inputs(paths)
    report = document(inputs)
    files.write_text(paths.report_html, html(report))
    files.write_text(paths.report_markdown, markdown(report))
    files.write_text(paths.model_card, model_card(inputs))
    files.write_text(paths.data_card, data_card(inputs))
    return {"off": len(report.troubles), "unclear": len(report.unclear), "passed": len(report.passed)}
