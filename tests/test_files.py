"""Writing that a crash can't leave half done, and fingerprints that see every difference."""

import json
from pathlib import Path

import pytest

from tinystories.files import atomic, fingerprint, read_json, write_json, write_text


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "metrics.json"
    write_json(file, {"a": 1})

    def crash() -> None:
        with atomic(file) as temporary:
            temporary.write_text("half of it")
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        crash()

    assert read_json(file) == {"a": 1}
    assert [path.name for path in file.parent.iterdir()] == ["metrics.json"]


def test_what_a_crash_leaves_behind_is_ignored_by_dvc_and_is_not_the_file(tmp_path: Path, root: Path) -> None:
    with atomic(tmp_path / "weights") as temporary:
        temporary.touch()
        assert temporary.name.startswith(".")
        assert temporary.name.endswith(".tmp")
    assert ".*.tmp" in (root / ".dvcignore").read_text().splitlines()


def test_json_has_the_same_bytes_whatever_the_order_of_keys(tmp_path: Path) -> None:
    write_json(tmp_path / "a", {"b": 0.1, "a": "é"})
    write_json(tmp_path / "b", {"a": "é", "b": 0.1})

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert "é".encode() in (tmp_path / "a").read_bytes()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_metric_that_is_no_number_is_refused(tmp_path: Path, value: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "metrics.json", {"loss": value})
    assert not list(tmp_path.iterdir())


def test_text_is_utf8_with_newlines_on_every_system(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "one\r\n“two”\n")
    assert (tmp_path / "a").read_bytes() == "one\r\n“two”\n".encode()


def test_a_fingerprint_sees_content_name_and_order(tmp_path: Path) -> None:
    folder = tmp_path / "tokens"
    write_text(folder / "a", "1")
    write_text(folder / "b", "2")
    before = fingerprint(folder)

    assert fingerprint(folder) == before
    assert fingerprint("x", folder) != fingerprint(folder, "x")

    (folder / "b").rename(folder / "c")
    renamed = fingerprint(folder)
    write_text(folder / "c", "3")

    assert len({before, renamed, fingerprint(folder)}) == 3


def test_a_fingerprint_does_not_depend_on_where_the_folder_is(tmp_path: Path) -> None:
    for name in ("here", "there"):
        write_json(tmp_path / name / "deep" / "file.json", {"same": True})
    assert fingerprint(tmp_path / "here") == fingerprint(tmp_path / "there")
    assert json.loads((tmp_path / "here" / "deep" / "file.json").read_text()) == {"same": True}
