"""`tinystories world`: stories of the simulated world, whose truth is known."""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from tinystories.commands.generate import Outcome
from tinystories.corpus.sources import read_stories
from tinystories.corpus.world.checker import FOREIGN, Problem, check
from tinystories.corpus.world.lexicon import names
from tinystories.corpus.world.story import WorldStory, stories
from tinystories.errors import RequestError
from tinystories.text.tags import TAGS, ordered


def world_command(count: int, seed: int, tags: Sequence[str] | None, as_json: bool = False) -> Outcome:
    """The first `count` stories of `seed`; with `tags`, stories that have exactly those ("none": none).

    Raises RequestError for a tag that isn't known and a count below 1.
    """
    tags = [] if list(tags or ()) == ["none"] else tags
    unknown = [tag for tag in tags or () if tag not in TAGS]
    if unknown:
        raise RequestError(f"--tag {unknown[0]}: not known; choose from {', '.join(TAGS)}, or none alone")
    if count < 1:
        raise RequestError(f"--count {count}: at least 1")
    told = stories(count, seed, None if tags is None else ordered(list(tags)))
    if as_json:
        return Outcome("".join(json.dumps(story.to_json(), ensure_ascii=False) + "\n" for story in told), "", 0)
    return Outcome("\n\n".join(map(_shown, told)) + "\n", "", 0)


def _shown(story: WorldStory) -> str:
    return f"# {', '.join(story.tags) or 'no tags'}: {story.summary}\n{story.text}"


def check_command(files: Sequence[Path], as_json: bool = False) -> Outcome:
    """Replay stories of files ("-": standard input), a model's for instance: how many are consistent, and where the
    others break.

    Exit code 1 if some story isn't consistent. Raises SourceError and ValidationError as reading files does.
    """
    found = [check(text) for path in files for text in _texts(path)]
    reasons = Counter(_general(problems[0]) for problems in found if problems)
    result = {
        "stories": len(found),
        "consistent": sum(not problems for problems in found) / len(found),
        "in_the_language": sum(all(p.reason != FOREIGN for p in problems) for problems in found) / len(found),
        "first_problems": dict(reasons.most_common(20)),
        "problems": [[asdict(problem) for problem in problems] for problems in found],
    }
    code = 1 if reasons else 0
    if as_json:
        return Outcome(json.dumps(result, ensure_ascii=False) + "\n", "", code)
    lines = [
        f"{len(found)} stories, {result['consistent']:.1%} consistent, {result['in_the_language']:.1%} in the language",
        *(f"{count:6}  {reason}" for reason, count in reasons.most_common(20)),
    ]
    return Outcome("\n".join(lines) + "\n", "", code)


def _texts(path: Path) -> Iterator[str]:
    if path != Path("-"):
        yield from (story.text for story in read_stories(path))
        return
    with TemporaryDirectory() as folder:  # layouts are recognised by content, which takes a file
        given = Path(folder) / "standard-input"
        given.write_bytes(sys.stdin.buffer.read())
        yield from (story.text for story in read_stories(given))


def _general(problem: Problem) -> str:
    """The reason without names, so that equal ones count together."""
    return " ".join("..." if word.strip("',.:") in names() else word for word in problem.reason.split())
