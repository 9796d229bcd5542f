"""Shelf: the stories that were saved, each with its request, seed and model."""

from typing import Final

import streamlit as st

from tinystories.app import markup, texts, wishes
from tinystories.app.shelf import Saved
from tinystories.app.views import parts
from tinystories.errors import TinyStoriesError
from tinystories.generation.requests import Request

PAGE: Final = "shelf"
SHOWN: Final = 20  # stories on the page; the others are a click away


def page() -> None:
    st.html(markup.head("Shelf", "The stories that you kept."))
    try:
        shelf = parts.shelf()
        stories = shelf.stories()
    except TinyStoriesError as error:
        parts.trouble(error)
        return
    if not stories:
        with st.container(border=True):
            st.html(markup.empty("Nothing here yet.", "A story that you like has a button that says Save."))
        return
    most: int = st.session_state.setdefault("shelf.most", SHOWN)
    for story in stories[:most]:
        _story(story)
    if len(stories) > most and st.button(f"Show more ({len(stories) - most:,})"):
        st.session_state["shelf.most"] = most + SHOWN
        st.rerun()


def _story(story: Saved) -> None:
    request = wishes.request(wishes.values(Request(**story.request)))
    with st.container(border=True):
        st.html(
            markup.title(texts.title(story.text))
            + markup.facts_of(
                texts.length_of(story.text), texts.summary(story.request), f"seed {request.seed}", story.model,
                story.saved.replace("T", " ").removesuffix("Z")[:16] + " UTC",
            )
        )  # fmt: skip
        with st.expander("Read it"):
            st.html(markup.met(story.met) + markup.tale(story.text, parts.opening(request), request.last or ""))
        with st.container(horizontal=True, gap="small"):
            parts.give(story, parts.link(story.page, request, 1, story.fingerprint), f"shelf.{story.id}")
            with st.popover("Delete", icon=":material/delete:"):
                st.caption("Once deleted, it is gone for good.")
                st.button(
                    "Delete it", type="primary", key=f"shelf.{story.id}.delete", on_click=_delete, args=(story.id,)
                )


def _delete(identity: str) -> None:
    parts.shelf().delete(identity)
