"""Texts and conversations: what is read, what is a mark, and where the loss falls."""

import csv
import json
from pathlib import Path

import pytest

from tests.finetuning.conftest import TALES
from tinystories.errors import SourceError
from tinystories.finetuning.bases import load_tokenizer
from tinystories.finetuning.marks import add_marks
from tinystories.finetuning.rows import Turn, encode, read_rows, write_rows
from tinystories.text.tokenizer import StoryTokenizer


def test_a_csv_has_a_text_between_marks_in_each_row_and_is_read_back(tmp_path: Path) -> None:
    texts = ['She said, "Hi!"\n\nThen she left.', "A, b; c", "It ends <|endoftext|> here", "One\rline."]
    write_rows(tmp_path / "a.csv", texts)
    with (tmp_path / "a.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["text"] for row in rows] == [f"<|startoftext|> {text} <|endoftext|>" for text in texts]
    assert read_rows(tmp_path / "a.csv") == texts

    write_rows(tmp_path / "b.csv", texts, "[", "]")
    assert read_rows(tmp_path / "b.csv", "[", "]") == texts
    assert read_rows(tmp_path / "b.csv")[1] == "[ A, b; c ]"  # other marks are text


def test_texts_come_from_any_layout(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"story": "One."}\n{"text": "Two."}\n')
    assert read_rows(tmp_path / "a.jsonl") == ["One.", "Two."]


def test_the_loss_falls_on_the_text_and_its_end_and_marks_in_a_text_are_text(gpt2: Path) -> None:
    tokenizer = load_tokenizer(gpt2)
    marks = add_marks(tokenizer)
    [example] = encode(["The cat <|endoftext|> slept."], StoryTokenizer.copy_of(tokenizer.backend_tokenizer), marks)
    ids = example.ids.tolist()
    assert (ids[0], ids[-1], ids.count(marks.end)) == (marks.begin, marks.end, 1)
    assert example.loss_mask.tolist() == [False] + [True] * (len(ids) - 1)
    assert tokenizer.decode(ids[1:-1]) == "The cat <|endoftext|> slept."


def test_in_chat_the_loss_falls_on_the_assistants_turns_and_their_ends_alone(ours: Path, chat: Path) -> None:
    tokenizer = load_tokenizer(ours)
    marks = add_marks(tokenizer, chat=True)
    rows = read_rows(chat)
    assert rows[0] == (Turn("user", "Who slept."), Turn("assistant", TALES[0]))
    two = (*rows[0], Turn("user", "And now?"), Turn("assistant", "All slept."))
    [example] = encode([two], StoryTokenizer.copy_of(tokenizer.backend_tokenizer), marks)
    learned = example.ids[example.loss_mask].tolist()
    assert learned.count(marks.end) == 2 and learned[-1] == marks.end
    assert tokenizer.decode([i for i in learned if i != marks.end]) == TALES[0] + "All slept."
    assert not set(learned) & set(marks.roles.values())


def test_the_chat_template_says_the_same_ids(ours: Path, chat: Path) -> None:
    tokenizer = load_tokenizer(ours)
    marks = add_marks(tokenizer, chat=True)
    [example] = encode(read_rows(chat)[:1], StoryTokenizer.copy_of(tokenizer.backend_tokenizer), marks)
    messages = json.loads(chat.read_text().splitlines()[0])["messages"]
    assert tokenizer.apply_chat_template(messages, return_dict=False) == example.ids.tolist()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("no json", "line 2: not JSON"),
        ('{"messages": []}', "line 2: expected"),
        ('{"messages": [{"role": "user", "content": "Hi"}]}', "line 2: no turn of the assistant"),
        ('{"messages": [{"role": "robot", "content": "Hi"}]}', "role 'robot' is not known; roles are system, user"),
        ('{"messages": [{"role": "assistant", "content": 3}]}', "content that is text"),
    ],
)
def test_what_is_wrong_with_a_conversation_is_one_line(tmp_path: Path, line: str, message: str) -> None:
    good = '{"messages": [{"role": "assistant", "content": "Hi"}]}'
    (tmp_path / "chat.jsonl").write_text(f"{good}\n{line}\n")
    with pytest.raises(SourceError) as caught:
        read_rows(tmp_path / "chat.jsonl")
    assert message in str(caught.value) and "\n" not in str(caught.value)
