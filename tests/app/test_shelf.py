"""The shelf keeps every word, keeps owners apart, and says in one line what is wrong with its file."""

import sqlite3
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tinystories.app.shelf import Saved, Shelf
from tinystories.app.texts import title
from tinystories.errors import TinyStoriesError

STORY = Saved(
    "Tom\nhad “a” <b>kite</b> 🦦.", {"seed": 7, "index": 0, "tags": ["Twist"]}, "current", "ab12", {"tag:Twist": True}
)


def test_a_story_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "new/folder/shelf.sqlite")
    identity = shelf.save(STORY, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    [found] = Shelf(tmp_path / "new/folder/shelf.sqlite").stories()
    assert found == replace(STORY, saved="2026-01-02T03:04:05Z", id=identity)
    assert shelf.has(STORY) and not shelf.has(replace(STORY, text="Another."))


def test_the_newest_stands_first_and_saving_twice_adds_nothing(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf.sqlite")
    for day in (1, 3, 2):
        shelf.save(replace(STORY, text=f"Day {day}."), datetime(2026, 1, day, tzinfo=UTC))
    shelf.save(replace(STORY, text="Day 1."), datetime(2026, 2, 1, tzinfo=UTC))
    assert [story.text for story in shelf.stories()] == ["Day 3.", "Day 2.", "Day 1."]


def test_nobody_sees_or_deletes_what_is_anothers(tmp_path: Path) -> None:
    ann, bob = Shelf(tmp_path / "shelf.sqlite", "ann"), Shelf(tmp_path / "shelf.sqlite", "bob")
    identity = ann.save(STORY)
    assert bob.stories() == [] and not bob.has(STORY)
    bob.delete(identity)
    assert len(ann.stories()) == 1
    bob.save(STORY)
    ann.delete(identity)
    assert ann.stories() == [] and len(bob.stories()) == 1


def test_many_threads_save_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf.sqlite")
    threads = [threading.Thread(target=lambda i=i: shelf.save(replace(STORY, text=f"{i}"))) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {story.text for story in shelf.stories()} == {str(i) for i in range(12)}


def test_a_damaged_file_and_a_newer_one_are_told_in_one_line(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.sqlite"
    damaged.write_bytes(b"no database at all" * 100)
    with pytest.raises(TinyStoriesError, match="move the file away"):
        Shelf(damaged).stories()
    newer = tmp_path / "newer.sqlite"
    with sqlite3.connect(newer) as database:
        database.execute("pragma user_version = 99")
    database.close()
    with pytest.raises(TinyStoriesError, match="newer version"):
        Shelf(newer).save(STORY)
    with pytest.raises(TinyStoriesError, match="can't be used"):
        Shelf(damaged / "below/a/file").stories()


def test_stories_that_begin_as_usual_go_by_different_names() -> None:
    usual = "Once upon a time, there was a little girl named"
    assert title(f"{usual} Lily. She ran.") == f"{usual} Lily. She…" != title(f"{usual} Sue. She ran.")
    assert title("Tom ran.") == "Tom ran." and title(" ") == "(nothing)"
