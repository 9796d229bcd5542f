"""What is known of a model, story by story, for it to be compared with others."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tinystories.files import fingerprint
from tinystories.text.tags import Tag

if TYPE_CHECKING:
    from tinystories.evaluation.likelihood import Score


@dataclass(frozen=True)
class Told:
    """A story that a model was asked for.

    request: as Request.to_json has it, seed and index included. tag: what was asked for, if a tag alone.
    found: the judge's tags. copied, grams: 8-grams that stand in training, of how many; null = not counted.
    """

    request: Mapping[str, Any]
    tag: Tag | None
    text: str
    ended: bool
    found: frozenset[str]
    copied: int | None = None
    grams: int | None = None

    @property
    def key(self) -> str:
        """The same for the same request with the same seed."""
        return json.dumps(self.request, sort_keys=True, ensure_ascii=False)

    @property
    def wish(self) -> str:
        """The same for the same request, whatever its seed; the stories of a wish are told apart by their index."""
        rest = {key: value for key, value in self.request.items() if key != "seed"}
        return json.dumps(rest, sort_keys=True, ensure_ascii=False)

    @property
    def free(self) -> bool:
        """Asked for nothing: no tag and no beginning."""
        return self.tag is None and "prompt" not in self.request


@dataclass(frozen=True)
class Evidence:
    """What was measured of a model, story by story.

    scores: by id of the test story. middles: nats of a test story's middle given both its ends, by id.
    told: the stories that it was asked for; beside: those to show beside other models' where `told` have
    another seed than theirs. answers: whether it was right, by task and story: its abilities
    ("abilities/NAME") and what it had to choose ("choosing/NAME").
    """

    scores: Mapping[str, "Score"]
    middles: Mapping[str, float] = field(default_factory=dict)
    told: Sequence[Told] = ()
    answers: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    beside: Sequence[Told] = ()


@dataclass(frozen=True)
class Contender:
    """A model to compare. name: as the user gave it; origin: what that is; made_from: of its fingerprint.json."""

    name: str
    origin: str
    fingerprint: str
    made_from: Mapping[str, Any]
    evidence: Evidence

    @property
    def seed(self) -> int | None:
        seed = self.made_from.get("seed")
        return seed if isinstance(seed, int) else None

    @property
    def recipe(self) -> str | None:
        """All that the model was made from but the seed; None where that is not known."""
        return recipe_of(self.made_from)


def worth_showing(told: Sequence[Told], per_kind: int = 1) -> list[Told]:
    """All that were asked for with a beginning, and `per_kind` of those asked for nothing and for each tag."""
    shown: list[Told] = []
    seen: dict[Tag | None, int] = {}
    for one in told:
        if one.tag is not None or one.free:
            seen[one.tag] = seen.get(one.tag, 0) + 1
            if seen[one.tag] > per_kind:
                continue
        shown.append(one)
    return shown


def stories_fingerprint(ids: Sequence[str]) -> str:
    return fingerprint(*sorted(ids))


def recipe_of(made_from: Mapping[str, Any]) -> str | None:
    """A short name for all that a model was made from but the seed; None where nothing is known."""
    if not made_from:
        return None
    rest = {key: value for key, value in made_from.items() if key != "seed"}
    return fingerprint(json.dumps(rest, sort_keys=True))[:8]
