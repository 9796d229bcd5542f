"""Compare: two models, the same request and seed; and where each is surprised by a text that one pastes."""

import math
from typing import Final

import streamlit as st

from tinystories.app import links, markup, wishes
from tinystories.app.choices import Choice
from tinystories.app.views import asking, parts
from tinystories.app.views.parts import FIELD, Told
from tinystories.errors import TinyStoriesError
from tinystories.generation.requests import Request
from tinystories.text.tags import TAGS

PAGE: Final = "compare"
LONGEST: Final = 6000  # characters of a text that is looked at token by token
TOLD: Final = "compare.told"  # one Told a model
SURPRISE: Final = "compare.surprise"
SAMPLE: Final = "Once upon a time, there was a little otter. She lived in the river and she liked to eat umbrellas."


def page() -> None:
    st.html(markup.head("Compare", "The same request and the same seed to two models; then what each did not expect."))
    available = parts.models()
    chosen = _chosen(available)
    _stories(chosen)
    _surprise(chosen)


def _chosen(available: list[Choice]) -> list[Choice]:
    """The models to compare; one, where there is no other or twice the same is wanted."""
    if len(available) == 1:
        st.html(markup.note(
            f"There is one model here, {available[0].label}. Others come from fine-tuning (tinystories finetune), "
            "or are named when the app is started: tinystories app --model FOLDER."
        ))  # fmt: skip
        return available
    one, two = st.columns(2, gap="large")
    with one:
        left = parts.choose(f"{PAGE}.one", available, "One model", 0)
    with two:
        right = parts.choose(f"{PAGE}.two", available, "Another model", 1)
    return [left] if left == right else [left, right]


def _stories(chosen: list[Choice]) -> None:
    if f"{FIELD}{PAGE}.seed" not in st.session_state:
        parts.fill_form(PAGE, Request(avoid=links.default_avoid()))
    with st.form("request", border=False):
        one, two = st.columns(2, gap="large")
        one.text_area("It begins", key=f"{FIELD}{PAGE}.prompt", height=80, placeholder="Once upon a time, …")
        two.pills("It has", TAGS, selection_mode="multi", wrap=True, key=f"{FIELD}{PAGE}.tags")
        with two:
            parts.words_to_avoid(PAGE)
        number, go = two.columns([2, 3], vertical_alignment="bottom")
        number.number_input("Seed", 0, links.EXACT - 1, step=1, key=f"{FIELD}{PAGE}.seed")
        name = "Write with both" if len(chosen) > 1 else "Write"
        asked = go.form_submit_button(name, type="primary", icon=":material/edit:", width="stretch")
    if asked:
        _write(chosen)
    asking.show_trouble(PAGE)
    told: list[Told] = st.session_state.get(TOLD, [])
    for column, each in zip(st.columns(max(len(told), 1), gap="large"), told, strict=False):
        with column:
            parts.card(PAGE, each, each.stories[0], actions=False)


def _write(chosen: list[Choice]) -> None:
    for key in (TOLD, f"{PAGE}.trouble"):
        st.session_state.pop(key, None)
    try:
        asked = {name: st.session_state.get(f"{FIELD}{PAGE}.{name}") for name in ("prompt", "tags", "avoid", "seed")}
        request = wishes.request(asked)
        stories = asking.write(chosen, [request] * len(chosen), st.container())
    except TinyStoriesError as error:
        st.session_state[f"{PAGE}.trouble"] = str(error)
    else:
        st.session_state[TOLD] = [
            Told(request, choice, [story]) for choice, story in zip(chosen, stories, strict=True)
        ]  # fmt: skip
    st.rerun()


def _surprise(chosen: list[Choice]) -> None:
    st.html('<h2 class="ts-h2">What did it not expect?</h2>')
    with st.form("surprise", border=False):
        text = st.text_area("A text of yours", key=f"{FIELD}{PAGE}.text", height=120, placeholder=SAMPLE)
        if st.form_submit_button("Show what surprises", icon=":material/whatshot:"):
            st.session_state[SURPRISE] = text if text.strip() else SAMPLE
    if SURPRISE not in st.session_state:
        return
    text = st.session_state[SURPRISE]
    if len(text) > LONGEST:
        st.html(markup.note(f"The first {LONGEST:,} characters of {len(text):,}."))
        text = text[:LONGEST]
    st.html(markup.scale())
    rows = []
    try:
        for column, choice in zip(st.columns(len(chosen), gap="large"), chosen, strict=True):
            pieces = parts.load(choice).surprise(text)
            with column, st.container(border=True):
                st.html(markup.note(choice.label) + markup.heat(pieces))
            total = sum(nats for _, nats in pieces)
            hardest, nats = max(pieces[:-1], key=lambda piece: piece[1])
            rows.append((
                choice.label, f"{total / math.log(2) / len(text.encode('utf-8')):.3f}", f"{total / len(pieces):.2f}",
                f"{len(pieces):,}", f"“{hardest.strip()}” {nats:.1f}",
            ))  # fmt: skip
    except TinyStoriesError as error:
        parts.trouble(error)
        return
    header = ("model", "bits per byte", "nats a token", "tokens", "most surprising, nats")
    st.html(
        markup.table(
            "Bits per byte compare across models; nats a token only where the tokens are the same.", header, rows
        )
    )
