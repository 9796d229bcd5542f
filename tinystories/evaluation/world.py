"""Generated stories against the truth of the story world: whether they hold together, which tags they really have."""

from collections.abc import Sequence
from typing import Any

from tinystories.corpus.world.checker import check
from tinystories.corpus.world.reader import read
from tinystories.corpus.world.truth import read_tags
from tinystories.evaluation.asked import Asked
from tinystories.evaluation.completion import share
from tinystories.text.tags import TAGS


def world(asked: Sequence[Asked]) -> dict[str, Any]:
    """How far a model that learned from the world's stories keeps to its language and its rules.

    consistent: share of all stories that replay in the world from beginning to end without a contradiction, with
    Wilson's interval; in_the_language: share whose every sentence the world's language has; sentences: share of
    sentences that it has. adherence: {tag: {"requested", "unconditional"}}, the share of the stories asked for the
    tag and of those asked for nothing that have it by what they say happened: no judge's error to correct for.
    A share of nothing is nan.
    """
    told = [read(one.story.text) for one in asked]
    readable = [[bool(sentence.clauses) for sentence in sentences] for sentences in told]
    whole = share(not check(one.story.text) for one in asked)
    true = [read_tags(one.story.text) for one in asked]
    return {
        "stories": len(asked),
        **{f"consistent{end}": whole[f"share{end}"] for end in ("", "_low", "_high")},
        "in_the_language": share(bool(sentences) and all(sentences) for sentences in readable)["share"],
        "sentences": share(found for sentences in readable for found in sentences)["share"],
        "adherence": {
            str(tag): {
                name: share(tag in tags for one, tags in zip(asked, true, strict=True) if one.tag == wanted)["share"]
                for name, wanted in (("requested", tag), ("unconditional", None))
            }
            for tag in TAGS
        },
    }
