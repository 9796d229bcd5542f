"""Real use, in a real browser: Debian's Chromium against `tinystories app` as a user starts it."""

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.builders import sample, write_split

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-component-update",
    "--disable-background-networking", "--disable-sync",
]  # fmt: skip
PATIENCE = 120_000  # ms; a machine that does other things as well
UP_WITHIN = 3.0  # seconds of the processor until the page is served

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: apt install chromium"),
]


@dataclass
class Server:
    """The app as a process, whose way to the network is watched: proxies that it would use are ours."""

    address: str
    process: "subprocess.Popen[str]"
    project: Path
    seconds: float  # of the processor, until it answered
    torch: bool = True  # whether it had been loaded by then
    abroad: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def server(root: Path, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    project = tmp_path_factory.mktemp("project")
    shutil.copytree(folder, project / "models/current")
    shutil.copy(root / "params.yaml", project)
    write_split(project / "data/split/stories.parquet", {"train": [row["story"] for row in sample(60)]})
    port, spy = free_port(), socket.create_server(("127.0.0.1", 0))
    proxy = f"http://127.0.0.1:{spy.getsockname()[1]}"
    environment = {
        **os.environ, "PYTHONPATH": str(root), "XDG_DATA_HOME": str(project / "data-home"), "OMP_NUM_THREADS": "1",
        **dict.fromkeys(("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"), proxy),
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "tinystories", "app", "--port", str(port)],
        cwd=project, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    started = Server(f"http://127.0.0.1:{port}", process, project, 0.0)
    threading.Thread(target=listen, args=(spy, started.abroad), daemon=True).start()
    wait_for(started)
    yield started
    process.terminate()
    assert process.wait(30) in (0, -15, 143)
    spy.close()


def listen(spy: socket.socket, heard: list[str]) -> None:
    while True:
        try:
            connection, _ = spy.accept()
        except OSError:
            return
        heard.append(connection.recv(200).decode("latin-1").partition("\r\n")[0])
        connection.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def wait_for(started: Server) -> None:
    until = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < until:
        assert started.process.poll() is None, started.process.stderr and started.process.stderr.read()
        try:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{started.address}/_stcore/health")
        except urllib.error.URLError:
            time.sleep(0.05)
        else:
            ticks = Path(f"/proc/{started.process.pid}/stat").read_text().rpartition(")")[2].split()
            started.torch = "libtorch" in Path(f"/proc/{started.process.pid}/maps").read_text()
            started.seconds = (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")
            return
    raise AssertionError("the app does not answer")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        launched.close()


@dataclass
class Reader:
    """A person with a browser profile of their own. Their requests and their browser's complaints are written down."""

    page: Any
    address: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str = "/") -> Any:
        self.page.goto(path if path.startswith("http") else self.address + path)
        self.page.wait_for_selector("h1")
        self.settle()
        return self.page

    def settle(self) -> None:
        self.page.wait_for_timeout(200)
        self.page.wait_for_function(
            "() => !document.querySelector('[data-test-script-state=running], [data-testid=stSkeleton]')"
        )
        self.page.wait_for_timeout(300)

    def press(self, name: str, place: int = 0) -> None:
        self.page.get_by_role("button", name=name).nth(place).click()

    def story(self, place: int = 0) -> str:
        self.page.locator(".ts-facts").nth(place).wait_for()
        self.settle()
        return str(self.page.locator(".ts-tale").nth(place).inner_text())

    def link(self) -> str:
        self.press("Share or download")
        return str(self.page.get_by_test_id("stCode").first.inner_text()).strip()


@pytest.fixture
def reader(server: Server, chromium: Any) -> Iterator[Any]:
    """Makes readers, and in the end looks what all of them asked of whom."""
    readers: list[Reader] = []

    def one(**options: Any) -> Reader:
        context = chromium.new_context(**options)
        context.set_default_timeout(PATIENCE)
        made = Reader(context.new_page(), server.address)
        made.page.on("request", lambda request: made.requests.append(request.url))
        made.page.on("websocket", lambda opened: made.requests.append(opened.url))
        made.page.on("console", lambda said: made.complaints.append(said.text) if said.type == "error" else None)
        readers.append(made)
        return made

    yield one
    here = re.compile(rf"(http|ws)://127\.0\.0\.1:{server.address.rpartition(':')[2]}/|data:|blob:")
    for made in readers:
        assert [url for url in made.requests if not here.match(url)] == []
        assert [said for said in made.complaints if "Content Security Policy" in said] == []
        made.page.context.close()
    assert server.abroad == []


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
    grown: list[int] = []
    page.expose_function("grown", lambda length: grown.append(length))  # noqa: PLW0108 - Playwright marks what it is given
    page.evaluate(
        "() => new MutationObserver(() => { const t = document.querySelector('.ts-tale');"
        " if (t && t.getAttribute('aria-busy')) grown(t.innerText.length) })"
        ".observe(document.body, {subtree: true, childList: true, characterData: true})"
    )
    one.press("Write")
    story = one.story()
    assert story.startswith("Once upon a time, there was a little otter")
    assert len(set(grown)) > 5, "the words stream in"
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
    one.open("/?start=Lily&max_tokens=30&seed=4")
    story = one.story()
    one.press("Share or download")
    with one.page.expect_download() as saved:
        one.press("As text")
    assert Path(saved.value.path()).read_text(encoding="utf-8").split() == story.split()
    assert saved.value.suggested_filename.startswith("lily") and saved.value.suggested_filename.endswith(".txt")


def test_two_readers_do_not_see_each_others_drafts(reader: Any) -> None:
    ann, bob = reader(), reader()
    ann.open("/?prompt=Ann%20has%20a%20secret&max_tokens=20")
    assert ann.story().startswith("Ann has a secret")
    ann.page.get_by_label("It begins").fill("Ann writes on")
    bob.open()
    assert "Ann" not in bob.page.inner_text("body") and bob.page.get_by_label("It begins").input_value() == ""
    bob.open("/fill")
    assert "Ann" not in bob.page.inner_text("body")


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
