"""Choosing by likelihood: the middle of five, the ending of four, the ending whose names are not swapped."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from tinystories.evaluation.names import names_of
from tinystories.evaluation.scoring import Scorer, continued
from tinystories.requests.example import Example
from tinystories.requests.formats import MIXED, Format
from tinystories.requests.mixed import Controls, StoryTokens
from tinystories.text.tokenizer import StoryTokenizer

Task = Literal["middle_of_five", "ending_of_four", "names_swapped"]

MIDDLES: Final = 5
ENDINGS: Final = 4
CHANCE: Final[dict[Task, float]] = {
    "middle_of_five": 1 / MIDDLES,
    "ending_of_four": 1 / ENDINGS,
    "names_swapped": 1 / 2,
}


@dataclass(frozen=True)
class Chosen:
    """What was chosen for one story; nats (n,) of the candidates, the right one first, as they were compared."""

    story_id: str
    right: bool
    nats: tuple[float, ...]


def middle_of_five(
    score: Scorer, tokenizer: StoryTokenizer, stories: Sequence[StoryTokens], context: int, form: Format = MIXED
) -> list[Chosen]:
    """Each story's own middle among five, given its first and its last sentence, in the infilling form.

    The others are the middles of the next four stories. Middles differ in length and in how
    surprising they are anywhere, so what is compared is how much likelier a middle is here than
    on average between the five pairs of sentences that it is tried with (its pointwise mutual
    information with them; Holtzman et al. 2021, "Surface form competition"). No story where
    there are fewer than five, and none in a format that can't say how a story is to end.
    """
    if "last" not in form.carries:
        return []
    room = context * 3 // 4

    def told(here: StoryTokens, other: StoryTokens) -> Example:
        return form.between(tokenizer, _with_middle(here, other), Controls())

    def fits(story: StoryTokens) -> bool:
        rest = len(told(story, story)) - len(story.middle)
        return 0 < len(story.middle) <= room and rest <= context + 1 - room

    usable = [story for story in stories if story.infillable and fits(story)]

    def example(here: StoryTokens, other: StoryTokens) -> Example:
        whole = told(here, other)
        mask = whole.loss_mask.copy()
        mask[-1] = False  # <eos> is no word of the middle
        return Example(whole.ids, mask, here.story_id)

    return _among(score, usable, MIDDLES, example)


def ending_of_four(
    score: Scorer, tokenizer: StoryTokenizer, stories: Sequence[StoryTokens], context: int
) -> list[Chosen]:
    """Each story's own last sentence among four, after all that comes before it, in the plain form.

    The others are the last sentences of the next three stories; compared as in `middle_of_five`.
    """
    room = context * 3 // 4
    usable = [
        s for s in stories if s.infillable and len(s.first) + len(s.middle) <= room and len(s.last) <= context - room
    ]
    return _among(
        score, usable, ENDINGS,
        lambda here, other: continued(tokenizer, [*here.first, *here.middle], other.last, here.story_id),
    )  # fmt: skip


def names_swapped(
    score: Scorer, tokenizer: StoryTokenizer, stories: Sequence[StoryTokens], parts: Mapping[str, Mapping[str, Any]],
    context: int,
) -> list[Chosen]:  # fmt: skip
    """The last sentence as it is against the same with two characters' names exchanged.

    parts: story_id -> {"text", "last"}. Of stories that name at least two characters before the last
    sentence and one of them in it; the other name is the one most often told of.
    """
    examples, ids = [], []
    for story in stories:
        swapped = swap_names(parts[story.story_id]["text"], parts[story.story_id]["last"]) if story.infillable else None
        if swapped is None:
            continue
        given = [*story.first, *story.middle]
        both = [continued(tokenizer, given, last, story.story_id) for last in (story.last, tokenizer.encode(swapped))]
        if max(map(len, both)) <= context + 1:
            examples += both
            ids.append(story.story_id)
    nats = score(examples)
    return [Chosen(i, a < b, (a, b)) for i, a, b in zip(ids, nats[::2], nats[1::2], strict=True)]


def swap_names(text: str, last: str) -> str | None:
    """`last`, the end of `text`, with a name in it exchanged for another character's; None where that isn't wrong.

    It isn't where both names stand side by side ("Tom and Sue went home").
    """
    before = text[: len(text) - len(last)]
    known = [name for name in names_of(text) if re.search(rf"\b{name}\b", before)]
    here = [name for name in known if re.search(rf"\b{name}\b", last)]
    others = sorted((name for name in known if name != here[0]), key=lambda n: -names_of(text)[n]) if here else []
    if not others:
        return None
    one, other = here[0], others[0]
    if re.search(rf"\b{one},? (?:and|or) {other}\b|\b{other},? (?:and|or) {one}\b", last):
        return None
    return re.sub(rf"\b(?:{one}|{other})\b", lambda match: other if match.group() == one else one, last)


def _among(
    score: Scorer, stories: Sequence[StoryTokens], count: int, example: Callable[[StoryTokens, StoryTokens], Example]
) -> list[Chosen]:
    """example(here, other): another story's piece where this story's own belongs; `count` pieces are tried here."""
    size = len(stories)
    if size < count:
        return []
    nats_SK = np.reshape(
        score([example(here, stories[(s + k) % size]) for s, here in enumerate(stories) for k in range(count)]),
        (size, count),
    )
    compared_SK = nats_SK - mean_tried(nats_SK)
    return [
        Chosen(story.story_id, bool(row[0] < row[1:].min()), tuple(map(float, row)))
        for story, row in zip(stories, compared_SK, strict=True)
    ]


def mean_tried(nats_SK: NDArray[np.float64]) -> NDArray[np.float64]:
    """(S, K) mean nats, over the K stories that it was tried in, of each piece: [s, k] is piece s + k in story s."""
    size, count = nats_SK.shape
    mean_S = np.mean([np.roll(nats_SK[:, k], k) for k in range(count)], axis=0)
    return np.stack([np.roll(mean_S, -k) for k in range(count)], axis=1).reshape(size, count)


def _with_middle(here: StoryTokens, other: StoryTokens) -> StoryTokens:
    return replace(here, middle=other.middle)
