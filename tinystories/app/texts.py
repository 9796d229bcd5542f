"""Texts of the app's own making: shortened, named, and as the files that one downloads. Knows no Streamlit."""

import json
import re
import unicodedata
from typing import Any, Final

from tinystories.generation.words import count_words

_TITLE: Final = 12  # words; "Once upon a time, there was a little girl named" are ten
_MARKS: Final = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|$~:&^=])")


def shorten(text: str, most: int = 300) -> str:
    """`text` on one line of at most `most` characters: what a person typed may be a megabyte."""
    line = " ".join(text[: 4 * most].split())
    return line if len(line) <= most and len(text) <= 4 * most else line[: most - 1].rstrip() + "…"


def literal(text: str) -> str:
    """`text` for labels that Streamlit reads as Markdown: every mark stands for itself."""
    return _escaped(" ".join(text.split()))


def title(text: str) -> str:
    """What a story goes by: its first words, so many that stories with a usual beginning are told apart."""
    words = shorten(text, 200).split()
    return " ".join(words[:_TITLE]) + ("…" if len(words) > _TITLE else "") if words else "(nothing)"


def file_name(text: str) -> str:
    """A name for a story's file that every system takes."""
    ascii_ = unicodedata.normalize("NFKD", title(text)).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_).strip("-")[:60] or "story"


def as_text(text: str) -> str:
    return text.strip() + "\n"


def as_markdown(text: str, request: dict[str, Any], model: str, link: str) -> str:
    """The story as Markdown that shows exactly its text, then what was asked for, of which model."""
    lines = [f"{_escaped(line.strip())}  " if line.strip() else "" for line in text.strip().splitlines()]
    asked = json.dumps(request, ensure_ascii=False, indent=2)
    fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", asked)), default=0))
    return (
        f"# {_escaped(title(text))}\n\n" + "\n".join(lines) + "\n\n---\n\n"
        f"Written by the model {_escaped(model)}, which was asked for this:\n\n{fence}json\n{asked}\n{fence}\n\n"
        f"The same story again, where that model is: <{link}>\n"
    )


def _escaped(text: str) -> str:
    return _MARKS.sub(r"\\\1", text)


def summary(request: dict[str, Any]) -> str:
    """What was asked for, in one line for people; what only steers the sampling is left out."""
    quoted = {
        "prompt": "begins “{}”", "first": "first sentence “{}”", "last": "last sentence “{}”",
        "start": "first word “{}”", "end": "last word “{}”",
    }  # fmt: skip
    parts = [*request.get("tags", ())]
    parts += [form.format(shorten(request[name], 60)) for name, form in quoted.items() if name in request]
    if request.get("words"):
        parts.append("with " + ", ".join(request["words"]))
    if "length" in request:
        parts.append(f"about {request['length']} words")
    if "max_words" in request:
        parts.append(f"at most {request['max_words']} words")
    return ", ".join(parts) or "no wishes"


def length_of(text: str) -> str:
    words = count_words(text)
    return f"{words:,} word{'' if words == 1 else 's'}"
