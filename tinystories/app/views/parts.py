"""What the pages share: style, models, the shelf, links, and how a story stands on a page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import streamlit as st

from tinystories.app import links, markup, settings, texts, wishes
from tinystories.app.choices import Choice, choices
from tinystories.app.shelf import Saved, Shelf
from tinystories.app.telling import tell
from tinystories.errors import TinyStoriesError
from tinystories.generation.requests import Request
from tinystories.generation.story import Story

if TYPE_CHECKING:
    from tinystories.generation.story_model import StoryModel

STYLE: Final = Path(__file__).parent.parent / "style.css"
FIELD: Final = "in."  # keys of what a reader types begin so: kept when another page is looked at
PATHS: Final = {"write": "/", "fill": "/fill"}


@dataclass(frozen=True)
class Told:
    """Stories on a page: what was asked for, of which model, and what came of it."""

    request: Request
    choice: Choice
    stories: list[Story] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.stories)


def begin() -> None:
    """Once a run, before any page: the style, and what was typed on other pages stays."""
    st.html(STYLE)
    for key in list(st.session_state):
        if str(key).startswith(FIELD):
            st.session_state[key] = st.session_state[key]


def models() -> list[Choice]:
    """The models to choose from; where there is none, the page says what to type, and ends."""
    available = choices(settings.current())
    if not available:
        st.html(markup.head("No model here yet", "One command trains a small one, in about four minutes:"))
        st.code("make repro", language="sh")
        st.html(markup.note(
            f"Typed in the project's folder ({settings.current().root}). Then come back to this page and reload it. "
            "A model that lies elsewhere is named when the app is started: tinystories app --model FOLDER."
        ))  # fmt: skip
        st.stop()
    return available


def choose(page: str, available: Sequence[Choice], label: str = "Model", place: int = 0) -> Choice:
    """A menu of the models, where there is more than one."""
    if len(available) == 1:
        return available[0]
    key = f"{FIELD}{page}.model"
    by_address = {choice.address: choice for choice in available}
    if st.session_state.get(key) not in by_address:
        st.session_state[key] = available[min(place, len(available) - 1)].address
    return by_address[st.selectbox(label, list(by_address), format_func=lambda a: by_address[a].label, key=key)]


@st.cache_resource(max_entries=3, show_spinner="Reading the model …")
def _load(address: str, stamp: str) -> "StoryModel":
    from tinystories.generation.story_model import StoryModel

    return StoryModel.load(address)


def load(choice: Choice) -> "StoryModel":
    return _load(choice.address, choice.stamp)


def write_into(slots: Sequence[Any], models_: "Sequence[StoryModel]", requests: Sequence[Request]) -> list[Story]:
    """Write one story a request, each into its place as it grows."""
    for slot, request in zip(slots, requests, strict=True):
        slot.html(markup.tale(opening(request), opening(request), writing=True))
    telling = None
    for telling in tell(models_, requests):
        for slot, request, text, story in zip(slots, requests, telling.texts, telling.stories, strict=True):
            slot.html(
                markup.tale(text or opening(request), opening(request), request.last or "", writing=story is None)
            )
    return telling.finished if telling else []


def opening(request: Request) -> str:
    return (request.prompt or "").rstrip() or request.first or request.start or ""


def words_to_avoid(page: str) -> None:
    """The list that is on unless one edits it; of the form that it stands in."""
    with st.popover("Words to avoid", icon=":material/block:", width="stretch"):
        st.text_area("Separated by commas; empty it, and nothing is avoided", key=f"{FIELD}{page}.avoid", height=160)


def trouble(error: TinyStoriesError | str) -> None:
    st.html(markup.trouble(str(error)))


def shelf() -> Shelf:
    """The shelf of who is asking: one for this computer, or one for each name that the proxy gives."""
    now = settings.current()
    owner = st.context.headers.get(now.user_header, "") if now.user_header else ""
    return Shelf(now.shelf_file, owner)


def link(page: str, request: Request, count: int, fingerprint: str) -> str:
    here = urlsplit(st.context.url or "http://localhost:8501/")
    return links.link(f"{here.scheme}://{here.netloc}{PATHS[page]}", request, count, fingerprint)


def show_link(page: str, told: Told) -> None:
    """The browser's address becomes the link to these stories: reloaded, they are told again."""
    query = links.to_query(told.request, told.count, told.choice.fingerprint)
    st.query_params.from_dict(query)
    st.session_state[f"{page}.link"] = query


def fill_form(page: str, request: Request) -> None:
    for name, value in wishes.values(request).items():
        st.session_state[f"{FIELD}{page}.{name}"] = value


def card(page: str, told: Told, story: Story, *, actions: bool = True) -> None:
    """A story with what was met, how it came to be, and what can be done with it."""
    with st.container(border=True):
        st.html(markup.met(story.met) + markup.tale(story.text, opening(story.request), story.request.last or ""))
        st.html(markup.facts(story, told.choice.label))
        if actions:
            asked = told.request.repeat(told.count)[story.request.index - told.request.index]
            saved = Saved(
                story.text, asked.to_json(), told.choice.label, told.choice.fingerprint, dict(story.met), page
            )  # fmt: skip
            with st.container(horizontal=True, gap="small"):
                save_button(saved, f"{page}.{story.request.index}")
                give(saved, link(page, asked, 1, told.choice.fingerprint), f"{page}.{story.request.index}")


def save_button(saved: Saved, key: str) -> None:
    try:
        if shelf().has(saved):
            st.button("Saved", icon=":material/bookmark_added:", key=f"{key}.saved", disabled=True)
        elif st.button("Save", icon=":material/bookmark_add:", key=f"{key}.save"):
            shelf().save(saved)
            st.rerun()
    except TinyStoriesError as error:
        trouble(error)


def give(saved: Saved, address: str, key: str) -> None:
    """Share and download."""
    with st.popover("Share or download", icon=":material/ios_share:"), st.container(gap="xsmall"):
        name = texts.file_name(saved.text)
        markdown = texts.as_markdown(saved.text, saved.request, saved.model, address)
        files = ((".txt", "As text", texts.as_text(saved.text)), (".md", "As Markdown", markdown))
        with st.container(horizontal=True, gap="small"):
            for ending, label, data in files:
                st.download_button(
                    label, data, f"{name}{ending}", "text/plain", key=f"{key}{ending}", on_click="ignore",
                    icon=":material/download:",
                )  # fmt: skip
        if len(address) > links.LONGEST:
            st.html(markup.note("This request is too long for a link: download the story instead."))
        else:
            st.html(markup.note("Whoever opens this link, and has the same model, gets the same story, word for word:"))
            st.code(address, language=None, wrap_lines=True)
