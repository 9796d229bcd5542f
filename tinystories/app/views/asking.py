"""Asking models for what a page's form says. The form is pressed in one run and answered in the next.

In the session a page keeps PAGE.go (it is to be answered), PAGE.told (what came of it) and PAGE.trouble.
"""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from tinystories.app import links, markup
from tinystories.app.choices import Choice, pick
from tinystories.app.views import parts
from tinystories.app.views.parts import FIELD, Told
from tinystories.errors import TinyStoriesError
from tinystories.generation.requests import Request
from tinystories.generation.story import Story


def follow(page: str, available: Sequence[Choice]) -> None:
    """Where a link opened the page, answer what it asks; say what of it could not be followed."""
    if _opened(page, available):
        st.session_state[f"{page}.go"] = True
    for line in st.session_state.get(f"{page}.notes", ()):
        st.html(markup.note(line))


def ask(page: str) -> None:
    """Answer the form; what was said of the link that opened the page is said no more."""
    st.session_state.pop(f"{page}.notes", None)
    st.session_state[f"{page}.go"] = True


def ask_anew(page: str) -> None:
    """Answer the same form with the next seed, from its first story on: a link may have asked for the second."""
    seed = f"{FIELD}{page}.seed"
    st.session_state[seed] = (st.session_state[seed] + 1) % links.EXACT
    st.session_state[f"{FIELD}{page}.index"] = 0
    ask(page)


def is_asked(page: str) -> bool:
    """Whether the form is to be answered in this run; true once."""
    return bool(st.session_state.pop(f"{page}.go", False))


def told(page: str) -> Told | None:
    return st.session_state.get(f"{page}.told")


def show_trouble(page: str) -> bool:
    """Say in a line why the form could not be answered; whether there was anything to say."""
    trouble: str | None = st.session_state.get(f"{page}.trouble")
    if trouble is not None:
        parts.trouble(trouble)
    return trouble is not None


def tell(page: str, choice: Choice, count: int, request: Callable[[], Request], place: Any) -> None:
    """Write `count` stories side by side in `place` (a container), keep them for the page, and run it again."""
    for name in ("told", "trouble"):
        st.session_state.pop(f"{page}.{name}", None)
    try:
        wanted = request()
        stories = write([choice] * count, wanted.repeat(count), place)
    except TinyStoriesError as error:
        st.session_state[f"{page}.trouble"] = str(error)
    else:
        st.session_state[f"{page}.told"] = done = Told(wanted, choice, stories)
        parts.show_link(page, done)
    st.rerun()


def write(choices: Sequence[Choice], requests: Sequence[Request], place: Any) -> list[Story]:
    """Write one story a request, by the model at the same place, side by side in `place` as they grow.

    Raises TinyStoriesError for a model that can't be read and a request that it can't meet.
    """
    models = [parts.load(choice) for choice in choices]
    with place:
        st.empty()  # what stood here would otherwise stand, greyed, among what comes
        slots = [column.container(border=True).empty() for column in st.columns(len(choices))]
    return parts.write_into(slots, models, requests)


def _opened(page: str, available: Sequence[Choice]) -> bool:
    """Whether the page was opened by a link that it has not followed yet; if so, its form now holds what that asks."""
    query = {key: st.query_params.get_all(key) for key in st.query_params}
    if not query or query == st.session_state.get(f"{page}.link"):
        return False
    st.session_state[f"{page}.link"] = query
    notes: list[str] = []
    st.session_state[f"{page}.notes"] = notes  # they stay until something else is asked for
    try:
        shared = links.from_query(query)
    except TinyStoriesError as error:
        notes.append(f"This link can't be followed: {error}")
        return False
    if shared is None:
        return False
    parts.fill_form(page, shared.request)
    st.session_state[f"{FIELD}{page}.count"] = shared.count
    if shared.unknown:
        notes.append(f"Not understood in this link, and left out: {', '.join(shared.unknown)}.")
    same = pick(available, shared.model)
    if same:
        st.session_state[f"{FIELD}{page}.model"] = same.address
    elif shared.model:
        notes.append(f"Made with the model {shared.model[:16]}, which is not here: this will be another story.")
    return True
