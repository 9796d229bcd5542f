"""Every layout broken in every way that applies to it: one line that names the file, or quarantine with the reason."""

import csv
import gzip
import io
import json
import shutil
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from tinystories import cli
from tinystories.corpus import bytes as bytes_module
from tinystories.corpus import unpacking
from tinystories.corpus.sources import find, read_stories
from tinystories.errors import TinyStoriesError
from tinystories.params import load_params
from tinystories.paths import Paths
from tinystories.stages import extract, validate

STORIES = [f"Once there was a cat with {number} toys. It ran. It was happy." for number in range(60)]
CUT_GZIP = gzip.compress(b"A cat. " * 99, mtime=0)[:-9]  # mtime: the test's name has to be the same in all workers
Writer = Callable[[list[str], str], bytes]


def table(texts: list[str], column: str) -> Any:
    return pa.table({column: texts, "number": list(range(len(texts)))})


def parquet(texts: list[str], column: str) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table(texts, column), sink)
    return sink.getvalue()


def arrow(texts: list[str], column: str) -> bytes:
    sink = io.BytesIO()
    given = table(texts, column)
    with pa.ipc.new_file(sink, given.schema) as file:
        file.write_table(given)
    return sink.getvalue()


def cells(texts: list[str], column: str) -> bytes:
    sink = io.StringIO()
    rows = csv.writer(sink, lineterminator="\n", quoting=csv.QUOTE_ALL)
    rows.writerows([[column, "number"], *([text, "1"] for text in texts)])
    return sink.getvalue().encode()


TEXT: dict[str, Writer] = {
    "separated.txt": lambda texts, _: "".join(f"{text}\n<|endoftext|>\n" for text in texts).encode(),
    "inline.txt": lambda texts, _: "<|endoftext|>\n".join(texts).encode(),
    "lines.txt": lambda texts, _: "".join(f"{text}\n" for text in texts).encode(),
    "instruct.txt": lambda texts, _: "".join(f"Words: a\nStory:\n\n{t}\n<|endoftext|>\n" for t in texts).encode(),
    "array.json": lambda texts, column: json.dumps([{column: text} for text in texts]).encode(),
    "objects.jsonl": lambda texts, column: "".join(json.dumps({column: t}) + "\n" for t in texts).encode(),
    "cells.csv": cells,
    "all-data.json": lambda texts, column: json.dumps(
        [{"instruction": {"prompt:": "p", "words": ["a"], "features": ["Twist"]}, column: text} for text in texts]
    ).encode(),
}
BINARY: dict[str, Writer] = {"a.parquet": parquet, "a.arrow": arrow}
WITH_COLUMNS = ("array.json", "objects.jsonl", "cells.csv", "all-data.json", *BINARY)
LAYOUTS = TEXT | BINARY


def tar(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def pack(name: str, packing: str, content: bytes) -> bytes:
    match packing:
        case ".gz":
            return gzip.compress(content)
        case ".zst":
            return zstandard.ZstdCompressor().compress(content)
        case ".tar.gz":
            return tar(name, content)
    return content


PACKED = (".gz", ".zst", ".tar.gz")
PACKINGS = ("", *PACKED)
packings = pytest.mark.parametrize("packing", PACKINGS)


def refused(path: Path) -> str:
    """What is said of the file or folder: one line that names it."""
    with pytest.raises(TinyStoriesError) as caught:
        list(read_stories(path))
    assert path.name in str(caught.value) and "\n" not in str(caught.value)
    return str(caught.value)


@packings
@pytest.mark.parametrize("name", TEXT)
def test_whole_it_is_read(tmp_path: Path, name: str, packing: str) -> None:
    path = tmp_path / f"{name}{packing}"
    path.write_bytes(pack(name, packing, TEXT[name](STORIES, "text")))
    assert [story.text for story in read_stories(path)] == STORIES


@pytest.mark.parametrize("name", BINARY)
def test_a_table_is_read_as_it_is_and_packed_it_says_unpack_it(tmp_path: Path, name: str) -> None:
    content = BINARY[name](STORIES, "text")
    (tmp_path / name).write_bytes(content)
    assert [story.text for story in read_stories(tmp_path / name)] == STORIES
    for packing in PACKED:
        (tmp_path / f"{name}{packing}").write_bytes(pack(name, packing, content))
        assert "inside a packed file: unpack it first" in refused(tmp_path / f"{name}{packing}")


@pytest.mark.parametrize("packing", PACKED)
@pytest.mark.parametrize("name", TEXT)
def test_packed_and_cut(tmp_path: Path, name: str, packing: str) -> None:
    path = tmp_path / f"{name}{packing}"
    path.write_bytes(pack(name, packing, TEXT[name](STORIES, "text"))[:-20])
    assert "file (it ends in the middle); fetch it again" in refused(path)


@packings
@pytest.mark.parametrize("name", TEXT)
def test_with_a_byte_that_is_not_utf8(tmp_path: Path, name: str, packing: str) -> None:
    good = TEXT[name](STORIES, "text")
    at = good.index(b"with 40 toys")
    path = tmp_path / f"{name}{packing}"
    path.write_bytes(pack(name, packing, good[:at] + b"\xe9" + good[at:]))
    assert f"not UTF-8: byte 0xe9 at byte offset {at}; convert the file" in refused(path)


@pytest.mark.parametrize("name", BINARY)
def test_a_table_with_a_text_that_is_not_utf8(tmp_path: Path, name: str) -> None:
    texts = [text.encode().replace(b"with 40 toys", b"with \xe9 toys") for text in STORIES]
    (tmp_path / name).write_bytes(BINARY[name](pa.array(texts, pa.binary()).view(pa.string()), "text"))
    assert "not UTF-8: a text after row" in refused(tmp_path / name)


@packings
@pytest.mark.parametrize("name", ["array.json", "objects.jsonl", "all-data.json"])
def test_json_cut_in_the_middle(tmp_path: Path, name: str, packing: str) -> None:
    good = LAYOUTS[name](STORIES, "text")
    path = tmp_path / f"{name}{packing}"
    path.write_bytes(pack(name, packing, good[: len(good) * 2 // 3]))
    said = refused(path)
    assert "not JSON" in said or "no end" in said, said


@pytest.mark.parametrize("name", BINARY)
def test_a_table_cut_in_the_middle(tmp_path: Path, name: str) -> None:
    good = LAYOUTS[name](STORIES, "text")
    (tmp_path / name).write_bytes(good[: len(good) * 2 // 3])
    said = refused(tmp_path / name)
    assert "broken Parquet" in said or "broken Arrow" in said, said


@pytest.mark.parametrize("name", ["separated.txt", "inline.txt", "lines.txt", "instruct.txt"])
def test_cut_in_the_middle_where_it_has_none_the_last_story_is_quarantined(
    tmp_path: Path, root: Path, name: str
) -> None:
    shutil.copytree(root / "pipeline", tmp_path / "pipeline")
    shutil.copy(root / "params.yaml", tmp_path)
    good = TEXT[name](STORIES, "text").rstrip().removesuffix(b"<|endoftext|>").rstrip()
    (tmp_path / name).write_bytes(good[:-10])
    params = load_params(tmp_path, ["source.kind=files", f"source.path={name}", "validate.max_quarantined=0.1"])
    extract.run(params, Paths(tmp_path))
    metrics = validate.run(params, Paths(tmp_path))
    assert metrics["reasons"] == {"cut_off": 1} and metrics["kept"] == len(STORIES) - 1
    [lost] = pq.read_table(Paths(tmp_path).quarantine).to_pylist()
    assert lost["text"] == STORIES[-1][:-10].rstrip() and lost["reason"] == "it stops inside a sentence"


@packings
@pytest.mark.parametrize("name", WITH_COLUMNS)
def test_without_the_column_of_the_text(tmp_path: Path, name: str, packing: str) -> None:
    (tmp_path / f"{name}{packing}").write_bytes(pack(name, packing, LAYOUTS[name](STORIES, "title")))
    assert "no stories in it" in refused(tmp_path / f"{name}{packing}")
    (tmp_path / "good.txt").write_bytes(TEXT["separated.txt"](STORIES, ""))
    source = find(tmp_path)  # in a folder it is listed with the reason, and the others are read
    assert [part.name for part in source.parts] == ["good.txt"]
    assert [left.split(":")[0] for left, _ in source.without_stories] == [f"{name}{packing}"]


@pytest.mark.parametrize("name", WITH_COLUMNS)
def test_with_an_empty_text_the_row_comes_through_to_be_quarantined(tmp_path: Path, name: str) -> None:
    texts = ["", *STORIES]
    (tmp_path / name).write_bytes(LAYOUTS[name](texts, "text"))
    assert [story.text for story in read_stories(tmp_path / name)] == texts


@pytest.mark.parametrize(("name", "packing"), [*((n, p) for n in TEXT for p in PACKINGS), *((n, "") for n in BINARY)])
def test_with_a_story_longer_than_any_story(
    tmp_path: Path, name: str, packing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """200 MB against 64 MiB, both 2^10 times smaller; tests/corpus/test_bounded_memory.py takes the real ones."""
    for module in ("bytes", "formats", "raw", "unpacking"):
        monkeypatch.setattr(sys.modules[f"tinystories.corpus.{module}"], "LARGEST", 1 << 16)
    path = tmp_path / f"{name}{packing}"
    path.write_bytes(pack(name, packing, LAYOUTS[name]([*STORIES, "A cat sat on a mat. " * 10_000, *STORIES], "text")))
    said = refused(path)
    assert "no story" in said or "field larger than field limit" in said


@pytest.mark.parametrize(("name", "packing"), [*((n, p) for n in TEXT for p in PACKED), ("a.parquet", "")])
def test_as_a_bomb(tmp_path: Path, name: str, packing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bytes_module, "TRUSTED", 1 << 18)
    path = tmp_path / f"{name}{packing}"
    path.write_bytes(pack(name, packing, LAYOUTS[name](["The end. It was. " * 200] * 1500, "text")))
    assert "unpacks to more than 200 times its size" in refused(path)


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
def test_packed_arrow_as_a_bomb(tmp_path: Path, codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is unpacked a batch at once, so that what a batch says of itself is looked at first."""
    monkeypatch.setattr(unpacking, "LARGEST_BATCH", 1 << 20)
    given = pa.table({"text": ["The end. It was. " * 40] * 3000})
    options = pa.ipc.IpcWriteOptions(compression=codec)
    for rows, told in ((3000, "more than 1 MiB in one batch"), (300, None)):
        with (
            pa.OSFile(str(tmp_path / "a.arrow"), "wb") as sink,
            pa.ipc.new_file(sink, given.schema, options=options) as f,
        ):
            f.write_table(given, max_chunksize=rows)
        if told is None:
            assert sum(1 for _ in read_stories(tmp_path / "a.arrow")) == 3000
        else:
            assert told in refused(tmp_path / "a.arrow")
    monkeypatch.setattr(bytes_module, "TRUSTED", 1 << 17)
    monkeypatch.setattr(bytes_module, "LARGEST_RATIO", 5)
    assert "unpacks to more than 5 times its size" in refused(tmp_path / "a.arrow")


@pytest.mark.parametrize("name", LAYOUTS)
def test_as_a_link_to_itself_beside_a_good_one(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to(tmp_path / name)
    assert "no" in refused(tmp_path / name)
    (tmp_path / "good.txt").write_bytes(TEXT["separated.txt"](STORIES, ""))
    assert find(tmp_path).without_stories == ((name, "a link to nothing, or no regular file"),)


@pytest.mark.parametrize("name", LAYOUTS)
def test_that_the_disk_does_not_give(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / name).write_bytes(LAYOUTS[name](STORIES, "text"))

    def denied(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)  # tests may run as root, to whom nothing is refused
    assert "can't be read (Permission denied)" in refused(tmp_path / name)


@pytest.mark.parametrize("name", ["a\nb.txt", "a\rb.jsonl", "a\u2028b.csv", "a\udce9b.txt"])
def test_under_a_name_that_is_no_line(tmp_path: Path, name: str) -> None:
    """A line break, or bytes that are not UTF-8: such a name stands in no message, metric or column."""
    (tmp_path / name).write_bytes(TEXT["lines.txt"](STORIES, ""))
    spelled = ascii(name)[1:-1]
    with pytest.raises(TinyStoriesError) as caught:
        list(read_stories(tmp_path / name))
    assert str(caught.value).endswith(f"{spelled}: a name that is no line of UTF-8 text; give it another one")
    assert len(str(caught.value).splitlines()) == 1
    (tmp_path / "good.txt").write_bytes(TEXT["separated.txt"](STORIES, ""))
    assert find(tmp_path).without_stories == ((spelled, "a name that is no line of UTF-8 text; give it another one"),)


def test_one_story_a_file_broken_in_each_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = [tmp_path / f"{number}.txt" for number in range(3)]
    for path, text in zip(good, STORIES, strict=False):
        path.write_text(text)
    assert find(tmp_path).parts[0].layout == "one story a file"
    odd = tmp_path / "odd.txt"
    odd.write_bytes(b"A caf\xe9.\n\nIt ran.")
    with pytest.raises(TinyStoriesError, match=r"odd.txt: not UTF-8: byte 0xe9 at byte offset 5"):
        list(read_stories(tmp_path))
    odd.unlink()
    packed_one = tmp_path / "odd.txt.gz"
    packed_one.write_bytes(gzip.compress(STORIES[3].encode())[:-9])
    with pytest.raises(TinyStoriesError, match=r"odd.txt.gz: broken gzip file \(it ends in the middle\)"):
        list(read_stories(tmp_path))
    packed_one.unlink()
    odd.write_text("A cat.\n\n" + "It sat. " * 10_000)
    monkeypatch.setattr(sys.modules["tinystories.corpus.formats"], "LARGEST", 1 << 15)
    with pytest.raises(TinyStoriesError, match=r"odd.txt: story 1 has more than"):
        list(read_stories(tmp_path))


ODD = {
    "deep.json": (
        b'[{"text": "A cat.", "x": ' + b"[" * 10**5 + b"]" * 10**5 + b"}]",
        "line 1: a number of thousands of",
    ),
    "number.jsonl": (b'{"text": "A."}\n{"text": "B.", "n": ' + b"9" * 5000 + b"}", "line 2: a number of thousands"),
    "utf16.txt": ("A cat ran.\n".encode("utf-16"), "iconv -f UTF-16 -t UTF-8"),
    "latin.txt": (b"\xe9t\xe9\n", "iconv -f WINDOWS-1252 -t UTF-8"),
}


@pytest.mark.parametrize("name", ODD)
def test_what_python_s_own_readers_stumble_over_is_one_line_too(tmp_path: Path, name: str) -> None:
    content, message = ODD[name]
    (tmp_path / name).write_bytes(content)
    assert message in refused(tmp_path / name)


def test_a_list_of_features_that_is_too_deep_for_a_list_is_text(tmp_path: Path) -> None:
    deep = "[" * 10**5 + "]" * 10**5
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "A cat ran.", "features": deep}))
    assert [story.features for story in read_stories(tmp_path / "a.jsonl")] == [(deep,)]


def test_arrow_whose_places_lie_outside_is_broken_and_never_read(tmp_path: Path) -> None:
    good = arrow(STORIES, "text")
    offsets = b"".join(sum(map(len, STORIES[:n])).to_bytes(4, "little") for n in range(5))
    at = good.index(offsets) + 8
    (tmp_path / "a.arrow").write_bytes(good[:at] + b"\xff" * 4 + good[at + 4 :])
    assert "broken Arrow (" in refused(tmp_path / "a.arrow")


def test_parquet_whose_texts_are_a_dictionary_is_read(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": pa.array(STORIES).dictionary_encode()}), tmp_path / "a.parquet")
    assert [story.text for story in read_stories(tmp_path / "a.parquet")] == STORIES


@pytest.mark.parametrize("content", [b'{"text": "One."}\n{"text": "Tw', CUT_GZIP, b"PAR1"])
def test_the_command_says_it_in_one_line_and_exits_2(
    tmp_path: Path, root: Path, content: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(root / "pipeline", tmp_path / "pipeline")
    shutil.copy(root / "params.yaml", tmp_path)
    (tmp_path / "own").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    arguments = ["extract", "--set", "source.kind=files", "--set", "source.path=own"]
    monkeypatch.setattr(sys, "argv", ["tinystories", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("error: ") and said.err.count("\n") == 1
    assert not Paths(tmp_path).extracted.exists()
