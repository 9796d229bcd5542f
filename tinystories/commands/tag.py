"""`tinystories tag`: the tags of stories, how well they are found, and models fitted to labels anew."""

import json
from collections.abc import Sequence
from pathlib import Path

from tinystories.commands.generate import Outcome
from tinystories.text.tagfiles import Measured, fit_files, measure_files, tag_files


def tag_command(files: Sequence[Path], gold: Path | None, fit: Path | None, as_json: bool = False) -> Outcome:
    """Tag the stories of `files`; with `gold` measure tagger and judge, with `fit` fit both anew to labels.

    Raises SourceError for files, labels or gold that can't be read or don't belong together.
    """
    if fit is not None:
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
    lines = [f"{'':<8} {'tag':<14} {'precision':>9} {'recall':>9} {'F1':>9} {'stories':>9}"] if measured else []
    for name, tags in measured.items():
        for tag, row in tags.items():
            ratios = (
                f"{row[key]:9.3f}" if row[key] is not None else f"{'-':>9}" for key in ("precision", "recall", "f1")
            )
            lines.append(f"{name:<8} {tag:<14} {' '.join(ratios)} {row['n']:>9}")
    return "".join(f"{line}\n" for line in lines)
