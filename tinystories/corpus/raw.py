"""A story as a source brings it, before it is a record, and how objects of other people's data become one."""

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tinystories.corpus.bytes import LARGEST
from tinystories.errors import SourceError

TEXT_KEYS: Final = ("story", "text")
# every key that a story's object may have in the layouts known here; others are left alone
KEYS: Final = (*TEXT_KEYS, "instruction", "features", "tags", "tags_from", "words", "summary", "source")


@dataclass(frozen=True)
class Hints:
    """What a user says of files that can't be guessed right.

    separator: the line between two stories of plain text ("" = a blank one); one character: also what stands
    between the cells of CSV. column: the column or key that has the text. None = guess.
    """

    separator: str | None = None
    column: str | None = None

    @property
    def text_keys(self) -> tuple[str, ...]:
        return TEXT_KEYS if self.column is None else (self.column,)


NO_HINTS: Final = Hints()


@dataclass(frozen=True, slots=True)
class RawStory:
    """One story as read.

    text: as it stands in the source, without the white space around it: that is the layout's
        (the official txt has a line break there, the official JSON two before), not the story's.
    features: what the story was asked to have, as spelled there; None = not labelled, () = asked for none.
    tags: what the story has, as spelled there; None = the source doesn't say.
    tags_from: who says so; None where `tags` is.
    words: the words asked for. summary: as it stands there.
    source: what the data says it is from, else the name of its file or data set.
    """

    text: str
    features: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    tags_from: str | None = None
    words: tuple[str, ...] | None = None
    summary: str | None = None
    source: str | None = None


def from_object(value: Mapping[str, Any], source: str, where: str, keys: tuple[str, ...] = TEXT_KEYS) -> RawStory:
    """A story from a JSON object, a row of CSV or Parquet, or a row of a hub data set.

    The text is the first of `keys` that is there; a missing one is an empty story, for validate to put aside.
    `features` and `words` may stand beside it or in `instruction` (TinyStories_all_data).
    Raises SourceError, beginning with `where`, if the text is no string, or longer than LARGEST.
    """
    text = next((value[key] for key in keys if value.get(key) is not None), "")
    if not isinstance(text, str):
        raise SourceError(f"{where}: the story is a {type(text).__name__}, not a text; put it right or take it out")
    if len(text) > LARGEST:
        raise SourceError(f"{where}: more than {LARGEST >> 20} million characters, which is no story; take it out")
    asked = value.get("instruction")
    instruction: Mapping[str, Any] = asked if isinstance(asked, Mapping) else {}
    tags = names(value.get("tags"))
    return RawStory(
        text=unicode_only(text).strip(),
        features=names(value.get("features", instruction.get("features"))),
        tags=tags,
        tags_from=None if tags is None else str(value.get("tags_from") or "read"),
        words=names(value.get("words", instruction.get("words"))),
        summary=_line(value.get("summary")),
        source=_line(value.get("source")) or source,
    )


def names(value: object) -> tuple[str, ...] | None:
    """A list of names, given as a list, or in one text: "a, b", '["a", "b"]' or "['a', 'b']"."""
    if value is None:
        return None
    if isinstance(value, str):
        if not value.strip():
            return None  # an empty cell says nothing, unlike an empty list
        written = _written_list(value.strip())
        value = value.split(",") if written is None else written
    if not isinstance(value, list | tuple):
        value = [value]
    texts = (unicode_only(str(item)).strip() for item in value)
    return tuple(text for text in texts if text)


def unicode_only(text: str) -> str:
    r"""The text with lone surrogates (JSON can spell them: "\ud83d") as U+FFFD, since UTF-8 has no bytes for them."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return text


def _line(value: object) -> str | None:
    return (unicode_only(str(value)).strip() or None) if value is not None else None


def _written_list(text: str) -> list[Any] | None:
    if not (text.startswith("[") and text.endswith("]")):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):  # as ast says of what is nested too deeply
            return None
    return value if isinstance(value, list) else None
