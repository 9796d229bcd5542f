"""What a model can do: how often it finds the right one of a few likelier, task by task, beside an n-gram."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from tinystories.evaluation.choices import CHANCE, Chosen, ending_of_four, middle_of_five, names_swapped
from tinystories.evaluation.completion import share
from tinystories.evaluation.minimal import ABILITIES, Pair, pairs_of
from tinystories.evaluation.scoring import Scorer, continued
from tinystories.requests.formats import MIXED, Format
from tinystories.requests.mixed import StoryTokens
from tinystories.text.tokenizer import StoryTokenizer

PAIR_CHANCE: Final = 1 / 2


@dataclass(frozen=True)
class Judged:
    """A minimal pair and what both sides cost, in nats; it is right where the true side costs less."""

    pair: Pair
    nats_good: float
    nats_bad: float

    @property
    def right(self) -> bool:
        return self.nats_good < self.nats_bad

    def to_json(self) -> dict[str, Any]:
        values = {name: getattr(self.pair, name) for name in ("ability", "story_id", "context", "good", "bad")}
        return {**values, "nats_good": self.nats_good, "nats_bad": self.nats_bad, "right": self.right}


def make_pairs(texts: Mapping[str, str], most: int) -> list[Pair]:
    """At most `most` pairs of each ability from held-out stories (story_id -> text), one a story, in their order."""
    made = []
    for ability in ABILITIES:
        found = (pairs_of(ability, story_id, text) for story_id, text in texts.items())
        made += list(islice((pair for pair in found if pair is not None), most))
    return made


def judge_pairs(score: Scorer, tokenizer: StoryTokenizer, pairs: Sequence[Pair], context: int) -> list[Judged]:
    """Both sides of each pair, given the story so far; pairs that don't fit `context` are left out.

    What is compared is the whole rest of the sentence from the changed word on, as in BLiMP.
    """
    ids = [tokenizer.encode_many([getattr(pair, part) for pair in pairs]) for part in ("context", "good", "bad")]
    sides = [
        [continued(tokenizer, context_ids, side, pair.story_id) for side in (good, bad)]
        for pair, context_ids, good, bad in zip(pairs, *ids, strict=True)
    ]
    fits = [max(map(len, both)) <= context + 1 for both in sides]
    nats = iter(score([side for both, fit in zip(sides, fits, strict=True) if fit for side in both]))
    return [Judged(pair, next(nats), next(nats)) for pair, fit in zip(pairs, fits, strict=True) if fit]


def abilities(judged: Sequence[Judged], by_ngram: Sequence[Judged]) -> dict[str, dict[str, float]]:
    """Per ability the share of pairs that are right, with Wilson's interval, beside the n-gram's on the same pairs.

    {ability: {"pairs", "share", "share_low", "share_high", "ngram", "ngram_low", "ngram_high", "chance"}}
    """
    return {
        ability: _shares(
            [one.right for one in judged if one.pair.ability == ability],
            [one.right for one in by_ngram if one.pair.ability == ability],
            PAIR_CHANCE,
            "pairs",
        )
        for ability in ABILITIES
    }


def choose(
    score: Scorer, tokenizer: StoryTokenizer, stories: Sequence[StoryTokens], parts: Mapping[str, Mapping[str, Any]],
    context: int, form: Format = MIXED,
) -> dict[str, list[Chosen]]:  # fmt: skip
    """The three tasks of choosing on `stories`, asked in `form`; without the middles where that can't ask for them."""
    return {
        "middle_of_five": middle_of_five(score, tokenizer, stories, context, form),
        "ending_of_four": ending_of_four(score, tokenizer, stories, context),
        "names_swapped": names_swapped(score, tokenizer, stories, parts, context),
    }


def choosing(chosen: Mapping[str, Sequence[Chosen]], by_ngram: Mapping[str, Sequence[Chosen]]) -> dict[str, Any]:
    """Per task the share of stories with the right one chosen, as in `abilities`."""
    return {
        task: _shares([one.right for one in chosen[task]], [one.right for one in by_ngram[task]], chance, "stories")
        for task, chance in CHANCE.items()
    }


def _shares(own: Sequence[bool], ngram: Sequence[bool], chance: float, counted: str) -> dict[str, float]:
    one, other = share(own), share(ngram)
    return {
        counted: one["stories"],
        **{f"share{end}": one[f"share{end}"] for end in ("", "_low", "_high")},
        **{f"ngram{end}": other[f"share{end}"] for end in ("", "_low", "_high")},
        "chance": chance,
    }
