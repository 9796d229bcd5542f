"""Data sets of the Hugging Face hub, at a commit that is looked up once and kept.

`datasets` itself, when the hub can't be reached, takes whatever commit it finds in its cache; here the
files of exactly the pinned commit are fetched (or found) first and read in that local folder.
"""

import os
import re
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from tinystories.corpus.bytes import Content
from tinystories.corpus.layouts import PLAIN, READERS, recognise
from tinystories.corpus.packed import unpacked
from tinystories.corpus.raw import NO_HINTS, Hints, RawStory
from tinystories.corpus.sources import Part, Source, find
from tinystories.errors import SourceError
from tinystories.files import read_json, write_json

_DATA: Final = ["README.md", "*.parquet"]
_SAVED: Final = ("dataset_dict.json", "state.json")  # what save_to_disk leaves beside the Arrow files
_TIMEOUT: Final = 20.0  # seconds to wait for the hub's answer
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_OTHERWISE: Final = (
    "download it on a machine that can (hf download {name} --repo-type dataset --include '*.parquet' --local-dir "
    "FOLDER), bring the folder here and set source.kind=files and source.path=FOLDER"
)


def open_dataset(name: str, root: Path, pins: Path, hints: Hints = NO_HINTS) -> Source:
    """All splits of a hub data set, or of a local folder in the hub's layout (README.md, data/*.parquet) or as
    `datasets` saves one (Arrow files).

    name: "owner/name", or a folder, relative to `root` or absolute. A hub data set's commit is written
    into `pins` ({name: commit}) at the first use and taken from there afterwards; a folder has none.
    Raises SourceError, saying what to do, if the hub or the data set can't be reached.
    """
    _be_quiet()
    folder = root / Path(name).expanduser()
    if folder.is_dir():
        if any((folder / file).is_file() for file in _SAVED):
            return find(folder, hints)
        return Source(_splits(folder, folder.resolve().name, hints))
    if name.startswith((".", "/", "~")) or name.count("/") != 1:
        raise SourceError(f"source.dataset: {name!r} is neither a folder nor owner/name of a hub data set")
    commit = _pinned(name, pins) or _look_up(name, pins)
    return Source(_splits(_fetch(name, commit), name, hints), commit=commit)


def _be_quiet() -> None:
    """No telemetry; progress bars for people only. Has to come before the hub's modules are imported."""
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["HF_UPDATE_DOWNLOAD_COUNTS"] = "0"
    if not sys.stderr.isatty():
        os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"


def _pinned(name: str, pins: Path) -> str | None:
    commit = read_json(pins).get(name) if pins.is_file() else None
    if commit is not None and not _COMMIT.fullmatch(str(commit)):
        raise SourceError(f"{pins}: {name}: {commit!r} is no commit (40 hex digits); take the line out to pin it anew")
    return commit


def _look_up(name: str, pins: Path) -> str:
    try:
        commit = _ask(name, None)
    except _UnreachableError as error:
        raise SourceError(f"{error} to look up its commit; " + _OTHERWISE.format(name=name)) from None
    if commit is None or not _COMMIT.fullmatch(commit):
        raise SourceError(f"source.dataset: the hub names no commit of {name} (it answers {commit!r}); try again later")
    write_json(pins, {**(read_json(pins) if pins.is_file() else {}), name: commit})
    return commit


def _fetch(name: str, commit: str) -> Path:
    """The folder with the data set's files at exactly this commit: from the hub, else from its cache."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HTTPError  # type: ignore[attr-defined]  # of its HTTP library

    unreachable = ""
    try:
        _ask(name, commit)  # fails at once where a download would try again and again
    except _UnreachableError as error:
        unreachable = f"{error}; "
    try:
        folder = snapshot_download(
            name, repo_type="dataset", revision=commit, allow_patterns=_DATA, local_files_only=bool(unreachable)
        )
    except HfHubHTTPError as error:
        raise _refused(name, error) from None
    except (HTTPError, OSError) as error:
        reason = unreachable or f"source.dataset: the download stopped ({_one_line(error)}); "
        raise SourceError(
            f"{reason}the cache has not all files of the pinned commit {commit[:12]}; " + _OTHERWISE.format(name=name)
        ) from None
    return Path(folder)


class _UnreachableError(SourceError):
    pass


def _ask(name: str, revision: str | None) -> str | None:
    """The commit that the hub gives for a revision, None = the newest. Raises _UnreachableError without a network,
    SourceError if the hub knows no such data set."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HTTPError  # type: ignore[attr-defined]  # of its HTTP library

    try:
        return HfApi().dataset_info(name, revision=revision, timeout=_TIMEOUT).sha
    except HfHubHTTPError as error:
        raise _refused(name, error) from None
    except (HTTPError, OSError) as error:
        raise _UnreachableError(f"source.dataset: the hub can't be reached for {name} ({_one_line(error)})") from None


def _refused(name: str, error: Exception) -> SourceError:
    return SourceError(
        f"source.dataset: the hub refuses {name} ({_one_line(error)}); check the spelling, and log in "
        "(hf auth login) if it is private or gated"
    )


def _splits(folder: Path, name: str, hints: Hints) -> tuple[Part, ...]:
    """The splits of a folder in the hub's layout: `datasets` knows their files, and these are read here as streams."""
    import datasets

    try:
        files = datasets.load_dataset_builder(str(folder)).config.data_files or {}
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise SourceError(
            f"source.dataset: {name} can't be read as a data set ({_one_line(error)}); "
            "a folder needs data/*.parquet, a hub data set one configuration"
        ) from None
    splits = {str(split): [_content(name, Path(file), hints) for file in files[split]] for split in sorted(files)}
    return tuple(
        Part(f"{name} ({split})", "hub", partial(_rows, contents, name, hints)) for split, contents in splits.items()
    )


def _content(name: str, path: Path, hints: Hints) -> tuple[Content, str]:
    """A file of a split and its layout."""
    content = unpacked(path)
    found = recognise(content, hints)
    if found.layout is None:
        raise SourceError(f"source.dataset: {name}: {path.name}: {found.reason}; name the text's one in source.column")
    return content, "one story a line" if found.layout == PLAIN else found.layout


def _rows(contents: list[tuple[Content, str]], name: str, hints: Hints) -> Iterator[RawStory]:
    for content, layout in contents:
        yield from READERS[layout](content, name, hints)


def _one_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
