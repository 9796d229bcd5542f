"""Real use, in a real browser: Debian's Chromium against `tinystories app` as a user starts it."""

import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.app.browsing import IN_CHROMIUM, Server
from tests.builders import sample

UP_WITHIN = 3.0  # seconds of the processor until the page is served

pytestmark = IN_CHROMIUM


def test_it_is_up_at_once_and_only_for_its_own_names(server: Server) -> None:
    assert server.seconds < UP_WITHIN, f"{server.seconds} s of the processor"
    assert not server.torch, "what writes stories is read after the first page is drawn"
    for name in ("evil.example", "localhost.evil.example"):
        asked = urllib.request.Request(server.address, headers={"Host": name})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked)
        assert refused.value.code == 400


def test_typed_streamed_saved_reloaded_and_shared(reader: Any) -> None:
    one = reader()
    page = one.open()
    page.get_by_label("It begins").fill("Once upon a time, there was a little otter")
    page.get_by_text("Dialogue", exact=True).click()
    grown: list[tuple[int, bool]] = []
    page.expose_function("grown", lambda length, among: grown.append((length, among)))
    page.evaluate(
        "() => new MutationObserver(() => { const t = document.querySelector('.ts-tale');"
        " if (t && t.getAttribute('aria-busy'))"
        " grown(t.innerText.length, document.body.innerText.includes('A kite, a river')) })"
        ".observe(document.body, {subtree: true, childList: true, characterData: true})"
    )
    one.press("Write")
    story = one.story()
    assert story.startswith("Once upon a time, there was a little otter")
    assert len(set(grown)) > 5, "the words stream in"
    assert not any(among for _, among in grown), "what was offered before does not stand among them"
    assert page.get_by_text("its beginning").is_visible()

    link = one.link()
    assert "tag=Dialogue" in link and "seed=0" not in link
    page.keyboard.press("Escape")
    one.press("Save")
    page.get_by_role("button", name="Saved").wait_for()
    page.reload()
    assert one.story() == story, "the address is the link: reloaded, the story is there again"
    one.open("/shelf")
    page.get_by_text("Read it").first.click()
    page.locator(".ts-tale").first.wait_for()
    assert page.locator(".ts-tale").first.inner_text() == story

    other = reader()
    other.open(link)
    assert other.story() == story, "another profile, the same story"
    one.press("Delete")
    one.press("Delete it")
    page.get_by_text("Nothing here yet.").wait_for()


def test_downloads_are_the_story(reader: Any) -> None:
    one = reader(accept_downloads=True)
    page = one.open("/?start=Lily&max_tokens=30&seed=4")
    story = one.story()
    assert "start=Lily" in one.link()
    for shown in (page.get_by_test_id("stCode").first, page.get_by_role("button", name="As text")):
        box = shown.bounding_box()
        assert box["y"] > 0 and box["y"] + box["height"] < page.viewport_size["height"], "the window has room for all"
    with one.page.expect_download() as saved:
        one.press("As text")
    assert Path(saved.value.path()).read_text(encoding="utf-8").split() == story.split()
    assert saved.value.suggested_filename.startswith("lily") and saved.value.suggested_filename.endswith(".txt")
    with page.expect_download() as saved:
        one.press("As Markdown")
    markdown = Path(saved.value.path()).read_text(encoding="utf-8")
    assert saved.value.suggested_filename.endswith(".md") and '"start": "Lily"' in markdown
    assert f"<{page.url.partition('&model=')[0]}" in markdown, "the link is in it"


def test_a_story_of_the_corpus_gets_another_middle(reader: Any) -> None:
    one = reader()
    page = one.open("/explore")
    page.locator(".st-key-explore-list button").nth(2).click()
    one.settle()
    first = page.locator(".ts-tale .ts-given").first.inner_text().strip()
    assert first.startswith(sample(60)[2]["story"][:20])
    one.press("Write another middle")
    page.get_by_label("First sentence").wait_for()
    one.settle()
    assert page.url.endswith("/fill") and page.get_by_label("First sentence").input_value() == first
    assert sample(60)[2]["story"].endswith(page.get_by_label("Last sentence").input_value())


def test_a_middle_is_chosen_edited_and_gone_on_with(reader: Any) -> None:
    one = reader()
    page = one.open("/fill?first=Tom%20ran.&last=He%20was%20home.&max_tokens=20&stories=3")
    assert [one.story(place)[:8] for place in range(3)] == ["Tom ran."] * 3
    one.press("Take this one", 1)
    page.get_by_label("Edit it as you like").fill("Tom ran. He fell. He was home.")
    page.keyboard.press("Control+Enter")
    one.settle()
    one.press("Write on to the last sentence")
    page.locator(".ts-facts").nth(3).wait_for()
    assert one.story(3).startswith("Tom ran. He fell.") and one.story(3).endswith("He was home.")


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_axe_finds_nothing_serious_on_any_page(reader: Any, look: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    size = {"width": 360, "height": 780} if look == "phone" else {"width": 1280, "height": 850}
    one = reader(color_scheme="dark" if look == "dark" else "light", viewport=size)
    found = []
    long_word = look.title() * 16  # wider than a phone: the title of a story on the shelf, where no other test saved it
    written = f"/?prompt={long_word}&tag=Twist&max_tokens=20&stories=3"
    for path in (written, "/fill", "/compare", "/explore", "/shelf"):
        page = one.open(path)
        if path == written:
            one.story(2)
            one.press("Save")
            page.get_by_role("button", name="Saved").first.wait_for()
        if path == "/compare":
            one.press("Show what surprises")
            page.locator("div.ts-heat").wait_for()
        for violation in Axe().run(page).response["violations"]:
            if violation["impact"] in ("serious", "critical"):
                nodes = [node["html"][:160] for node in violation["nodes"][:3]]
                found.append(f"{path} {violation['id']}: {nodes}")
        # until the font of the icons is there their names stand in their places, and those are wide
        wide = page.evaluate(
            "async () => { await document.fonts.ready; const m = document.querySelector('[data-testid=stMain]');"
            " return m.scrollWidth - m.clientWidth }"
        )
        if wide > 0:
            found.append(f"{path} is {wide} pixels too wide")
    assert found == []


def test_a_story_can_be_written_with_the_keyboard_alone(reader: Any) -> None:
    one = reader()
    page = one.open()
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.tagName") == "TEXTAREA":
            break
    page.keyboard.type("Once upon a time")
    page.keyboard.press("Control+Enter")
    assert one.story().startswith("Once upon a time")
