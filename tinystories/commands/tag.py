"""`tinystories tag`: the tags of stories, how well they are found, and models fitted to labels anew."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tinystories.commands.generate import Outcome
from tinystories.text.tagfiles import Measured, fit_files, measure_files, tag_files

_COLUMNS: Final = {
    "precision": "precision",
    "recall": "recall",
    "F1": "f1",
    "avg prec": "average_precision",
    "always yes": "always_yes",
    "readers": "readers_f1",
}


def tag_command(files: Sequence[Path], gold: Path | None, fit: Sequence[Path], as_json: bool = False) -> Outcome:
    """Tag the stories of `files`; with `gold` measure tagger and judge, with `fit` fit both anew to labels.

    Raises SourceError for files, labels or gold that can't be read or don't belong together.
    """
    if fit:
        measured = fit_files(fit, files, gold)
        return Outcome(_table(measured, as_json), "tagger and judge fitted and written into the package", 0)
    if gold is not None:
        return Outcome(_table(measure_files(files, gold), as_json), "", 0)
    stories = tag_files(files)
    if as_json:
        return Outcome("".join(json.dumps(story.to_json(), ensure_ascii=False) + "\n" for story in stories), "", 0)
    return Outcome("".join(f"{s.id}  {', '.join(s.tags) or '-'}  ({s.first_words} ...)\n" for s in stories), "", 0)


def _table(measured: Measured, as_json: bool) -> str:
    if as_json:
        return json.dumps(measured) + "\n"
    lines = [_row("", "tag", *_COLUMNS, "stories", "F1, 95 %")] if measured else []
    for name, tags in measured.items():
        for tag, row in tags.items():
            cells = ("-" if row.get(key) is None else f"{row[key]:.3f}" for key in _COLUMNS.values())
            interval = "-" if row.get("f1_low") is None else f"{row['f1_low']:.2f} to {row['f1_high']:.2f}"
            lines.append(_row(name, tag, *cells, str(row["n"]), interval))
    return "".join(f"{line}\n" for line in lines)


def _row(name: str, tag: str, *cells: str) -> str:
    return f"{name:<8} {tag:<14} " + " ".join(f"{cell:>10}" for cell in cells)
