"""The app as a process and people with browsers; what they ask of whom is watched: fixtures of the browser's tests."""

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
IN_CHROMIUM = [
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
        [sys.executable, "-m", "tinystories", "app", "--port", str(port), "--user-header", "X-Reader"],
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
