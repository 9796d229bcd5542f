"""The script that Streamlit runs for every reader and every change: pages, and what all of them share."""

from pathlib import Path

import streamlit as st

from tinystories.app import warm
from tinystories.app.views import compare, explore, fill, parts, shelf, write

HERE = Path(__file__).parent

st.set_page_config(page_title="tinystories", page_icon=HERE / "icon.svg", layout="wide")
st.logo(HERE / "logo.svg", size="large")
parts.begin()
page = st.navigation(
    [
        st.Page(write.page, title="Write", icon=":material/edit:", default=True),
        st.Page(fill.page, title="Fill in", icon=":material/format_ink_highlighter:", url_path="fill"),
        st.Page(compare.page, title="Compare", icon=":material/compare_arrows:", url_path="compare"),
        st.Page(explore.page, title="Explore", icon=":material/explore:", url_path="explore"),
        st.Page(shelf.page, title="Shelf", icon=":material/bookmarks:", url_path="shelf"),
    ],
    position="top",
)
try:
    page.run()
finally:  # a page ends itself where there is no model
    warm.begin()
