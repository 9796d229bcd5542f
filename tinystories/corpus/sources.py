"""Where stories come from: the package's sample, files, the hub; the one reader of all of them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from statistics import median
from typing import Final

from tinystories.corpus.bytes import Content, unreadable
from tinystories.corpus.layouts import PLAIN, READERS, STORY_BYTES, is_one_story, recognise
from tinystories.corpus.packed import is_tar, members, unpacked
from tinystories.corpus.raw import NO_HINTS, Hints, RawStory
from tinystories.errors import SourceError

SAMPLE: Final = Path(__file__).parent / "sample"

# plain text has no mark of its own: in a folder its name must say that it may be stories
_PLAIN_SUFFIXES = ("", ".txt", ".text")
_PACKED_SUFFIXES = (".gz", ".zst")
_ARCHIVE = "archive"
_NO_LINE: Final = "a name that is no line of UTF-8 text; give it another one"
_ABOUT_THE_FOLDER = ("README", "LICENSE", "LICENCE", "COPYING", "NOTICE", "CHANGELOG")


@dataclass(frozen=True)
class Part:
    """Some of a source's stories: a file, an archive, a folder with one story a file, a split of a data set."""

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


@dataclass(frozen=True)
class _File:
    """A file in a folder or an archive. left_out: why there are no stories in it, None if there are."""

    name: str
    size: int
    layout: str | None
    left_out: str | None = None
    one_story: bool = False


def read_stories(path: Path, hints: Hints = NO_HINTS) -> Iterator[RawStory]:
    """The stories of a file or folder in any layout known here (recognised by content), in order.

    Raises SourceError where there are none, ValidationError where text is not UTF-8.
    """
    for part in find(path, hints).parts:
        yield from part.read()


def find(path: Path, hints: Hints = NO_HINTS) -> Source:
    """The files with stories at `path`: recognised, not yet read. Raises as `read_stories`."""
    if (spelled := in_one_line(str(path))) != str(path):
        raise SourceError(f"{spelled}: {_NO_LINE}")
    if path.is_dir():
        source = _folder(path, hints)
    elif path.exists():
        source = _file(path, hints)
    else:
        raise SourceError(f"no file or folder {path}; check the path")
    if not source.parts:
        named = "; ".join(f"{name}: {reason}" for name, reason in source.without_stories[:5])
        raise SourceError(f"{path}: no stories in it ({named or 'no files'}); see README for the layouts that are read")
    return source


def in_one_line(name: str) -> str:
    r"""The name as errors and metrics can have it: line breaks, other controls and bytes that are not UTF-8 as "\n"."""
    return "".join(
        ascii(c)[1:-1] if ord(c) < 32 or c in "\x7f\x85\u2028\u2029" or 0xD800 <= ord(c) < 0xE000 else c for c in name
    )


def from_path(given: str, root: Path, hints: Hints = NO_HINTS) -> Source:
    """As `find`, for params.yaml's source.path: relative to `root`, or absolute."""
    path = root / Path(given).expanduser()
    if not path.exists():
        raise SourceError(
            f"source.path: no file or folder {in_one_line(given)} (seen from {root}); "
            "queued and temporary experiments need an absolute path to what is outside the project"
        )
    return find(path, hints)


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


def _file(path: Path, hints: Hints) -> Source:
    file, content = _known(path, path.name, hints)
    if content is None or file.left_out is not None:
        return Source((), ((file.name, file.left_out or ""),))
    if file.layout == _ARCHIVE:
        return _archive(content, file.name, hints)
    return Source((_part(content, file, _alone(file), hints),))


def _folder(folder: Path, hints: Hints) -> Source:
    """Every file below, by name. Plain text: a story a file where a folder has several short ones."""
    files: list[_File] = []
    contents: dict[str, Content] = {}
    parts: list[Part] = []
    without: list[tuple[str, str]] = []
    for path, reason in _files(folder, (folder.resolve(),)):
        name = path.relative_to(folder).as_posix()
        if reason is not None:
            files.append(_File(in_one_line(name), 0, None, reason))
            continue
        file, content = _known(path, name, hints)
        if content is not None and file.layout == _ARCHIVE:
            archive = _archive(content, name, hints)
            parts += archive.parts
            without += archive.without_stories
            continue
        files.append(file)
        if content is not None:
            contents[name] = content
    singles = _stories_a_file(files)
    for file in files:
        if file.left_out is not None:
            without.append((file.name, file.left_out))
        elif file.name not in singles:
            parts.append(_part(contents[file.name], file, _alone(file), hints))
    for parent, group in _by_folder(file for file in files if file.name in singles).items():
        of = [(contents[file.name], file.name) for file in group]
        parts.append(Part(parent, "one story a file", partial(_each_a_story, of, hints)))
    return Source(tuple(sorted(parts, key=lambda part: part.name)), tuple(sorted(without)))


def _archive(content: Content, name: str, hints: Hints) -> Source:
    """An archive's files as one part, read in its order and in one go."""
    files = [_member(inner, member, size, hints) for member, size, inner in members(content)]
    singles = _stories_a_file(files)
    layouts = {file.name: "one story a file" if file.name in singles else _alone(file) for file in files}
    without = tuple((f"{name}: {file.name}", file.left_out) for file in files if file.left_out is not None)
    found = {file.name: layouts[file.name] for file in files if file.left_out is None}
    if not found:
        return Source((), without or ((name, "an archive without files"),))
    kinds = ", ".join(sorted(set(found.values())))
    return Source((Part(name, f"archive of: {kinds}", partial(_archived, content, name, found, hints)),), without)


def _archived(content: Content, name: str, layouts: dict[str, str], hints: Hints) -> Iterator[RawStory]:
    for member, _, inner in members(content):
        if member in layouts:
            yield from READERS[layouts[member]](inner, f"{name}: {member}", hints)


def _known(path: Path, name: str, hints: Hints) -> tuple[_File, Content | None]:
    """What a file on the disk is, and its content if it may have stories."""
    if (spelled := in_one_line(name)) != name:
        return _File(spelled, 0, None, _NO_LINE), None
    if not path.is_file():
        return _File(name, 0, None, "a link to nothing, or no regular file"), None
    content = unpacked(path)
    if is_tar(content.head()):
        return _File(name, 0, _ARCHIVE), content
    return _described(content, name, path.stat().st_size, hints), content


def _member(content: Content, name: str, size: int, hints: Hints) -> _File:
    """As `_known`, of a file in an archive."""
    if (spelled := in_one_line(name)) != name:
        return _File(spelled, size, None, _NO_LINE)
    return _described(content, name, size, hints)


def _described(content: Content, name: str, size: int, hints: Hints) -> _File:
    path = PurePosixPath(name)
    if any(part.startswith(".") and part != "." for part in path.parts):
        return _File(name, size, None, "hidden")
    if path.name.split(".")[0].upper() in _ABOUT_THE_FOLDER:
        return _File(name, size, None, "about the folder, by its name")
    found = recognise(content, hints)
    if found.layout is None:
        return _File(name, size, None, found.reason)
    if found.layout == PLAIN:
        suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in _PACKED_SUFFIXES]
        if (suffixes[-1] if suffixes else "") not in _PLAIN_SUFFIXES:
            return _File(name, size, None, "plain text, but not named .txt")
        return _File(name, size, PLAIN, one_story=is_one_story(content.head()))
    return _File(name, size, found.layout)


def _alone(file: _File) -> str:
    if file.layout == PLAIN:
        return "one story a file" if file.one_story else "one story a line"
    return file.layout or ""


def _part(content: Content, file: _File, layout: str, hints: Hints) -> Part:
    return Part(file.name, layout, partial(READERS[layout], content, file.name, hints))


def _stories_a_file(files: list[_File]) -> set[str]:
    """Names of the plain texts that are a story each: those of folders with several short ones."""
    found = _by_folder(file for file in files if file.layout == PLAIN)
    short = (group for group in found.values() if len(group) > 1 and median(f.size for f in group) <= STORY_BYTES)
    return {file.name for group in short for file in group}


def _by_folder(files: Iterable[_File]) -> dict[str, list[_File]]:
    groups: dict[str, list[_File]] = defaultdict(list)
    for file in files:
        groups[str(PurePosixPath(file.name).parent)].append(file)
    return groups


def _each_a_story(files: list[tuple[Content, str]], hints: Hints) -> Iterator[RawStory]:
    for content, name in files:
        yield from READERS["one story a file"](content, name, hints)


def _files(folder: Path, above: tuple[Path, ...]) -> Iterator[tuple[Path, str | None]]:
    """Files below, in the order of their names, each with why it is left out, or None; a hidden folder as if it
    were one file. above: this folder and those it is in, so that a link back to one of them ends there."""
    try:
        entries = sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError as error:
        raise unreadable(folder, error) from None
    for path in entries:
        if path.name.startswith("."):
            yield path, "hidden"
        elif not path.is_dir():
            yield path, None
        elif (real := path.resolve()) in above:
            yield path, "a link back to a folder that it is in"
        else:
            yield from _files(path, (*above, real))
