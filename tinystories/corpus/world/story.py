"""Stories of the world: their truth is known, because it happened before it was told."""

import random
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from tinystories.corpus.world.language import Phrase, parse
from tinystories.corpus.world.lexicon import FOLDER, Character, Place, Thing, Wish
from tinystories.corpus.world.narrator import capitals, narrate, summarise
from tinystories.corpus.world.plan import Event, Plan, label
from tinystories.corpus.world.plots import PLOTS
from tinystories.text.tags import Tag, ordered

# how often each tag is drawn where nobody asks for tags
SHARES: Final[dict[Tag, float]] = {
    "BadEnding": 0.3, "Conflict": 0.45, "Dialogue": 0.6, "Foreshadowing": 0.3, "MoralValue": 0.35, "Twist": 0.3,
}  # fmt: skip
_ATTEMPTS: Final = 200  # a story that can't be told without an ambiguous pronoun is planned anew

# verbs that a story may be asked for, with how they are told: regular ones, so that anyone finds them in the text
_VERBS: Final = {
    verb: f"{verb.removesuffix('e')}ed"
    for verb in (
        "look", "want", "walk", "play", "laugh", "plant", "water", "climb", "jump", "search", "help", "work", "pull",
        "smile", "ask", "wave", "wait", "push", "answer", "whisper", "shout", "call", "listen", "paint", "wash",
    )
}  # fmt: skip


@dataclass(frozen=True)
class WorldStory:
    """seed and index make it again; tags are derived from what happened; words: a verb, a noun, an adjective."""

    seed: int
    index: int
    text: str
    tags: tuple[Tag, ...]
    words: tuple[str, ...]
    summary: str
    plot: str
    events: tuple[Event, ...]

    @property
    def skeleton(self) -> tuple[str, ...]:
        """The plot without who, what and where: the kinds of its events, in order."""
        return tuple(event.kind for event in self.events)

    def trace(self) -> list[dict[str, Any]]:
        """What happened, event by event, and how it changed the state of the world."""
        return [
            {
                "kind": event.kind,
                "roles": {role: label(entity) for role, entity in event.roles.items()},
                "added": sorted(map(list, event.added)),
                "removed": sorted(map(list, event.removed)),
            }
            for event in self.events
        ]

    def states(self) -> Iterator[frozenset[tuple[str, ...]]]:
        """The facts that hold after each event."""
        facts: frozenset[tuple[str, ...]] = frozenset()
        for event in self.events:
            facts = (facts - event.removed) | event.added
            yield facts

    def to_json(self) -> dict[str, Any]:
        return {
            "story": self.text, "tags": list(self.tags), "tags_from": "world", "words": list(self.words),
            "summary": self.summary, "source": "world", "plot": self.plot, "seed": self.seed, "index": self.index,
            "trace": self.trace(),
        }  # fmt: skip


def write_story(seed: int, index: int, tags: Collection[Tag] | None = None) -> WorldStory:
    """Story `index` of `seed`: the same arguments give the same bytes.

    tags: exactly those that it shall have, and no others; None draws them by SHARES.
    """
    rng = random.Random(f"{seed} {index} {'any' if tags is None else ' '.join(ordered(set(tags)))}")
    asked = frozenset(tag for tag in SHARES if rng.random() < SHARES[tag]) if tags is None else frozenset(tags)
    for _ in range(_ATTEMPTS):
        plan = Plan(rng, asked)
        plot = rng.choice([plot for plot in PLOTS if plot.fits(plan)])
        plan.plot = plot.name
        plot.tell(plan)
        text = narrate(plan.events, rng, talk=plan.talk)
        if text is not None:
            break
    else:
        raise AssertionError(f"seed {seed}, story {index}: no telling in {_ATTEMPTS} attempts")
    true = tags_of(plan, text)
    assert true == asked, f"seed {seed}, story {index} ({plot.name}): {sorted(true)} are not {sorted(asked)}"
    return WorldStory(
        seed, index, text, tuple(ordered(set(true))), _words(plan, text), _summary(plan), plot.name, tuple(plan.events)
    )


def stories(count: int, seed: int, tags: Collection[Tag] | None = None) -> Iterator[WorldStory]:
    """The first `count` stories of `seed`."""
    return (write_story(seed, index, tags) for index in range(count))


def tags_of(plan: Plan, text: str) -> frozenset[Tag]:
    """The tags that are true of what happened and how it was told.

    A twist is an expectation that was reversed, foreshadowing a hint that was paid off, a bad ending a loss or a
    want that is still there at the end, a conflict somebody or something that stood in the way.
    """
    facts = plan.facts
    hero = label(plan.cast["a"])
    marks: dict[Tag, bool] = {
        "BadEnding": ("grief", hero) in facts,
        "Conflict": ("clash",) in facts,
        "Dialogue": '"' in text,
        "Foreshadowing": any(fact[0] == "paid" and ("planted", fact[1]) in facts for fact in facts),
        "MoralValue": any(fact[0] == "learned" for fact in facts),
        "Twist": ("turned",) in facts,
    }
    return frozenset(tag for tag, true in marks.items() if true)


def _words(plan: Plan, text: str) -> tuple[str, ...]:
    """A verb, a noun and an adjective that the story has."""
    said = set(re.findall(r"[a-z]+", text.lower()))
    verbs = [verb for verb, told in _VERBS.items() if told in said]
    thing = plan.cast.get("x", plan.cast.get("o"))
    hero = plan.cast["a"]
    assert isinstance(hero, Character)
    found = [plan.rng.choice(verbs)] if verbs else []
    place = plan.cast["p"]
    assert isinstance(place, Place)
    noun = thing.noun if isinstance(thing, Thing | Wish) else place.name
    found.append(noun.split()[-1])
    found += [hero.trait] if hero.trait in said else []
    return tuple(found)


def _summary(plan: Plan) -> str:
    good, bad = _summaries()[plan.plot]
    return capitals(summarise(bad if plan.bad else good, plan.cast))


@cache
def _summaries() -> dict[str, tuple[Phrase, Phrase]]:
    rows = (FOLDER / "words/summaries.txt").read_text(encoding="utf-8").splitlines()
    table = {}
    for row in rows:
        if row and not row.startswith("#"):
            name, good, bad = (cell.strip() for cell in row.split("|"))
            table[name] = (_phrase(good), _phrase(bad))
    return table


def _phrase(text: str) -> Phrase:
    return Phrase("summary", parse(text), False, False, "")
