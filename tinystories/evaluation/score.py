"""How well a model knows the stories of some files: nats per story, per token, bits per byte."""

import math
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import TypedDict

from tinystories.corpus.sources import read_stories
from tinystories.errors import SourceError
from tinystories.evaluation.intervals import mean_interval
from tinystories.generation.story_model import StoryModel


class FilesScore(TypedDict):
    """interval: 95 % of nats_per_story, null for a single story. empty: stories without text, not scored."""

    nats_per_story: float
    interval: tuple[float, float] | None
    nats_per_token: float
    bits_per_byte: float
    stories: int
    bytes: int
    empty: int


def score_files(files: Iterable[Path], model: StoryModel) -> FilesScore:
    """Score every story of the files, in any layout that `source.kind: files` reads.

    Each is scored as a whole story in the plain form: its text and <eos>. Raises SourceError where
    a file can't be read, or holds nothing but empty stories.
    """
    paths = list(files)
    texts = [story.text for story in chain.from_iterable(read_stories(path) for path in paths)]
    told = [text for text in texts if text.strip()]
    if not told:
        raise SourceError(f"{', '.join(map(str, paths))}: no story with text in it; name a file of stories")
    scores = model.score(told)
    nats = [score.nats for score in scores]
    size = sum(score.bytes for score in scores)
    return FilesScore(
        nats_per_story=sum(nats) / len(nats),
        interval=mean_interval(nats) if len(nats) > 1 else None,
        nats_per_token=sum(nats) / sum(score.tokens for score in scores),
        bits_per_byte=sum(nats) / math.log(2) / size,
        stories=len(told),
        bytes=size,
        empty=len(texts) - len(told),
    )
