"""What a model is fine-tuned on: texts or conversations, read from a file, as examples."""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tinystories.corpus.bytes import Content, lines
from tinystories.corpus.record import story_id
from tinystories.corpus.sources import read_stories
from tinystories.errors import SourceError
from tinystories.files import atomic
from tinystories.finetuning.spelling import ENDER, ROLES, STARTER
from tinystories.requests.example import Example
from tinystories.text.tokenizer import StoryTokenizer

if TYPE_CHECKING:
    from tinystories.finetuning.marks import Marks

LEARNED: Final = "assistant"  # whose turns the loss falls on


@dataclass(frozen=True)
class Turn:
    role: str
    content: str


Chat = tuple[Turn, ...]
Row = str | Chat


def read_rows(path: Path, starter: str = STARTER, ender: str = ENDER) -> list[Row]:
    """The texts of a CSV (or of any layout that stories come in), or the conversations of JSON Lines with `messages`.

    A text's `starter` and `ender` are taken off: they are marks, which `encode` puts there as tokens.
    Raises SourceError where there is nothing, or a conversation is not well formed.
    """
    if _is_chat(path):
        numbered = enumerate(lines(Content.of(path)), 1)
        return [_conversation(text, f"{path}, line {n}") for n, text in numbered if text.strip()]
    rows: list[Row] = [bare(story.text, starter, ender) for story in read_stories(path)]
    told = [row for row in rows if row]
    if not told:
        raise SourceError(f"{path}: no text in it; give a CSV with a column `text`, or type `tinystories dataprep`")
    return told


def bare(text: str, starter: str = STARTER, ender: str = ENDER) -> str:
    """The text between `starter` and `ender`, where they are there."""
    return text.strip().removeprefix(starter).removesuffix(ender).strip()


def write_rows(path: Path, texts: Sequence[str], starter: str = STARTER, ender: str = ENDER) -> None:
    """A CSV with the column `text`, each row `starter text ender`."""
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL)  # a lone \r would end a row
        writer.writerow(["text"])
        writer.writerows([f"{starter} {text} {ender}"] for text in texts)


def encode(rows: Sequence[Row], tokenizer: StoryTokenizer, marks: "Marks") -> list[Example]:
    """Each row as one example: `begin text end`, the loss on text and end; or `begin {role content}*`, where each
    of the assistant's turns has an end and the loss falls on these turns and their ends alone."""
    return [_plain(row, tokenizer, marks) if isinstance(row, str) else _spoken(row, tokenizer, marks) for row in rows]


def _plain(text: str, tokenizer: StoryTokenizer, marks: "Marks") -> Example:
    return _example([marks.begin], [False], text, [([*tokenizer.encode(text), marks.end], True)])


def _spoken(chat: Chat, tokenizer: StoryTokenizer, marks: "Marks") -> Example:
    parts: list[tuple[list[int], bool]] = []
    for turn in chat:
        learned = turn.role == LEARNED
        parts.append(([marks.roles[turn.role]], False))
        parts.append((tokenizer.encode(turn.content) + ([marks.end] if learned else []), learned))
    return _example([marks.begin], [False], json.dumps([[t.role, t.content] for t in chat]), parts)


def _example(ids: list[int], mask: list[bool], name: str, parts: Sequence[tuple[list[int], bool]]) -> Example:
    for part, learned in parts:
        ids = [*ids, *part]
        mask = [*mask, *[learned] * len(part)]
    return Example(np.array(ids, dtype=np.int32), np.array(mask, dtype=np.bool_), story_id(name))


def _is_chat(path: Path) -> bool:
    if not path.is_file():
        return False
    first = next((text for text in lines(Content.of(path)) if text.strip()), "")
    try:
        value = json.loads(first)
    except json.JSONDecodeError:
        return False
    return isinstance(value, dict) and "messages" in value


def _conversation(text: str, where: str) -> Chat:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise SourceError(f"{where}: not JSON ({error.msg}); chat data has one object a line") from None
    messages = value.get("messages") if isinstance(value, dict) else None
    if not isinstance(messages, list) or not messages:
        raise SourceError(f'{where}: expected {{"messages": [{{"role", "content"}}, ...]}}')
    chat = tuple(_turn(message, where) for message in messages)
    if not any(turn.role == LEARNED for turn in chat):
        raise SourceError(f"{where}: no turn of the assistant, so nothing to learn from; take it out")
    return chat


def _turn(message: Any, where: str) -> Turn:
    if not isinstance(message, dict) or not isinstance(message.get("content"), str):
        raise SourceError(f"{where}: each message needs a role and a content that is text")
    if message.get("role") not in ROLES:
        raise SourceError(f"{where}: role {message.get('role')!r} is not known; roles are {', '.join(ROLES)}")
    return Turn(message["role"], message["content"])
