"""The shelf: saved stories in one SQLite file, each with its request, seed and model."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tinystories.errors import TinyStoriesError

VERSION: Final = 1
_TABLE: Final = """
create table if not exists stories (
    id text primary key, owner text not null, saved text not null, text text not null, request text not null,
    seed integer not null, model text not null, fingerprint text not null, met text not null, page text not null
) strict
"""


@dataclass(frozen=True)
class Saved:
    """A story on the shelf. request: what was asked for (JSON form). page: where its link leads ("write", "fill").

    model, fingerprint: the model's name and what it was trained from. edited texts keep their request.
    """

    text: str
    request: dict[str, Any]
    model: str
    fingerprint: str
    met: dict[str, bool]
    page: str = "write"
    saved: str = ""
    id: str = ""

    @property
    def key(self) -> str:
        return json.dumps([self.text, self.request, self.model, self.fingerprint], sort_keys=True)


class Shelf:
    """The stories of one owner; "" is whoever uses this computer. Every method raises TinyStoriesError in trouble."""

    def __init__(self, file: Path, owner: str = "") -> None:
        self.file, self.owner = file, owner

    def save(self, story: Saved, now: datetime | None = None) -> str:
        """Keep a story; its id. What is there already is not there twice."""
        identity = hashlib.sha256(f"{self.owner}\0{story.key}".encode()).hexdigest()[:16]
        when = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
        row = (
            identity, self.owner, when, story.text, json.dumps(story.request, ensure_ascii=False),
            int(story.request.get("seed", 0)), story.model, story.fingerprint, json.dumps(story.met), story.page,
        )  # fmt: skip
        with self._open() as database:
            database.execute("insert or ignore into stories values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        return identity

    def stories(self) -> list[Saved]:
        """All that is on it, newest first."""
        query = (
            "select text, request, model, fingerprint, met, page, saved, id from stories "
            "where owner = ? order by saved desc, rowid desc"
        )
        with self._open() as database:
            rows = database.execute(query, (self.owner,)).fetchall()
        return [Saved(row[0], json.loads(row[1]), row[2], row[3], json.loads(row[4]), *row[5:]) for row in rows]

    def has(self, story: Saved) -> bool:
        identity = hashlib.sha256(f"{self.owner}\0{story.key}".encode()).hexdigest()[:16]
        with self._open() as database:
            return database.execute("select 1 from stories where id = ?", (identity,)).fetchone() is not None

    def delete(self, identity: str) -> None:
        """Take a story from the shelf; another owner's stays."""
        with self._open() as database:
            database.execute("delete from stories where id = ? and owner = ?", (identity, self.owner))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.file, timeout=10)) as database, database:
                version = database.execute("pragma user_version").fetchone()[0]
                if version > VERSION:
                    raise TinyStoriesError(f"{self.file}: made by a newer version of tinystories; update this one")
                if version < VERSION:
                    database.execute(_TABLE)
                    database.execute(f"pragma user_version = {VERSION}")
                yield database
        except (sqlite3.Error, OSError) as error:
            raise TinyStoriesError(
                f"the shelf {self.file} can't be used ({error}): move the file away, or name another with --shelf"
            ) from None
