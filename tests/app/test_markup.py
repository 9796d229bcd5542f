"""Whatever a text holds is shown as text; what was met is told truly."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinystories.app import markup, texts
from tinystories.generation.requests import Request
from tinystories.generation.story import Story

HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">&amp;\'"</div></style><b>*_`$x$` :material/home:'


class Read(HTMLParser):
    """Tags and text of an HTML piece, as a browser would read it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text(max_size=60))
def test_a_story_is_shown_word_for_word(text: str) -> None:
    assert Read(markup.tale(text)).text == text.replace("\0", "\ufffd") or "\0" in text or "\r" in text


@pytest.mark.parametrize(
    "html",
    [
        markup.tale(HOSTILE), markup.tale(f"a {HOSTILE} b", "a", "b", writing=True), markup.trouble(HOSTILE),
        markup.note(HOSTILE), markup.head(HOSTILE, HOSTILE), markup.heat([(HOSTILE, 3.0), ("", 1.0)]),
        markup.met({f"word:{HOSTILE}": False, f"avoid:{HOSTILE}": False, f"tag:{HOSTILE}": True}),
        markup.table(HOSTILE, [HOSTILE], [[HOSTILE, HOSTILE]]), markup.tags([], HOSTILE), markup.title(HOSTILE),
        markup.story_parts(HOSTILE, HOSTILE, HOSTILE), markup.facts_of(HOSTILE), markup.empty(HOSTILE, HOSTILE),
    ],
)  # fmt: skip
def test_markup_in_a_text_is_no_markup(html: str) -> None:
    read = Read(html)
    assert not {"script", "img", "style"} & set(read.tags)
    assert "<script>alert(1)" in read.text


def test_what_was_given_is_marked_and_only_that() -> None:
    html = markup.tale("Tom ran. He fell. They laughed.", "Tom ran.", "They laughed.")
    assert html.count('<span class="ts-given">') == 2
    assert '<span class="ts-given">Tom ran.</span> He fell. <span class="ts-given">They laughed.</span>' in html
    assert "ts-given" not in markup.tale("Another text.", "Tom ran.", "They laughed.")


def test_what_was_met_and_what_was_not() -> None:
    html = markup.met({"tag:Twist": True, "word:kite": False, "avoid:cat": True, "avoid:dog": True})
    assert html.count("ts-met") == 2 and html.count("ts-unmet") == 1
    assert "none of 2 words to avoid" in html and "not kept: " in html
    assert "avoid dog" in markup.met({"avoid:cat": True, "avoid:dog": False})


def test_facts_say_how_it_ended() -> None:
    story = Story("One two three.", Request(seed=4, index=2), {}, "eos", 5, 10.0, 4, "tiny")
    assert Read(markup.facts(story, "tiny")).text == (
        "ended by itself · 3 words · 5 tokens · 2.00 nats a token · seed 4 · story 3 · tiny"
    )


def test_a_megabyte_is_shortened_where_one_line_is_meant() -> None:
    assert len(texts.shorten("x" * 1_000_000)) == 300
    assert len(markup.trouble("<" * 1_000_000)) < 2000
    assert texts.shorten("a \n b") == "a b"


def test_labels_show_every_mark_as_itself() -> None:
    assert texts.literal("*a* [b](http://c) :d: $e$") == r"\*a\* \[b\]\(http\:\/\/c\) \:d\: \$e\$".replace(r"\/", "/")


def test_downloads_hold_the_story_and_where_it_is_from() -> None:
    assert texts.as_text(" One.\nTwo. ") == "One.\nTwo.\n"
    markdown = texts.as_markdown(
        "# One *two*\n\nThree.", {"seed": 1, "prompt": "```"}, "tiny", "http://localhost/?seed=1"
    )
    assert "\\# One \\*two\\*" in markdown and "http://localhost/?seed=1" in markdown
    assert "````json" in markdown
    assert texts.file_name("Tom's Été: a ../../kite!") == "tom-s-ete-a-kite"
    assert texts.file_name("🦦") == "story"
