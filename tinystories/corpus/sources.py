"""Where stories come from: the package's sample, files, the hub; the one reader of all of them."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

from tinystories.corpus.layouts import PLAIN, READERS, STORY_BYTES, is_one_story, recognise
from tinystories.corpus.raw import RawStory
from tinystories.errors import SourceError

SAMPLE: Final = Path(__file__).parent / "sample"

# plain text has no mark of its own: in a folder its name must say that it may be stories
_PLAIN_SUFFIXES = ("", ".txt", ".text")
_ABOUT_THE_FOLDER = ("README", "LICENSE", "LICENCE", "COPYING", "NOTICE", "CHANGELOG")


@dataclass(frozen=True)
class Part:
    """Some of a source's stories: a file, a folder with one story a file, a split of a data set."""

    name: str
    layout: str
    read: Callable[[], Iterator[RawStory]]


@dataclass(frozen=True)
class Source:
    """parts in reading order; without_stories: (name, reason) of files that were left out;
    commit: of a hub data set, None elsewhere."""

    parts: tuple[Part, ...]
    without_stories: tuple[tuple[str, str], ...] = ()
    commit: str | None = None


def read_stories(path: Path) -> Iterator[RawStory]:
    """The stories of a file or folder in any layout known here (recognised by content), in order.

    Raises SourceError where there are none, ValidationError where text is not UTF-8.
    """
    for part in find(path).parts:
        yield from part.read()


def find(path: Path) -> Source:
    """The files with stories at `path`: recognised, not yet read. Raises as `read_stories`."""
    if path.is_dir():
        source = _folder(path)
    elif path.is_file():
        source = _file(path)
    else:
        raise SourceError(f"no file or folder {path}; check the path")
    if not source.parts:
        named = "; ".join(f"{name}: {reason}" for name, reason in source.without_stories[:5])
        raise SourceError(f"{path}: no stories in it ({named or 'no files'}); see README for the layouts that are read")
    return source


def from_path(given: str, root: Path) -> Source:
    """As `find`, for params.yaml's source.path: relative to `root`, or absolute."""
    path = root / Path(given).expanduser()
    if not path.exists():
        raise SourceError(
            f"source.path: no file or folder {given} (seen from {root}); "
            "queued and temporary experiments need an absolute path to what is outside the project"
        )
    return find(path)


def sample(count: int, seed: int) -> Source:
    """The hand-written stories of the package, and `count` stories of the simulated world."""
    written = find(SAMPLE)
    if not count:
        return written
    return Source(
        (*written.parts, Part("world", "simulated", partial(_simulated, count, seed))), written.without_stories
    )


def _simulated(count: int, seed: int) -> Iterator[RawStory]:
    from tinystories.corpus.world.story import stories

    for story in stories(count, seed):
        yield RawStory(
            story.text, tags=story.tags, tags_from="world", words=story.words, summary=story.summary, source="world"
        )


def _file(path: Path) -> Source:
    found = recognise(path)
    if found.layout is None:
        return Source((), ((path.name, found.reason),))
    return Source((_part(path, path.name, _alone(path) if found.layout == PLAIN else found.layout),))


def _alone(path: Path) -> str:
    return "one story a file" if is_one_story(path) else "one story a line"


def _part(path: Path, name: str, layout: str) -> Part:
    return Part(name, layout, partial(READERS[layout], path, name))


def _folder(folder: Path) -> Source:
    """Every file below, by name. Plain text: a story a file where a folder has several short ones."""
    parts: list[Part] = []
    without: list[tuple[str, str]] = []
    plain: dict[Path, list[Path]] = defaultdict(list)
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        if path.name.startswith("."):
            without.append((name, "hidden"))
            continue
        if path.stem.upper() in _ABOUT_THE_FOLDER:
            without.append((name, "about the folder, by its name"))
            continue
        found = recognise(path)
        if found.layout is None:
            without.append((name, found.reason))
        elif found.layout != PLAIN:
            parts.append(_part(path, name, found.layout))
        elif path.suffix.lower() in _PLAIN_SUFFIXES:
            plain[path.parent].append(path)
        else:
            without.append((name, "plain text, but not named .txt"))
    for parent, paths in plain.items():
        if len(paths) > 1 and median(path.stat().st_size for path in paths) <= STORY_BYTES:
            name = parent.relative_to(folder).as_posix()
            parts.append(Part(name, "one story a file", partial(_each_a_story, folder, paths)))
        else:
            parts += [_part(path, path.relative_to(folder).as_posix(), _alone(path)) for path in paths]
    return Source(tuple(sorted(parts, key=lambda part: part.name)), tuple(without))


def _each_a_story(folder: Path, paths: list[Path]) -> Iterator[RawStory]:
    for path in paths:
        yield from READERS["one story a file"](path, path.relative_to(folder).as_posix())


def _files(folder: Path) -> Iterator[Path]:
    """Files below, in the order of their names; a hidden folder as if it were one file."""
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if path.is_dir() and not path.name.startswith("."):
            yield from _files(path)
        else:
            yield path
