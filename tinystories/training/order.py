"""Which stories are trained on, in which form and in which batch: a pure function of the seed.

An epoch is a permutation of the stories (or of whatever is learned from), taken in pools. Within a pool
rows of like length go together, and the batches are shuffled. So any place in training can be found
again from three numbers.
"""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tinystories.requests.example import Example, windows
from tinystories.requests.formats import MIXED, Format
from tinystories.requests.mixed import StoryTokens, Weights
from tinystories.text.tokenizer import StoryTokenizer
from tinystories.training.batches import Batch, collate, padded_length

POOL = 8192  # stories


@dataclass(frozen=True)
class Place:
    """The next batch: number `batch` of pool `pool` of epoch `epoch`."""

    epoch: int = 0
    pool: int = 0
    batch: int = 0


class Walk(ABC):
    """Batches of examples, without end. What there is to learn from is numbered from 0 to `count`."""

    context: int
    batch_tokens: int
    seed: int

    @property
    @abstractmethod
    def count(self) -> int: ...

    @abstractmethod
    def pieces(self, i: int, epoch: int) -> list[Example]:
        """Number `i` in the form of this epoch, cut to fit the context."""

    @property
    def pools(self) -> int:
        return -(-self.count // POOL)

    def examples(self, epoch: int, pool: int) -> list[Example]:
        """All pieces of the pool."""
        order = np.random.default_rng([self.seed, epoch]).permutation(self.count)
        return [piece for i in order[pool * POOL : (pool + 1) * POOL] for piece in self.pieces(int(i), epoch)]

    def batches(self, epoch: int, pool: int) -> list[Batch]:
        """The pool's batches, each of about `batch_tokens` positions, in the order of training."""
        by_length: dict[int, list[Example]] = defaultdict(list)
        for example in self.examples(epoch, pool):
            by_length[padded_length(example, self.context)].append(example)
        batches, left = [], list[Example]()
        lengths = sorted(by_length)
        for length in lengths:
            waiting = left + by_length[length]  # what filled no batch goes with the next longer ones
            rows = max(1, self.batch_tokens // length)
            full = len(waiting) // rows * rows
            batches += [collate(waiting[i : i + rows], length) for i in range(0, full, rows)]
            left = waiting[full:]
        if left:
            batches.append(collate(left, lengths[-1], max(1, self.batch_tokens // lengths[-1])))
        shuffled = np.random.default_rng([self.seed, epoch, pool, 1]).permutation(len(batches))
        return [batches[int(i)] for i in shuffled]

    def walk(self, place: Place) -> Iterator[tuple[Batch, Place]]:
        """Batches from `place` on, without end, each with the place after it."""
        epoch, pool, skip = place.epoch, place.pool, place.batch
        while True:
            batches = self.batches(epoch, pool)
            for n in range(skip, len(batches)):
                done = n + 1 == len(batches)
                following = pool + 1 if done else pool
                after = Place(epoch + following // self.pools, following % self.pools, 0 if done else n + 1)
                yield batches[n], after
            epoch, pool, skip = epoch + (pool + 1) // self.pools, (pool + 1) % self.pools, 0

    def per_epoch(self) -> tuple[float, float]:
        """(batches, input tokens without padding) of an epoch; from the first pool, exact if it is the only one."""
        batches = self.batches(0, 0)
        scale = self.count / min(POOL, self.count)
        tokens = sum(len(example) - 1 for batch in batches for example in batch.examples)
        return len(batches) * scale, tokens * scale


@dataclass(frozen=True)
class Order(Walk):
    """Stories, each in the form drawn for it in this epoch."""

    stories: Sequence[StoryTokens]
    tokenizer: StoryTokenizer
    weights: Weights
    context: int
    batch_tokens: int
    seed: int
    form: Format = MIXED

    @property
    def count(self) -> int:
        return len(self.stories)

    def pieces(self, i: int, epoch: int) -> list[Example]:
        story = self.stories[i]
        rng = np.random.default_rng([self.seed, epoch, int(story.story_id, 16)])
        # a row holds all but the last token
        example = self.form.draw(self.tokenizer, story, self.weights, self.context + 1, rng)
        return windows(example, self.context + 1)
