"""`tinystories compare`: models beside each other, on the terminal, as Markdown, HTML or JSON."""

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from tinystories.commands.contenders import gather
from tinystories.commands.generate import Outcome
from tinystories.errors import RequestError
from tinystories.evaluation.compare import compare
from tinystories.files import write_text
from tinystories.paths import Paths


def compare_command(
    names: Sequence[str],
    paths: Paths,
    markdown: Path | None,
    html: Path | None,
    as_json: bool,
    say: Callable[[str], None],
) -> Outcome:
    """Compare the models that `names` stand for with the first of them; write what was asked for.

    Raises RequestError for fewer than two, TinyStoriesError for what can't be found or compared.
    """
    if len(names) < 2:
        raise RequestError(f"compare: {names[0]} alone; name two models or more")
    if len(set(names)) < len(names):
        raise RequestError("compare: the same name twice; name different models")
    with ExitStack() as stack:
        contenders, notes = gather(names, paths, say, stack, show=True)
    comparison = compare(contenders, notes)
    from tinystories.reporting import comparison as shown
    from tinystories.reporting import comparison_page as page

    if markdown is not None:
        write_text(markdown, page.markdown(comparison))
    if html is not None:
        write_text(html, page.html(comparison))
    if as_json:
        return Outcome(json.dumps(shown.to_json(comparison), ensure_ascii=False, allow_nan=False) + "\n", "", 0)
    from tinystories.reporting.terminal import terminal

    written = [f"written: {file}" for file in (markdown, html) if file is not None]
    return Outcome(terminal(shown.content(comparison)), "\n".join(written), 0)
