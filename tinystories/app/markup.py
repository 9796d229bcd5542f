"""HTML of what the app shows: every text is escaped here, so that whatever it holds is shown as text."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from tinystories.app.texts import length_of, shorten
from tinystories.generation.story import Story
from tinystories.reporting.plots import binned
from tinystories.text.tags import MEANING, TAGS

STOPPED: Final = {
    "eos": "ended by itself",
    "max_tokens": "cut at the most tokens",
    "max_words": "stopped at the most words",
    "length": "stopped near the length",
    "end_word": "stopped at the last word",
}
HOTTEST: Final = 8.0  # nats at which the heat map's colour is full


def head(title: str, lead: str) -> str:
    """A page's title and what it is for."""
    return f'<header class="ts-head"><h1>{escape(title)}</h1><p class="ts-lead">{escape(lead)}</p></header>'


def trouble(message: str) -> str:
    """What went wrong, in one line; nothing in it is markup."""
    return f'<p class="ts-trouble" role="alert">{escape(shorten(message))}</p>'


def note(message: str) -> str:
    return f'<p class="ts-note" role="status">{escape(shorten(message, 600))}</p>'


def empty(line: str, hint: str) -> str:
    """What stands where nothing has been written yet."""
    return f'<div class="ts-empty"><p>{escape(line)}</p><p>{escape(hint)}</p></div>'


def tale(text: str, opening: str = "", closing: str = "", *, writing: bool = False) -> str:
    """A story; what was given at its beginning and end in another colour. writing: with a caret at its end."""
    start = len(opening) if opening and text.startswith(opening) else 0
    stop = (
        len(text) - len(closing) if closing and text.endswith(closing) and len(text) >= start + len(closing) else None
    )
    given = f'<span class="ts-given">{escape(text[:start])}</span>' if start else ""
    end = f'<span class="ts-given">{escape(text[stop:])}</span>' if stop is not None else ""
    caret = '<span class="ts-caret" aria-hidden="true"></span>' if writing else ""
    busy = ' aria-busy="true"' if writing else ""
    return f'<div class="ts-tale"{busy}>{given}{escape(text[start:stop])}{end}{caret}</div>'


def met(kept: Mapping[str, bool]) -> str:
    """Each control that was asked for, and whether the story keeps it; the words to avoid count as one."""
    shown = _wishes(kept)
    items = "".join(
        f'<li class="{"ts-met" if is_kept else "ts-unmet"}"><b>{"✓" if is_kept else "✗"}</b> '
        f'<span class="ts-hidden">{"kept: " if is_kept else "not kept: "}</span>{escape(shorten(name, 80))}</li>'
        for name, is_kept in shown
    )
    return f'<ul class="ts-wishes">{items}</ul>' if items else ""


def _wishes(kept: Mapping[str, bool]) -> list[tuple[str, bool]]:
    avoided = {name.removeprefix("avoid:"): clean for name, clean in kept.items() if name.startswith("avoid:")}
    shown = [(_control(name), is_kept) for name, is_kept in kept.items() if not name.startswith("avoid:")]
    if avoided:
        found = [word for word, clean in avoided.items() if not clean]
        shown.append(
            (f"none of {len(avoided)} words to avoid" if not found else f"avoid {', '.join(found)}", not found)
        )
    return shown


def _control(name: str) -> str:
    kind, _, value = name.partition(":")
    if kind == "tag":
        return value
    if kind == "word":
        return f"the word “{value}”"
    return {
        "prompt": "its beginning", "first": "first sentence", "last": "last sentence", "start": "first word",
        "end": "last word", "max_words": "at most so many words", "length": "about that long",
    }.get(kind, name)  # fmt: skip


def facts(story: Story, model: str) -> str:
    """How the story came to be: how it ended, how long it is, how sure the model was."""
    parts = [
        STOPPED.get(story.stopped, story.stopped), length_of(story.text), f"{story.tokens} tokens",
        f"{story.nats / max(story.tokens, 1):.2f} nats a token", f"seed {story.seed}",
    ]  # fmt: skip
    if story.request.index:
        parts.append(f"story {story.request.index + 1}")
    return facts_of(*parts, model)


def tags(found: Sequence[str], source: str = "") -> str:
    """A story's tags with what they mean, and who says so."""
    items = "".join(f'<li title="{escape(MEANING[tag])}">{escape(tag)}</li>' for tag in TAGS if tag in found)
    who = f'<li class="ts-who">{escape(source)}</li>' if source else ""
    return f'<ul class="ts-tags">{items or "<li class=ts-none>no tags</li>"}{who}</ul>'


def heat(pieces: Sequence[tuple[str, float]]) -> str:
    """A text, each token the warmer the more it surprised the model; the nats are in each one's title."""
    spans = "".join(
        f'<span style="--heat:{min(nats / HOTTEST, 1):.2f}" title="{nats:.2f} nats">{escape(text)}</span>'
        for text, nats in pieces
        if text
    )
    return f'<div class="ts-tale ts-heat">{spans}</div>'


def scale() -> str:
    """The legend of the heat map."""
    steps = "".join(f'<span style="--heat:{nats / HOTTEST:.2f}">{nats}</span>' for nats in (0, 2, 4, 6, 8))
    return f'<p class="ts-scale ts-heat"><i>expected</i>{steps}<i>nats, surprising</i></p>'


def table(caption: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A small table; the first column names the row."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    body = "".join(
        f'<tr><th scope="row">{escape(shorten(row[0], 60))}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:]) + "</tr>"
        for row in rows
    )  # fmt: skip
    return (
        f'<div class="ts-scroll"><table class="ts-table"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def side_by_side(stories: Sequence[Story]) -> str:
    """What several stories for one request came to."""
    rows = [
        (
            f"story {place + 1}", f"{sum(kept for _, kept in _wishes(story.met))} of {len(_wishes(story.met))}",
            length_of(story.text), f"{story.nats / max(story.tokens, 1):.2f}",
            STOPPED.get(story.stopped, story.stopped),
        )
        for place, story in enumerate(stories)
    ]  # fmt: skip
    header = ("", "wishes kept", "length", "nats a token", "its end")
    return table("Three stories for the same wishes, below; lower nats: the model was surer.", header, rows)


def story_parts(first: str, middle: str, last: str) -> str:
    """A story of the corpus, its first and last sentence marked."""
    marked = "".join(
        f'<span class="ts-given" title="{name}">{escape(part)}</span>' if name else escape(part)
        for name, part in (("first sentence", first), ("", middle), ("last sentence", last))
        if part
    )
    return f'<div class="ts-tale">{marked}</div>'


def facts_of(*facts: str) -> str:
    """What is known of a story, in one line."""
    return f'<p class="ts-facts">{escape(" · ".join(fact for fact in facts if fact))}</p>'


def title(text: str) -> str:
    return f'<h2 class="ts-title">{escape(text)}</h2>'


def histogram(title: str, values: Sequence[float], unit: str) -> str:
    """How many values fall between round limits, as columns; read aloud, it is its caption."""
    edges, counts = binned(values, 20)
    columns = "".join(
        f'<span style="--part:{count / max(counts):.3f}" title="{low:g} to {high:g} {escape(unit)}: {count:,}"></span>'
        for low, high, count in zip(edges, edges[1:], counts, strict=False)
    )
    middle = sorted(values)[len(values) // 2]
    return (
        f'<figure class="ts-chart"><figcaption>{escape(f"{title}: half have {middle:g} {unit} or more")}</figcaption>'
        f'<div class="ts-columns" aria-hidden="true">{columns}</div><div class="ts-axis" aria-hidden="true">'
        f"<span>{edges[0]:g}</span><span>{edges[-1]:g} {escape(unit)}</span></div></figure>"
    )


def bars(title: str, rows: Sequence[tuple[str, int]], total: int) -> str:
    """Shares of `total` as bars, each with its name and number."""
    lines = "".join(
        f'<li><span>{escape(name)}</span><i style="--part:{count / max(total, 1):.3f}"></i><b>{count:,}</b></li>'
        for name, count in rows
    )
    return f'<figure class="ts-chart"><figcaption>{escape(title)}</figcaption><ul class="ts-bars">{lines}</ul></figure>'
