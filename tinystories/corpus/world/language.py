r"""The narrator's language: kinds of events, and the sentences that tell them.

phrases/*.txt declare it once; the narrator writes by these tables and the reader parses by them. A kind:

    ## find a o s | here a; lost o | has a o; -lost o; -want a o
    {a} found {o} {s}.
    [there|at last], {s}, {a} saw {o}.

name and roles | preconditions | effects ("-" takes a fact away). A role with "?" is there if the story has it, and a
place so only if the story is there; phrases with it are for that case. In a phrase `[x|y]` is a choice, `{a.his}` a
slot: a role and the form it takes (narrator.py renders them, reader.py recognises them). `@name = a|b` declares a
choice to use by name. A phrase with a quotation mark is direct speech.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent

Fact = tuple[str, ...]
_Head = tuple[str, tuple[str, ...], frozenset[str], tuple[Fact, ...], tuple[tuple[bool, Fact], ...]]


@dataclass(frozen=True, slots=True)
class Slot:
    role: str
    form: str


@dataclass(frozen=True, slots=True)
class Choice:
    options: tuple[tuple["Part", ...], ...]


Part = str | Slot | Choice


@dataclass(frozen=True, slots=True)
class Phrase:
    """One way to tell a kind of event. direct: with speech in quotes; opens: it begins with a character in the
    nominative, so that "Then" or "and" may stand before it; anchor: words that every telling of it has; there: it has
    that word itself."""

    kind: str
    parts: tuple[Part, ...]
    direct: bool
    opens: bool
    anchor: str
    there: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of event: what must hold before it, what it changes (True: adds a fact), how it is told."""

    name: str
    roles: tuple[str, ...]
    optional: frozenset[str]
    needs: tuple[Fact, ...]
    effects: tuple[tuple[bool, Fact], ...]
    phrases: tuple[Phrase, ...]


@cache
def kinds() -> dict[str, Kind]:
    """Every kind of event by its name, in the order of the files."""
    found: dict[str, Kind] = {}
    texts = [path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("phrases/*.txt"))]
    macros = {name: f"[{choice}]" for text in texts for name, choice in re.findall(r"(?m)^@(\w+) = (.+)$", text)}
    for text in texts:
        for kind in _read(text, macros):
            assert kind.name not in found, f"{kind.name} is declared twice"
            found[kind.name] = kind
    return found


def parse(text: str) -> tuple[Part, ...]:
    """The parts of a phrase. Choices may stand inside choices."""
    parts, end = _sequence(text, 0, inside=False)
    assert end == len(text), text
    return parts


def _sequence(text: str, at: int, inside: bool) -> tuple[tuple[Part, ...], int]:
    parts: list[Part] = []
    while at < len(text):
        sign = text[at]
        if inside and sign in "|]":
            break
        if sign == "[":
            options: list[tuple[Part, ...]] = []
            while text[at] != "]":
                option, at = _sequence(text, at + 1, inside=True)
                options.append(option)
            if () in options and parts and isinstance(parts[-1], str) and parts[-1].endswith(" "):
                parts[-1:] = [parts[-1][:-1]] if len(parts[-1]) > 1 else []
                # an option that may be empty takes the space before it along
                options = [(" ", *option) if option else () for option in options]
            parts.append(Choice(tuple(options)))
            at += 1
        elif sign == "{":
            end = text.index("}", at)
            role, _, form = text[at + 1 : end].partition(".")
            parts.append(Slot(role, form))
            at = end + 1
        else:
            end = at
            while end < len(text) and text[end] not in ("[{|]" if inside else "[{"):
                end += 1
            parts.append(text[at:end])
            at = end
    return tuple(parts), at


def _read(text: str, macros: dict[str, str]) -> list[Kind]:
    found: list[Kind] = []
    head: _Head | None = None
    phrases: list[Phrase] = []

    def close() -> None:
        if head is not None:
            assert phrases, f"{head[0]}: no phrases"
            found.append(Kind(*head, tuple(phrases)))

    for line in text.splitlines():
        if line.startswith("## "):
            close()
            head, phrases = _head(line[3:]), []
        elif line.strip() and not line.startswith("#") and not re.match(r"@\w+ =", line):
            assert head is not None, line
            phrases.append(_phrase(head[0], re.sub(r"@(\w+)", lambda name: macros[name[1]], line.strip())))
    close()
    return found


def _head(line: str) -> _Head:
    first, needs, effects = (*line.split("|"), "", "")[:3]
    name, *written = first.split()
    roles = tuple(role.removesuffix("?") for role in written)
    changes = [fact.strip() for fact in effects.split(";") if fact.strip()]
    return (
        name,
        roles,
        frozenset(role.removesuffix("?") for role in written if role.endswith("?")),
        tuple(tuple(fact.split()) for fact in needs.split(";") if fact.strip()),
        tuple((not fact.startswith("-"), tuple(fact.removeprefix("-").split())) for fact in changes),
    )


def _phrase(kind: str, text: str) -> Phrase:
    parts = parse(text)
    first = parts[0]
    opens = isinstance(first, Slot) and first.form == "" and len(first.role) <= 2 and first.role[0] in "abc"
    literals = [part for part in parts if isinstance(part, str)]
    anchor = max(literals, key=len, default="")
    return Phrase(kind, parts, '"' in text, opens and '"' not in text, anchor, bool(re.search(r"\bthere\b", text)))
