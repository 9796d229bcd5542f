"""Fill in: the first and the last sentence are given; three middles to choose from, to edit, to go on with."""

from typing import Final

import streamlit as st

from tinystories.app import links, markup, wishes
from tinystories.app.choices import Choice
from tinystories.app.shelf import Saved
from tinystories.app.views import asking, parts
from tinystories.app.views.parts import FIELD, Told
from tinystories.errors import TinyStoriesError
from tinystories.generation.requests import Request
from tinystories.text.tags import MEANING, TAGS

PAGE: Final = "fill"
MIDDLES: Final = 3
DRAFT, BASE, MORE = f"{FIELD}fill.draft", "fill.base", "fill.more"  # the text, what it came from, what is to be written
FIRST, LAST = "Tom had a red kite.", "They laughed all the way home."


def page() -> None:
    st.html(markup.head("Fill in", "You say how it begins and how it ends. What happened in between?"))
    available = parts.models()
    asking.follow(PAGE, available)
    choice = _form(available)
    if asking.is_asked(PAGE):
        for key in (DRAFT, BASE, MORE):
            st.session_state.pop(key, None)
        asking.tell(PAGE, choice, MIDDLES, _request, st.container())
    troubled, told = asking.show_trouble(PAGE), asking.told(PAGE)
    if told is not None:
        _middles(told)
    elif not troubled:
        with st.container(border=True):
            st.html(markup.empty("Three stories will stand here.", "Left empty, the two sentences above are taken."))
    if DRAFT in st.session_state:
        _editor(choice)


def _form(available: list[Choice]) -> Choice:
    if f"{FIELD}fill.seed" not in st.session_state:
        typed = {name: st.session_state.get(f"{FIELD}fill.{name}") for name in ("first", "last")}
        parts.fill_form(PAGE, Request(avoid=links.default_avoid()))
        for name, text in typed.items():
            st.session_state[f"{FIELD}fill.{name}"] = text or ""
    with st.form("ends", border=False):
        one, two = st.columns(2, gap="large")
        one.text_area("First sentence", key=f"{FIELD}fill.first", height=80, placeholder=FIRST)
        two.text_area("Last sentence", key=f"{FIELD}fill.last", height=80, placeholder=LAST)
        one.pills(
            "It has", TAGS, selection_mode="multi", wrap=True, key=f"{FIELD}fill.tags",
            help="\n".join(f"- {tag}: {MEANING[tag]}" for tag in TAGS),
        )  # fmt: skip
        with two:
            choice = parts.choose(PAGE, available)
            parts.words_to_avoid(PAGE)
            seed, go = st.columns([2, 3], vertical_alignment="bottom")
            seed.number_input("Seed", 0, links.EXACT - 1, step=1, key=f"{FIELD}fill.seed")
            if go.form_submit_button("Three middles", type="primary", icon=":material/edit:", width="stretch"):
                asking.ask(PAGE)
    return choice


def _request() -> Request:
    values = {name: st.session_state.get(f"{FIELD}fill.{name}") for name in wishes.values(Request())}
    return wishes.request({**values, "index": 0, "first": values["first"] or FIRST, "last": values["last"] or LAST})


def _middles(told: Told) -> None:
    for place, (column, story) in enumerate(zip(st.columns(told.count), told.stories, strict=True)):
        with column:
            parts.card(PAGE, told, story)
            st.button(
                "Take this one", icon=":material/check:", key=f"fill.take.{place}", width="stretch", on_click=_take,
                args=(story.text, told),
            )  # fmt: skip
    st.button("Three others, with a new seed", icon=":material/refresh:", on_click=asking.ask_anew, args=(PAGE,))


def _take(text: str, told: Told) -> None:
    st.session_state[DRAFT], st.session_state[BASE] = text, told
    st.session_state.pop(MORE, None)


def _editor(choice: Choice) -> None:
    base: Told = st.session_state[BASE]
    st.html('<h2 class="ts-h2">Your story</h2>')
    text = st.text_area("Edit it as you like", key=DRAFT, height=260)
    last = base.request.last or ""
    with st.container(horizontal=True, gap="small"):
        to_end = st.button(
            "Write on to the last sentence", icon=":material/arrow_forward:", disabled=not last,
            help="What stands before the last sentence stays; the model writes on from there to the ending.",
        )  # fmt: skip
        go_on = st.button("Go on after it", icon=":material/add:", help="The story goes on after what stands there.")
        saved = Saved(text, base.request.to_json(), base.choice.label, base.choice.fingerprint, {}, PAGE)
        parts.save_button(saved, "fill.draft")
        parts.give(saved, parts.link(PAGE, base.request, base.count, base.choice.fingerprint), "fill.draft")
    if to_end or go_on:
        _go_on(text, last if to_end else "", choice, base)
    more: Told | None = st.session_state.get(MORE)
    if more is not None:
        parts.card(PAGE, more, more.stories[0], actions=False)
        st.button(
            "Take this one",
            icon=":material/check:",
            key="fill.take.more",
            on_click=_take,
            args=(more.stories[0].text, base),
        )


def _go_on(text: str, last: str, choice: Choice, base: Told) -> None:
    """From the edited text on: to the last sentence, or past everything that stands there."""
    begun = text.rstrip()
    if last and begun.endswith(last):
        begun = begun[: -len(last)].rstrip()
    seed = (st.session_state[MORE].request.seed + 1 if MORE in st.session_state else base.request.seed) % links.EXACT
    try:
        request = Request(
            prompt=f"{begun} " if begun else None, last=last or None, avoid=base.request.avoid, seed=seed,
            tags=base.request.tags if last else (),
        )  # fmt: skip
        [story] = asking.write([choice], [request], st.container())
    except TinyStoriesError as error:
        st.session_state[f"{PAGE}.trouble"] = str(error)
    else:
        st.session_state.pop(f"{PAGE}.trouble", None)
        st.session_state[MORE] = Told(request, choice, [story])
    st.rerun()
