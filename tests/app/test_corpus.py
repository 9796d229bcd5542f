"""The corpus to look around in: what is found is what was asked for."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tinystories.app.corpus import Corpus
from tinystories.corpus.record import SPLIT
from tinystories.errors import SourceError

STORIES = (
    ("Tom had a kite. It flew. He ran home.", ["Dialogue", "Twist"]),
    ("Lily saw a RIVER. She swam. The kites flew.", ["Twist"]),
    ("(a+b)* was there. So was 100%. End.", None),
    ("Short.", []),
)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    rows = [
        {
            "story_id": f"{i:016x}", "text": text, "features": None, "tags": tags,
            "tags_from": "read" if tags else None, "words": None, "summary": None,
            "source": "test", "partition": "train", "first": text, "middle": "",
            "last": "", "infillable": False, "sureness": None,
        }
        for i, (text, tags) in enumerate(STORIES)
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows, schema=SPLIT), tmp_path / "stories.parquet")
    return Corpus.read(tmp_path / "stories.parquet")


@pytest.mark.parametrize(
    ("query", "tags", "low", "high", "found"),
    [
        ("", (), 0, None, [0, 1, 2, 3]), ("kite", (), 0, None, [0, 1]), ("river KITE", (), 0, None, [1]),
        ("(a+b)*", (), 0, None, [2]), ("100%", (), 0, None, [2]), ("", ("Twist",), 0, None, [0, 1]),
        ("", ("Twist", "Dialogue"), 0, None, [0]), ("", (), 2, None, [0, 1, 2]), ("", (), 0, 1, [3]),
        ("nothing", (), 0, None, []), ("<script>", (), 0, None, []),
    ],
)  # fmt: skip
def test_found_by_words_tags_and_length(
    corpus: Corpus, query: str, tags: tuple[str, ...], low: int, high: int | None, found: list[int]
) -> None:
    assert corpus.find(query, tags, low, high).tolist() == found  # type: ignore[arg-type]


def test_one_story_with_its_tags(corpus: Corpus) -> None:
    row = corpus.row(1)
    assert (row["text"], row["tags"], row["tags_from"], row["words"]) == (STORIES[1][0], ["Twist"], "read", 9)
    assert corpus.row(2)["tags"] is None


def test_a_damaged_file_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "stories.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(SourceError, match="dvc repro split"):
        Corpus.read(tmp_path / "stories.parquet")
