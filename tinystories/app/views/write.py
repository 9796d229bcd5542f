"""Write: every wish that a request may have, and the story as it comes."""

from typing import Any, Final

import streamlit as st

from tinystories.app import links, markup, wishes
from tinystories.app.choices import Choice
from tinystories.app.views import asking, parts
from tinystories.app.views.parts import FIELD
from tinystories.generation.requests import Request
from tinystories.text.tags import MEANING, TAGS

PAGE: Final = "write"
EXAMPLES: Final[tuple[tuple[str, Request], ...]] = (
    ("A kite, a river, and a twist", Request(tags=("Twist",), words=("kite", "river"), seed=3)),
    ("A little otter", Request(prompt="Once upon a time, there was a little otter", seed=7)),
    ("From “Lily” to “home”", Request(start="Lily", end="home", tags=("Dialogue",), seed=2)),
)


def page() -> None:
    st.html(markup.head("Write", "Say what the story should have. Everything may be left empty."))
    available = parts.models()
    asking.follow(PAGE, available)
    left, right = st.columns([5, 8], gap="large")
    with left:
        choice, count = _form(available)
    if asking.is_asked(PAGE):
        if count > 1:
            right.html(markup.note("Three stories are being written below."))
        asking.tell(PAGE, choice, count, _request, right if count == 1 else st.container())
    _shown(right)


def _form(available: list[Choice]) -> tuple[Choice, int]:
    """The form; the model that was chosen, and how many stories are wanted. Submitted, it sets write.go."""
    _defaults()
    with st.form("wishes", border=False, enter_to_submit=True):
        st.text_area("It begins", key=_key("prompt"), height=90, placeholder="Once upon a time, …")
        st.pills(
            "It has", TAGS, selection_mode="multi", wrap=True, key=_key("tags"),
            help="\n".join(f"- {tag}: {MEANING[tag]}" for tag in TAGS),
        )  # fmt: skip
        st.text_input("These words occur", key=_key("words"), placeholder="kite, river")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            count = st.radio(
                "Stories", (1, links.MOST_TOGETHER), key=_key("count"), horizontal=True,
                format_func={1: "One", links.MOST_TOGETHER: "Three"}.get, width="stretch",
            )  # fmt: skip
            st.number_input("Seed", 0, links.EXACT - 1, step=1, key=_key("seed"), width=130)
        if st.form_submit_button("Write", type="primary", icon=":material/edit:", width="stretch"):
            st.session_state[_key("index")] = 0  # a link may have asked for the second of three
            asking.ask(PAGE)
        with st.expander("More wishes"):
            choice = _more(available)
    return choice, int(count or 1)


def _more(available: list[Choice]) -> Choice:
    choice = parts.choose(PAGE, available)
    one, two = st.columns(2)
    one.text_input("First word", key=_key("start"))
    two.text_input("Last word", key=_key("end"))
    st.text_input("First sentence", key=_key("first"))
    st.text_input("Last sentence", key=_key("last"))
    st.number_input("About so many words", 1, step=50, value=None, key=_key("length"), placeholder="any")
    parts.words_to_avoid(PAGE)
    st.html(markup.note("How it is written; an empty field leaves it to the model:"))
    columns = st.columns(2)
    for place, knob in enumerate(wishes.KNOBS):
        columns[place % 2].number_input(
            knob.label, knob.low, knob.high, step=knob.step, key=_key(knob.name), help=knob.help, placeholder="its own",
            value=None,
        )  # fmt: skip
    return choice


def _defaults() -> None:
    """What an untouched form holds: no wish, the usual words to avoid, seed 0."""
    if _key("avoid") not in st.session_state:
        parts.fill_form(PAGE, Request(avoid=links.default_avoid()))
    st.session_state.setdefault(_key("count"), 1)
    if st.session_state[_key("count")] != 1:
        st.session_state[_key("count")] = links.MOST_TOGETHER


def _request() -> Request:
    return wishes.request({name: st.session_state.get(_key(name)) for name in wishes.values(Request())})


def _shown(right: Any) -> None:
    told = asking.told(PAGE)
    with right:
        asking.show_trouble(PAGE)
        if told is None:
            _examples()
        elif told.count == 1:
            parts.card(PAGE, told, told.stories[0])
            _again()
        else:
            st.html(markup.side_by_side(told.stories))
            _again()
    if told is not None and told.count > 1:
        for column, story in zip(st.columns(told.count), told.stories, strict=True):
            with column:
                parts.card(PAGE, told, story)


def _again() -> None:
    st.button("Again, with a new seed", icon=":material/refresh:", on_click=asking.ask_anew, args=(PAGE,))


def _examples() -> None:
    with st.container(border=True, gap="xsmall"):
        st.html(markup.empty("Your story will stand here.", "Nothing in mind? Take one of these:"))
        for label, request in EXAMPLES:
            st.button(label, type="tertiary", icon=":material/lightbulb:", on_click=_example, args=(request,))


def _example(request: Request) -> None:
    parts.fill_form(PAGE, wishes.request({**wishes.values(request), "avoid": " ".join(links.default_avoid())}))
    asking.ask(PAGE)


def _key(name: str) -> str:
    return f"{FIELD}{PAGE}.{name}"
