"""In a real browser: readers are kept apart, hostile text is text, and whatever fails is one line."""

import sqlite3
from contextlib import closing
from typing import Any

from tests.app.browsing import IN_CHROMIUM, Server

pytestmark = IN_CHROMIUM


def test_two_readers_do_not_see_each_others_drafts(reader: Any) -> None:
    ann, bob = reader(), reader()
    ann.open("/?prompt=Ann%20has%20a%20secret&max_tokens=20")
    assert ann.story().startswith("Ann has a secret")
    ann.page.get_by_label("It begins").fill("Ann writes on")
    bob.open()
    assert "Ann" not in bob.page.inner_text("body") and bob.page.get_by_label("It begins").input_value() == ""
    bob.open("/fill")
    assert "Ann" not in bob.page.inner_text("body")


def test_with_a_proxys_header_each_reader_has_a_shelf(reader: Any) -> None:
    ann, bob = (reader(extra_http_headers={"X-Reader": name}) for name in ("ann", "bob"))
    ann.open("/?prompt=Ann%20keeps%20this&max_tokens=20")
    ann.story()
    ann.press("Save")
    ann.page.get_by_role("button", name="Saved").wait_for()
    for one, kept in ((ann, 1), (bob, 0), (reader(), 0)):
        shelf = one.open("/shelf").inner_text("body")
        assert shelf.count("Ann keeps this") == 2 * kept, "in its title, and in what was asked for"


def test_what_nobody_foresaw_is_one_line_and_the_app_lives(reader: Any, server: Server) -> None:
    one = reader(extra_http_headers={"X-Reader": "carl"})
    one.open("/?prompt=Carl&max_tokens=8")
    one.story()
    one.press("Save")
    one.page.get_by_role("button", name="Saved").wait_for()
    with closing(sqlite3.connect(server.project / "data-home/tinystories/shelf.sqlite")) as shelf, shelf:
        shelf.execute("update stories set request = '{\"prompt\": ' where owner = 'carl'")
    page = one.open("/shelf")
    page.locator(".ts-trouble").wait_for()
    trouble = page.locator(".ts-trouble").inner_text()
    assert "nobody foresaw it (JSONDecodeError" in trouble and "\n" not in trouble.strip()
    assert "Traceback" not in page.inner_text("body")
    assert one.open("/explore").locator(".ts-tale").first.inner_text()


HOSTILE = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\"> **bold** $x$ :smile:"


def test_hostile_text_is_text(reader: Any) -> None:
    one = reader()
    page = one.open()
    page.get_by_label("It begins").fill(HOSTILE)
    one.press("Write")
    assert one.story().startswith(HOSTILE)
    one.press("Save")
    page.get_by_role("button", name="Saved").wait_for()
    one.open("/shelf")
    assert "<script>" in page.locator(".ts-title").first.inner_text()
    one.open("/compare")
    page.get_by_label("A text of yours").fill(HOSTILE)
    one.press("Show what surprises")
    page.locator("div.ts-heat").wait_for()
    assert page.locator("div.ts-heat").inner_text() == HOSTILE
    assert page.title() != "taken" and page.locator(".stApp img[src=x], .stApp script").count() == 0


def test_a_megabyte_and_a_failing_model_are_one_line_and_the_app_lives(reader: Any, server: Server) -> None:
    one = reader()
    page = one.open()
    page.get_by_label("It begins").evaluate(
        "(box, text) => { Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value').set.call(box, text);"
        " box.dispatchEvent(new Event('input', {bubbles: true})) }",
        "<b>once</b> " * 90_000,
    )
    one.press("Write")
    page.locator(".ts-trouble").wait_for()
    assert "leaves no room for a story" in page.locator(".ts-trouble").inner_text()
    weights = server.project / "models/current/model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(b"damaged")
    one.open("/?seed=2&max_tokens=20")
    page.locator(".ts-trouble").wait_for()
    assert "train or copy it again" in page.locator(".ts-trouble").inner_text()
    weights.write_bytes(whole)
    one.press("Write")
    assert one.story()
