"""Writing that a crash can't leave half done: a temporary name, then a rename."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success rename it to `path`.

    Parent folders are made. If the block raises, nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with \\n line ends, atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Mapping[str, Any] | list[Any]) -> None:
    """Write JSON, keys sorted and floats as they are, atomically.

    Raises ValueError for NaN or infinity: a metric without a value is null.
    """
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def fingerprint(*parts: Path | str) -> str:
    """First 16 hex digits of sha256 over files' bytes and strings, in the order given.

    A folder stands for its files, sorted by relative name, names included.
    """
    digest = hashlib.sha256()
    for part in parts:
        files = [part] if isinstance(part, str) or part.is_file() else sorted(p for p in part.rglob("*") if p.is_file())
        for file in files:
            if isinstance(file, str):
                digest.update(b"s" + file.encode() + b"\0")
                continue
            name = file.name if file == part else str(file.relative_to(part))
            digest.update(b"f" + name.encode() + b"\0")
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:16]
