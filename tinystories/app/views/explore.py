"""Explore: the corpus that models learn from, by words, tags and lengths, down to one story and its parts."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from tinystories.app import markup, settings, texts
from tinystories.app.views import parts
from tinystories.app.views.parts import FIELD
from tinystories.errors import TinyStoriesError
from tinystories.paths import Paths
from tinystories.text.tags import MEANING, TAGS

if TYPE_CHECKING:
    from tinystories.app.corpus import Corpus

PAGE: Final = "explore"
SHOWN: Final = 8  # stories of a page of the list
WHO: Final = {
    "read": "by a reader", "features": "as asked for", "tagger": "by the tagger", "world": "true in the world",
}  # fmt: skip


def page() -> None:
    st.html(markup.head("Explore", "The stories that models here learn from: look for words, tags and lengths."))
    corpus = _corpus()
    if corpus is None:
        return
    left, right = st.columns([5, 8], gap="large")
    with left:
        rows = _filters(corpus)
    if len(rows) == 0:
        with right:
            st.html(markup.note("No story is like that: take a wish back, or write the word in another form."))
        return
    with left:
        row = _list(corpus, rows)
    with right:
        _story(corpus.row(row))
        _charts(corpus, rows)


def _corpus() -> "Corpus | None":
    file = Paths(settings.current().root).split
    if not file.is_file():
        st.html(markup.note("There are no stories here yet. One command reads, checks and divides them:"))
        st.code("make repro", language="sh")
        return None
    try:
        return _read(str(file), file.stat().st_mtime_ns)
    except TinyStoriesError as error:
        parts.trouble(error)
        return None


@st.cache_resource(max_entries=1, show_spinner="Reading the stories …")
def _read(file: str, changed: int) -> "Corpus":
    from tinystories.app.corpus import Corpus

    return Corpus.read(Path(file))


def _filters(corpus: "Corpus") -> Any:
    query = st.text_input("Search", key=f"{FIELD}{PAGE}.query", placeholder="kite river")
    tags = st.pills(
        "Tags", TAGS, selection_mode="multi", wrap=True, key=f"{FIELD}{PAGE}.tags",
        help="\n".join(f"- {tag}: {MEANING[tag]}" for tag in TAGS),
    )  # fmt: skip
    longest = int(corpus.words.max()) if len(corpus) else 1
    low, high = st.slider("Words", 0, max(longest, 1), (0, max(longest, 1)), key=f"{FIELD}{PAGE}.words")
    return corpus.find(query, tags, low, high)


def _list(corpus: "Corpus", rows: Any) -> int:
    """A page of what was found; the row that is looked at, at first the first one."""
    pages = -(-len(rows) // SHOWN)
    st.html(markup.note(f"{len(rows):,} of {len(corpus):,} stories"))
    at = 1
    if pages > 1:
        key = f"{FIELD}{PAGE}.page"
        st.session_state[key] = min(st.session_state.get(key, 1), pages)
        at = st.number_input(f"Page, of {pages:,}", 1, pages, step=1, key=key)
    shown = [int(row) for row in rows[(at - 1) * SHOWN : at * SHOWN]]
    chosen: int = st.session_state.get("explore.row", -1)
    if chosen not in shown:
        chosen = shown[0]
    with st.container(gap="xxsmall", key="explore-list"):
        for row in shown:
            story = corpus.row(row)
            label = f"{texts.literal(texts.shorten(story['first'], 70))} :gray[{story['words']}]"
            st.button(
                label, key=f"explore.{row}", type="secondary" if row == chosen else "tertiary", width="stretch",
                on_click=_look, args=(row,),
            )  # fmt: skip
    return chosen


def _look(row: int) -> None:
    st.session_state["explore.row"] = row


def _story(story: dict[str, Any]) -> None:
    with st.container(border=True):
        st.html(markup.tags(story["tags"] or [], f"tags {WHO.get(story['tags_from'], '')}" if story["tags"] else ""))
        st.html(markup.story_parts(story["first"], story["middle"], story["last"]))
        st.html(markup.facts_of(
            texts.length_of(story["text"]), f"in {story['partition']}", story["source"] or "", story["story_id"]
        ))  # fmt: skip
        if story["middle"] and st.button("Write another middle", icon=":material/format_ink_highlighter:"):
            st.session_state[f"{FIELD}fill.first"] = story["first"].strip()
            st.session_state[f"{FIELD}fill.last"] = story["last"].strip()
            st.switch_page(st.Page(_fill, title="Fill in", url_path="fill"))


def _fill() -> None:
    from tinystories.app.views import fill

    fill.page()


def _charts(corpus: "Corpus", rows: Any) -> None:
    st.html(markup.note(f"All {len(rows):,} that were found:"))
    one, two = st.columns(2)
    one.html(markup.histogram("Lengths", corpus.words[rows].tolist(), "words"))
    counts = [(str(tag), int(corpus.has[tag][rows].sum())) for tag in TAGS]
    if any(count for _, count in counts):
        two.html(markup.bars("Tags", counts, len(rows)))
