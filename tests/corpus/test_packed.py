"""Packed files are read as they are, mixed with others, and in every way that they can be broken."""

import gzip
import io
import json
import os
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from tinystories.corpus import bytes as bytes_module
from tinystories.corpus.raw import Hints
from tinystories.corpus.sources import find, read_stories
from tinystories.errors import SourceError, TinyStoriesError

CAT = 'Once upon a time there was a cat.\n\n"Come!" she said.\nThe end.'
DOG = "Ben had a dog. It was big 🐶, and “kind”. They ran."
STORIES = [CAT, DOG]
SEPARATED = "".join(f"{story}\n<|endoftext|>\n" for story in STORIES).encode()
ALL_DATA = json.dumps([{"story": f"\n\n{story}", "instruction": {"words": ["a"]}} for story in STORIES]).encode()
INSTRUCT = "".join(f"Words: a\nStory: \n\n{story}\n<|endoftext|>\n" for story in STORIES).encode()
LINES = "".join(json.dumps({"text": story}) + "\n" for story in STORIES).encode()
CSV = ("text\n" + "".join('"' + story.replace('"', '""') + '"\n' for story in STORIES)).encode()


def tar(files: dict[str, bytes], mode: str = "w:gz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


@pytest.mark.parametrize("content", [SEPARATED, ALL_DATA, INSTRUCT, LINES, CSV], ids=["txt", "json", "ins", "l", "csv"])
@pytest.mark.parametrize(
    "pack",
    [
        gzip.compress,
        zstd,
        lambda content: gzip.compress(content[:50]) + gzip.compress(content[50:]),
        lambda content: zstd(content[:50]) + zstd(content[50:]),
        lambda content: gzip.compress(content) + bytes(512),
        lambda content: tar({"folder/a": content}),
        lambda content: tar({"a.dat": content}, "w"),
        lambda content: zstd(tar({"./a.txt": content}, "w")),
    ],
    ids=["gz", "zst", "gz of two", "zst of two", "gz padded", "tar.gz", "tar", "tar.zst"],
)
def test_a_packed_file_gives_the_stories_of_the_plain_one(
    tmp_path: Path, content: bytes, pack: Callable[[bytes], bytes]
) -> None:
    (tmp_path / "x").write_bytes(pack(content))
    assert [story.text for story in read_stories(tmp_path / "x")] == STORIES


def test_every_layout_mixed_in_one_folder(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(tar({"data00.json": ALL_DATA, "data01.json": ALL_DATA, "._x": b"\0", "n": b""}))
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(SEPARATED))
    (tmp_path / "c.jsonl.zst").write_bytes(zstd(LINES))
    (tmp_path / "d.csv").write_bytes(CSV)
    pq.write_table(pa.table({"text": STORIES}), tmp_path / "e.parquet")
    with pa.OSFile(str(tmp_path / "f.arrow"), "wb") as sink, pa.ipc.new_file(sink, pa.schema({"text": "string"})) as f:
        f.write_table(pa.table({"text": STORIES}))
    (tmp_path / "g").mkdir()
    (tmp_path / "g" / "1.txt").write_text(CAT)
    (tmp_path / "g" / "2.txt.gz").write_bytes(gzip.compress(DOG.encode()))
    source = find(tmp_path)
    assert [story.text for story in read_stories(tmp_path)] == STORIES * 8
    assert [(part.name, part.layout) for part in source.parts] == [
        ("a.tar.gz", "archive of: json"), ("b.txt.gz", "separated"), ("c.jsonl.zst", "json"), ("d.csv", "csv"),
        ("e.parquet", "parquet"), ("f.arrow", "arrow"), ("g", "one story a file"),
    ]  # fmt: skip
    assert source.without_stories == (("a.tar.gz: ._x", "hidden"), ("a.tar.gz: n", "empty"))
    assert {story.source for story in source.parts[0].read()} == {"a.tar.gz: data00.json", "a.tar.gz: data01.json"}


def test_a_separator_and_a_column_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "rule.txt").write_text("\n---\n".join(STORIES))
    assert [s.text for s in read_stories(tmp_path / "rule.txt", Hints(separator="---"))] == STORIES
    blank = ["One cat.\nIt ran.", "Two dogs."]
    (tmp_path / "blank.txt").write_text("\n\n\n".join(blank))
    assert [s.text for s in read_stories(tmp_path / "blank.txt", Hints(separator=""))] == blank
    (tmp_path / "pipes.csv").write_text("no|Tale\n1|One, or two.\n2|Three.\n")
    pipes = read_stories(tmp_path / "pipes.csv", Hints(separator="|", column="tale"))
    assert [s.text for s in pipes] == ["One, or two.", "Three."]
    (tmp_path / "a.jsonl").write_text('{"body": "One.", "text": "not this"}\n')
    pq.write_table(pa.table({"body": ["One."], "n": [1]}), tmp_path / "b.parquet")
    for name in ("a.jsonl", "b.parquet"):
        assert [s.text for s in read_stories(tmp_path / name, Hints(column="body"))] == ["One."]
    with pytest.raises(SourceError, match="without a `tale` column"):
        find(tmp_path / "b.parquet", Hints(column="tale"))


BOMB = b"Once upon a time.\n" * (1 << 17)  # 2 MiB, which gzip makes 300 times smaller
BROKEN = {
    "cut.txt.gz": (gzip.compress(SEPARATED * 50)[:-9], "broken gzip file (it ends in the middle); fetch it again"),
    "cut.txt.zst": (zstd(SEPARATED * 50)[:-9], "broken zstd file (it ends in the middle); fetch it again"),
    "bits.txt.gz": (gzip.compress(SEPARATED)[:10] + b"\xff" * 40, "broken gzip file (Error -3"),
    "cut.tar.gz": (tar({"a.json": ALL_DATA * 2000})[:-200], "broken gzip file (it ends in the middle)"),
    "cut.tar": (tar({"a.json": ALL_DATA}, "w")[:600], "broken tar file (unexpected end of data)"),
    "bomb.txt.gz": (gzip.compress(BOMB), "unpacks to more than 200 times its size"),
    "bomb.tar.zst": (zstd(tar({"a.txt": BOMB}, "w")), "unpacks to more than 200 times its size"),
    "nul.gz": (gzip.compress(bytes(1 << 19)), "no stories in it (nul.gz: binary"),
    "twice.gz.gz": (gzip.compress(gzip.compress(SEPARATED)), "packed (gzip): unpack it first"),
    "latin.txt.gz": (gzip.compress(b"A caf\xe9.\n<|endoftext|>\n"), "not UTF-8: byte 0xe9 at byte offset 5"),
    "cut.jsonl.gz": (gzip.compress(LINES[:-5]), "line 2: not JSON"),
    "cut.json.zst": (zstd(ALL_DATA[:-1]), "the JSON array has no end"),
    "inner.tar.gz": (tar({"b.json": ALL_DATA[:-9]}), "inner.tar.gz: b.json"),
    "links.tar": (tar({}, "w"), "no stories in it (links.tar:"),
    "no.csv": (b"id,title\n1,two\n", "no.csv: plain text, but not named .txt"),
    "cut.parquet": (b"PAR1" + bytes(100), "broken Parquet"),
    "cut.arrow": (b"ARROW1\0\0" + bytes(100), "broken Arrow"),
    "p.tar": (tar({"p.parquet": b"PAR1..."}, "w"), "Parquet inside a packed file: unpack it first"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_one_line_that_names_it(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinystories.corpus.bytes.TRUSTED", 1 << 20)  # a bomb small enough for a test
    content, message = BROKEN[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TinyStoriesError) as caught:
        list(read_stories(tmp_path / name))
    assert message in str(caught.value)
    assert name in str(caught.value) and "\n" not in str(caught.value)


def test_links_that_lead_nowhere_or_in_a_circle_are_listed(tmp_path: Path) -> None:
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "a.txt").write_bytes(SEPARATED)
    (tmp_path / "good" / "up").symlink_to(tmp_path)
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nowhere")
    (tmp_path / "self.txt").symlink_to(tmp_path / "self.txt")
    source = find(tmp_path)
    assert source.without_stories == (
        ("gone.txt", "a link to nothing, or no regular file"),
        ("good/up", "a link back to a folder that it is in"),
        ("self.txt", "a link to nothing, or no regular file"),
    )
    assert [story.text for story in read_stories(tmp_path)] == STORIES


def test_a_pipe_is_no_file_to_wait_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError, match="no regular file"):
        list(read_stories(tmp_path))


def test_what_the_disk_refuses_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_bytes(SEPARATED)

    def refused(self: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)  # tests may run as root, to whom nothing is refused
    with pytest.raises(SourceError, match=r"a.txt: can't be read \(Permission denied\)"):
        list(read_stories(tmp_path / "a.txt"))


@pytest.mark.parametrize("layout", ["line", "block", "json", "csv"])
def test_a_story_without_an_end_is_refused_before_memory_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    for module in (bytes_module, sys.modules["tinystories.corpus.formats"]):
        monkeypatch.setattr(module, "LARGEST", 1 << 21)
    long = "A cat sat. " * (1 << 19)  # 5.5 MiB
    (tmp_path / "x.txt").write_text({
        "line": f"{CAT}\n<|endoftext|>\n{long}\n<|endoftext|>\n",
        "block": f"{CAT}\n<|endoftext|>\n{long.replace('. ', chr(10))}\n<|endoftext|>\n",
        "json": f'{{"text": "A."}}\n{{"text": "{long}"}}\n',
        "csv": f'text\nA.\n"{long}"\n',
    }[layout])  # fmt: skip
    with pytest.raises(SourceError) as caught:
        list(read_stories(tmp_path / "x.txt"))
    assert "\n" not in str(caught.value) and "x.txt" in str(caught.value)
