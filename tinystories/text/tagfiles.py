"""Files in, tags out: what `tinystories tag` does with stories, gold labels and labels to fit to."""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinystories.corpus.record import story_id
from tinystories.corpus.sources import find, read_stories
from tinystories.errors import RequestError, SourceError
from tinystories.files import write_text
from tinystories.text.fitted import HERE, NAMES
from tinystories.text.labels import measure, read_gold, read_labels, readers
from tinystories.text.tagger import Name, Tagger
from tinystories.text.tags import TAGS, Tag

Measured = dict[str, dict[Tag, dict[str, Any]]]  # model -> tag -> labels.measure's figures
_SHOWN = 5  # ids named in an error


@dataclass(frozen=True)
class Tagged:
    """A story's tags: `id` as in the label files, the story's first words, its tags."""

    id: str
    first_words: str
    tags: list[Tag]

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def tag_files(files: Sequence[Path], name: Name = "tagger") -> Iterator[Tagged]:
    """The tags of each story in `files`, any layout that is read here, in order.

    Raises SourceError, before the first story, for a file without stories.
    """
    for path in files:
        find(path)
    return _tagged(files, Tagger.load(name))


def measure_files(files: Sequence[Path], gold: Path) -> Measured:
    """Tagger and judge on the stories in `files` that have gold labels; readers_f1: the readers' own agreement.

    Raises SourceError if none has.
    """
    labels = read_gold(gold)
    stories = _texts(files, labels)
    if not stories:
        raise SourceError(
            f"{gold}: none of its {len(labels)} stories is in the files given; give the files they are from"
        )
    return {name: _beside_readers(measure(Tagger.load(name), stories, labels), gold) for name in NAMES}


def fit_files(labels: Sequence[Path], files: Sequence[Path], gold: Path | None = None, out: Path = HERE) -> Measured:
    """Fit tagger and judge to their halves of `labels`, with the texts from `files`; write both to the folder `out`.
    The first file of labels alone says how sure to be.

    With `gold` they are measured, and the JSON carries the figures. Returns them, empty without `gold`.
    Raises SourceError if a labelled story is not in `files`, or is in `gold` too; RequestError without scikit-learn.
    """
    _need_scikit_learn()
    from tinystories.text.fitting import fit

    own, tags, named = read_labels(labels[0]), read_labels(*labels), ", ".join(map(str, labels))
    true = {} if gold is None else read_gold(gold)
    if both := sorted(tags.keys() & true.keys()):
        raise SourceError(
            f"{gold}: {len(both)} of its stories are in {named} too ({_some(both)}); gold must not be fitted to"
        )
    stories = _texts(files, tags.keys() | true.keys())
    if missing := sorted(tags.keys() - stories.keys()):
        raise SourceError(f"{named}: {len(missing)} of its stories are not in the files given ({_some(missing)})")
    measured: Measured = {}
    for name in NAMES:
        tagger = fit(name, stories, own, tags)
        if gold is not None:
            measured[name] = _beside_readers(measure(tagger, stories, true), gold)
            tagger = dataclasses.replace(tagger, gold=measured[name])
        write_text(out / f"{name}.json", _one_entry_a_line(tagger.to_json()))
    return measured


def _beside_readers(measured: dict[Tag, dict[str, Any]], gold: Path) -> dict[Tag, dict[str, Any]]:
    agreed = readers(gold)
    return {tag: {**row, "readers_f1": agreed.get(tag)} for tag, row in measured.items()}


def _tagged(files: Sequence[Path], tagger: Tagger) -> Iterator[Tagged]:
    for path in files:
        for story in read_stories(path):
            yield Tagged(story_id(story.text), " ".join(story.text.split()[:6]), tagger.tags(story.text))


def _texts(files: Sequence[Path], wanted: Iterable[str]) -> dict[str, str]:
    """story_id -> text of the stories in `files` that are wanted; of copies the first."""
    identities = set(wanted)
    texts: dict[str, str] = {}
    for path in files:
        for story in read_stories(path):
            identity = story_id(story.text)
            if identity in identities:
                texts.setdefault(identity, story.text)
    return texts


def _need_scikit_learn() -> None:
    try:
        import sklearn  # noqa: F401
    except ImportError:
        raise RequestError("--fit needs scikit-learn: type `pip install scikit-learn`") from None


def _some(identities: Sequence[str]) -> str:
    return ", ".join(identities[:_SHOWN]) + (", ..." if len(identities) > _SHOWN else "")


def _one_entry_a_line(value: Mapping[str, Any]) -> str:
    """JSON whose differences can be read: an n-gram a line, an id a line."""
    return "{\n" + ",\n".join(f"{_compact(key)}:{_entries(value[key])}" for key in sorted(value)) + "\n}\n"


def _entries(value: Any) -> str:
    if isinstance(value, dict) and value:
        return "{\n" + ",\n".join(f"{_compact(key)}:{_compact(value[key])}" for key in sorted(value)) + "\n}"
    if isinstance(value, list) and len(value) > len(TAGS):
        return "[\n" + ",\n".join(map(_compact, value)) + "\n]"
    return _compact(value)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
