"""`tinystories generate`: a request checked before anything heavy loads, then stories."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tinystories.generation.requests import Request
from tinystories.generation.story import Story, unmet


@dataclass(frozen=True)
class Outcome:
    """out is for stdout, note (may be empty) for stderr; code 1: a control could not be met."""

    out: str
    note: str
    code: int


def generate_command(model: Path, request: Request, count: int, as_json: bool = False) -> Outcome:
    """Write `count` stories with the model in folder `model`.

    Raises RequestError and ModelError. The request and the count are checked before torch is imported.
    """
    requests = request.repeat(count)
    from tinystories.generation.story_model import StoryModel

    stories = StoryModel.load(model).generate_many(requests)
    if as_json:
        out = "".join(json.dumps(story.to_json(), ensure_ascii=False, allow_nan=False) + "\n" for story in stories)
    else:
        out = "\n\n".join(story.text for story in stories) + "\n"
    missed = unmet(stories)
    notes = [] if as_json else [summary(stories)]
    if missed:
        notes.append(f"not met by any of {len(stories)}: {', '.join(missed)}; try another seed or a higher --count")
    return Outcome(out, "\n".join(notes), 1 if missed else 0)


def parse_words(text: str | None) -> tuple[str, ...]:
    """The words of `a,b,c`; empty ones are left for Request to refuse."""
    return () if text is None else tuple(text.split(","))


def summary(stories: Sequence[Story]) -> str:
    """One line: how many stories, how many ended by themselves, and how often each control was met."""
    ended = sum(story.stopped == "eos" for story in stories)
    parts = [f"{len(stories)} stor{'y' if len(stories) == 1 else 'ies'}", f"{ended} ended by themselves"]
    for control in stories[0].met:
        parts.append(f"{control} {sum(story.met[control] for story in stories)}/{len(stories)}")
    return ", ".join(parts)
