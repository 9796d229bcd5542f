"""What is no story takes no more memory than stories do: lines of 200 MB and bombs, each read in its own process."""

import gzip
import io
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from tests.conftest import ROOT

pytestmark = pytest.mark.slow

LONG = 200_000_000  # bytes
LAYOUTS = {
    "separated.txt": "A cat.\n<|endoftext|>\n@\n<|endoftext|>\n",
    "lines.txt": "A cat.\n@\n",
    "instruct.txt": "Words: a\nStory:\n\n@\n<|endoftext|>\n",
    "array.json": '[{"story": "A cat."}, {"story": "@"}]',
    "objects.jsonl": '{"text": "A cat."}\n{"text": "@"}\n',
    "cells.csv": 'text\nA cat.\n"@"\n',
}
READ = """
import re, sys
from pathlib import Path
from tinystories.corpus.sources import read_stories
from tinystories.errors import SourceError
try:
    print(sum(1 for _ in read_stories(Path(sys.argv[1]))), "stories")
except SourceError as error:
    print(error)
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


def told(path: Path) -> tuple[str, float]:
    """What reading it says, and the most memory that was resident, in MiB."""
    done = subprocess.run([sys.executable, "-c", READ, str(path)], cwd=ROOT, capture_output=True, text=True, check=True)
    said, peak = done.stdout.splitlines()
    return said, int(peak) / 1024


def long() -> str:
    return "A cat sat on a mat. " * (LONG // 20)


def parquet(text: str) -> bytes:
    sink = io.BytesIO()
    plain = {"use_dictionary": False, "write_statistics": False}
    pq.write_table(pa.table({"text": ["A cat.", text]}), sink, compression="zstd", **plain)
    return sink.getvalue()


def arrow(text: str) -> bytes:
    sink = io.BytesIO()
    given = pa.table({"text": ["A cat.", text]})
    with pa.ipc.new_file(sink, given.schema) as file:
        file.write_table(given)
    return sink.getvalue()


def tar(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("a.txt")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize("name", [*LAYOUTS, "a.arrow"])
def test_a_line_of_200_mb_is_one_line_of_error_in_bounded_memory(tmp_path: Path, name: str) -> None:
    content = arrow(long()) if name == "a.arrow" else LAYOUTS[name].replace("@", long()).encode()
    (tmp_path / name).write_bytes(content)
    said, peak = told(tmp_path / name)
    assert "is no story" in said and name in said
    # a process that has only imported the readers takes 60 to 90 MiB; JSON looks at twice LARGEST, Arrow's is the file
    assert peak < 400


def test_a_text_of_200_mb_in_parquet_is_unpacked_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(parquet(Random(1).randbytes(LONG // 2).hex()))  # shrinks to a half
    said, peak = told(tmp_path / "a.parquet")
    assert "row 2: more than 64 MiB in one text, which is no story" in said
    assert peak < 1200  # a page of it, decoded, and again as a column


BOMBS: dict[str, Callable[[bytes], bytes]] = {
    "bomb.txt.gz": gzip.compress,
    "bomb.txt.zst": zstandard.ZstdCompressor().compress,
    "bomb.tar.gz": tar,
    "bomb.parquet": lambda content: parquet(content.decode()),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_one_line_of_error_in_bounded_memory(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(BOMBS[name](b"Once upon a time.\n" * (1 << 23)))  # 150 MB
    said, peak = told(tmp_path / name)
    assert "unpacks to more than 200 times its size" in said and name in said
    assert peak < 300
