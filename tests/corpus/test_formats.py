"""Every layout that stories come in gives the same stories."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinystories.corpus.raw import RawStory, names
from tinystories.corpus.sources import find, read_stories
from tinystories.errors import SourceError, ValidationError

CAT = 'Once upon a time there was a cat.\n\n"Come!" she said.\nThe end.'
DOG = "Ben had a dog. It was big 🐶, and “kind”. They ran."
OWL = "An owl sat in a tree. It saw the moon. It was happy."
STORIES = [CAT, DOG, OWL]
FLAT = [story.replace("\n", " ") for story in STORIES]


def all_data(story: str) -> dict[str, Any]:
    """An object as in TinyStories_all_data; the key of the prompt has a colon there."""
    return {
        "story": f"\n\n{story}",
        "instruction": {"prompt:": "Write a story.", "words": ["run", "tree"], "features": ["Dialogue", "BadEnding"]},
        "summary": "A short summary.",
        "source": "GPT-4",
    }


def separated(path: Path, line_end: str = "\n") -> None:
    text = "".join(f"{story}\n<|endoftext|>\n" for story in STORIES).replace("\n", line_end)
    path.write_bytes(text.encode())


def write_csv(path: Path, delimiter: str = ",") -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, delimiter=delimiter)
        writer.writerow(["id", "Text"])
        writer.writerows([number, story] for number, story in enumerate(STORIES))


WRITERS: dict[str, Callable[[Path], None]] = {
    "separated": separated,
    "separated, Windows line ends": lambda path: separated(path, "\r\n"),
    "separated, with a byte order mark": lambda path: (
        separated(path),
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes()),
    )[0],
    "separated inline": lambda path: path.write_text("<|endoftext|>\n".join(STORIES) + "<|endoftext|>\n"),
    "instruct": lambda path: path.write_text(
        f"Features: Dialogue\nWords: run, tree\nSummary: A cat.\nStory: \n\n{CAT}\n\n<|endoftext|>\n"
        f"Random sentence: They ran.\nSummary: A dog.\nStory:\n\n{DOG}\n\n<|endoftext|>\n"
        f"Story:\n\n{OWL}\n\n<|endoftext|>\n"
    ),
    "json array": lambda path: path.write_text(json.dumps([all_data(story) for story in STORIES])),
    "json array, indented": lambda path: path.write_text(json.dumps([all_data(story) for story in STORIES], indent=2)),
    "json array of strings": lambda path: path.write_text(json.dumps(STORIES)),
    "json lines": lambda path: path.write_text("".join(json.dumps(all_data(story)) + "\n" for story in STORIES)),
    "json lines with text": lambda path: path.write_text(
        "\n".join(json.dumps({"text": s}, ensure_ascii=False) for s in STORIES)
    ),
    "csv": write_csv,
    "csv, semicolons": lambda path: write_csv(path, ";"),
    "csv, tabs": lambda path: write_csv(path, "\t"),
    "parquet with text": lambda path: pq.write_table(pa.table({"text": STORIES}), path),
    "parquet with story": lambda path: pq.write_table(
        pa.table({"story": STORIES, "summary": ["s"] * 3, "prompt": ["p"] * 3, "features": [["Twist"]] * 3}), path
    ),
}


@pytest.mark.parametrize("layout", WRITERS)
@pytest.mark.parametrize("name", ["stories.txt", "data.bin"])
def test_every_layout_is_recognised_by_content_and_gives_the_same_texts(tmp_path: Path, layout: str, name: str) -> None:
    WRITERS[layout](tmp_path / name)
    assert [story.text for story in read_stories(tmp_path / name)] == STORIES


def test_one_story_a_line_skips_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_bytes("\r\n".join(FLAT * 60).encode() + b"\r\n\r\n")
    assert [story.text for story in read_stories(path)] == FLAT * 60


def test_a_short_text_with_paragraphs_is_one_story(tmp_path: Path) -> None:
    path = tmp_path / "story.txt"
    path.write_text(CAT)
    assert [story.text for story in read_stories(path)] == [CAT]


def test_a_short_text_without_paragraphs_has_a_story_a_line(tmp_path: Path) -> None:
    path = tmp_path / "stories.txt"
    path.write_text("\n".join(FLAT))
    assert [story.text for story in read_stories(path)] == FLAT


def test_a_long_text_has_a_story_a_line_even_with_blank_lines_between(tmp_path: Path) -> None:
    path = tmp_path / "stories.txt"
    path.write_text("\n\n".join(FLAT * 100))
    assert [story.text for story in read_stories(path)] == FLAT * 100


def test_a_folder_with_one_story_a_file_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    for number, story in enumerate(STORIES):
        (tmp_path / f"{number:03}.txt").write_text(story + "\n")
    assert [(story.text, story.source) for story in read_stories(tmp_path)] == [
        (story, f"{number:03}.txt") for number, story in enumerate(STORIES)
    ]
    assert [(part.name, part.layout) for part in find(tmp_path).parts] == [(".", "one story a file")]


def test_several_long_files_in_a_folder_have_a_story_a_line(tmp_path: Path) -> None:
    for name in ("train.txt", "valid.txt"):
        (tmp_path / name).write_text("\n".join(FLAT * 100))
    assert [part.layout for part in find(tmp_path).parts] == ["one story a line"] * 2
    assert len(list(read_stories(tmp_path))) == 600


def test_all_data_brings_features_words_summary_and_source(tmp_path: Path) -> None:
    path = tmp_path / "data00.json"
    path.write_text(json.dumps([all_data(CAT), {"story": DOG, "instruction": {"features": []}}]))
    asked, bare = read_stories(path)
    assert asked == RawStory(
        CAT, ("Dialogue", "BadEnding"), None, None, ("run", "tree"), "A short summary.", "GPT-4"
    )  # fmt: skip
    assert bare == RawStory(DOG, features=(), source="data00.json")


def test_our_own_tags_are_read_as_found_by_a_reader(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text(json.dumps({**all_data(CAT), "tags": ["Twist"]}) + "\n" + json.dumps({"text": DOG, "tags": []}))
    first, second = read_stories(path)
    assert (first.features, first.tags, first.tags_from) == (("Dialogue", "BadEnding"), ("Twist",), "read")
    assert (second.tags, second.tags_from) == ((), "read")


def test_instruct_fields_are_read_in_any_order_and_subset(tmp_path: Path) -> None:
    path = tmp_path / "instruct.txt"
    WRITERS["instruct"](path)
    assert list(read_stories(path)) == [
        RawStory(CAT, features=("Dialogue",), words=("run", "tree"), summary="A cat.", source="instruct.txt"),
        RawStory(DOG, summary="A dog.", source="instruct.txt"),
        RawStory(OWL, source="instruct.txt"),
    ]


def test_a_summary_may_run_over_lines_and_a_story_may_quote_a_field(tmp_path: Path) -> None:
    path = tmp_path / "instruct.txt"
    story = "Tom read:\nSummary: none.\nStory: it was old."
    path.write_text(f"Summary: One\nand two.\nWords: a, b\nStory:\n\n{story}\n<|endoftext|>\n{OWL}\n<|endoftext|>\n")
    assert list(read_stories(path)) == [
        RawStory(story, words=("a", "b"), summary="One\nand two.", source="instruct.txt"),
        RawStory(OWL, source="instruct.txt"),
    ]


def test_an_empty_story_between_two_separators_is_a_story_and_the_end_of_the_file_is_none(tmp_path: Path) -> None:
    path = tmp_path / "stories.txt"
    path.write_text(f"<|endoftext|>\n{CAT}\n<|endoftext|>\n\n<|endoftext|>\n{DOG}\n<|endoftext|>\n\n")
    assert [story.text for story in read_stories(path)] == [CAT, "", DOG]


def test_a_separator_inside_a_line_stays_text_where_separators_have_lines(tmp_path: Path) -> None:
    path = tmp_path / "stories.txt"
    text = "He typed <|endoftext|> and laughed.\nBye <|endoftext|>"
    path.write_text(f"{text}\n<|endoftext|>\n{DOG}\n<|endoftext|>\n")
    assert [story.text for story in read_stories(path)] == [text, DOG]


def test_windows_line_ends_inside_a_json_text_stay(tmp_path: Path) -> None:
    path = tmp_path / "stories.json"
    path.write_text(json.dumps([{"text": "One.\r\nTwo."}]))
    assert next(read_stories(path)).text == "One.\r\nTwo."


def test_a_lone_surrogate_becomes_the_replacement_character(tmp_path: Path) -> None:
    path = tmp_path / "stories.jsonl"
    path.write_text('{"text": "A \\ud83d cat \\ud83d\\ude00."}\n')
    assert next(read_stories(path)).text == "A \ufffd\ufffd\ufffd cat 😀."


@pytest.mark.parametrize("text", ["a\0b " * 50, "x" * 300_000, "\u2581 ▁", "Ã©â€œ", "🎉"])
def test_odd_texts_arrive_whole_from_every_layout_that_can_hold_them(tmp_path: Path, text: str) -> None:
    text = f"Once. {text} End."
    (tmp_path / "a.txt").write_text(f"{CAT}\n<|endoftext|>\n{text}\n<|endoftext|>\n")
    (tmp_path / "b.json").write_text(json.dumps([{"text": CAT}, {"text": text}]))
    with (tmp_path / "c.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["text"], [CAT], [text]])
    pq.write_table(pa.table({"text": [CAT, text]}), tmp_path / "d.parquet")
    assert [story.text for story in read_stories(tmp_path)] == [CAT, text] * 4


# white space around a story is the layout's; only "\n" ends a line there, and a file has no lone surrogates
TEXTS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\0"), min_size=1).map(str.strip)


@given(texts=st.lists(TEXTS.filter(lambda text: text and "<|endoftext|>" not in text), min_size=1, max_size=5))
def test_json_streams_give_back_any_text(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "array.json").write_text(json.dumps([{"text": text} for text in texts]))
    (folder / "lines.jsonl").write_text("".join(json.dumps({"text": t}, ensure_ascii=False) + "\n" for t in texts))
    for name in ("array.json", "lines.jsonl"):
        assert [story.text for story in read_stories(folder / name)] == texts


def test_json_values_across_the_reader_s_pieces_arrive_whole(tmp_path: Path) -> None:
    texts = [f"{number} " + "é🎉x" * 5_000 for number in range(150)]  # 5 MB: several pieces, cut inside characters
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": t}, ensure_ascii=False) + "\n" for t in texts))
    (tmp_path / "b.json").write_text(json.dumps([{"text": text} for text in texts], ensure_ascii=False))
    assert [story.text for story in read_stories(tmp_path)] == texts * 2


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("cut.jsonl", '{"text": "One."}\n{"text": "Two."}\n{"text": "Thr', "line 3: not JSON"),
        ("wrong.jsonl", '{"text": "One."}\n\n{"text": Two}\n', "line 3: not JSON"),
        ("inside.jsonl", '{"text": "One."}\n{"text":\n\nTwo}\n', "line 4: not JSON"),
        ("indented.json", '[\n{\n"text": "One."\n},\n{"text": 5}]', "line 5: the story is a int"),
        ("cut.json", '[{"text": "One."},\n{"text": "Two."}', "the JSON array has no end"),
        ("first.json", '[{"text": "One.\n', "line 1: begins like JSON and isn't"),
        ("number.jsonl", '{"text": 5}\n', "line 1: the story is a int, not a text"),
        ("list.json", '[{"text": "One."}, 7]', "line 1: expected an object with `story` or `text`, found int"),
        ("cells.csv", "text\nOnce, there was a cat.\n", "line 2: more cells than the header has"),
        ("quote.csv", 'text\n"One."\n"Two.\nThree.\n', "the row from line 3 on is not CSV"),
        ("broken.parquet", "PAR1 and nothing else", "broken Parquet"),
        ("empty.txt", " \n", "no stories in it (empty.txt: empty)"),
        ("labels.jsonl", '{"id": 1, "tags": []}\n', "JSON without `story` or `text`"),
        ("none.json", "[ ]", "an empty JSON array"),
    ],
)
def test_a_broken_file_is_one_line_that_says_where(tmp_path: Path, name: str, content: str, message: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(SourceError) as caught:
        list(read_stories(path))
    assert message in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("far", [False, True], ids=["in the first MiB", "far inside"])
@pytest.mark.parametrize("suffix", ["txt", "jsonl", "csv"])
def test_text_that_is_not_utf8_is_named_with_its_byte_offset(tmp_path: Path, suffix: str, far: bool) -> None:
    begin, end, sep = {
        "txt": (b"", b"", b"\n<|endoftext|>\n"),
        "jsonl": (b'{"text": "', b'"}', b"\n"),
        "csv": (b'"', b'"', b"\n"),
    }[suffix]
    good = begin + "Ünïcode is fine. ".encode() + end + sep
    before = (b"text\n" if suffix == "csv" else b"") + good * (60_000 if far else 3)
    path = tmp_path / f"latin.{suffix}"
    path.write_bytes(before + begin + b"caf\xe9 noir" + end + sep + good)
    with pytest.raises(ValidationError) as caught:
        list(read_stories(path))
    offset = len(before) + len(begin) + 3
    assert f"latin.{suffix}: not UTF-8: byte 0xe9 at byte offset {offset};" in str(caught.value)
    assert far == (offset > 1 << 20)


def test_the_byte_offset_is_right_behind_a_character_that_two_reads_share(tmp_path: Path) -> None:
    before = b'{"text": "' + b"x" + "é".encode() * (1 << 19)
    assert before[(1 << 20) - 1 : (1 << 20) + 1] == "é".encode()
    path = tmp_path / "stories.jsonl"
    path.write_bytes(before + b'\xff"}\n')
    with pytest.raises(ValidationError, match=f"byte 0xff at byte offset {len(before)};"):
        list(read_stories(path))


def test_utf16_is_named_as_not_utf8_and_not_taken_for_stories(tmp_path: Path) -> None:
    (tmp_path / "marked.txt").write_bytes(CAT.encode("utf-16"))
    with pytest.raises(ValidationError, match="not UTF-8"):
        list(read_stories(tmp_path / "marked.txt"))
    (tmp_path / "bare.txt").write_bytes(OWL.encode("utf-16-le"))
    with pytest.raises(SourceError, match="UTF-16 without its mark"):
        list(read_stories(tmp_path / "bare.txt"))


def test_parquet_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    broken = pa.Array.from_buffers(pa.string(), 1, pa.array([b"caf\xe9"], pa.binary()).buffers())
    pq.write_table(pa.table({"text": broken}), tmp_path / "a.parquet")
    with pytest.raises(ValidationError, match=r"not UTF-8.*0xe9"):
        list(read_stories(tmp_path / "a.parquet"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        ([], ()),
        ("Twist", ("Twist",)),
        ("Dialogue, Twist", ("Dialogue", "Twist")),
        ('["a", "b"]', ("a", "b")),
        ("['a', 'b']", ("a", "b")),
        ("[]", ()),
        ("[a", ("[a",)),
    ],
)
def test_lists_of_names_are_read_however_a_cell_spells_them(value: object, expected: object) -> None:
    assert names(value) == expected
