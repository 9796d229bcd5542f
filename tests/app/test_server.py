"""The server: only for known names, nothing from elsewhere, and nobody told."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tinystories.app import settings
from tinystories.app.server import Guard, hostname, streamlit_options


async def inside(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start" if scope["type"] == "http" else "websocket.accept", "status": 200})


def asked(kind: str, *hosts: str) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": kind, "headers": [(b"host", host.encode()) for host in hosts]}
    asyncio.run(Guard(inside, ["localhost", "127.0.0.1", "::1"])(scope, receive, send))
    return sent


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8501", "127.0.0.1:8501", "[::1]:8501", "localhost."])
def test_its_own_names_are_answered_with_a_policy_that_keeps_the_browser_here(host: str) -> None:
    [start] = asked("http", host)
    headers = dict(start["headers"])
    assert start["status"] == 200
    assert b"default-src 'self'" in headers[b"content-security-policy"]
    assert b"unsafe-eval" not in headers[b"content-security-policy"]
    assert asked("websocket", host)[0]["type"] == "websocket.accept"


@pytest.mark.parametrize(
    "hosts", [("evil.example",), ("localhost.evil.example",), (), ("localhost", "evil.example"), ("",)]
)
def test_foreign_names_are_refused(hosts: tuple[str, ...]) -> None:
    assert asked("http", *hosts)[0]["status"] == 400
    assert asked("websocket", *hosts) == [{"type": "websocket.close", "code": 1008}]


def test_names_in_host_headers() -> None:
    assert [hostname(h) for h in ("A.B:1", "[::1]", "::1", "a.")] == ["a.b", "::1", "", "a"]


def test_streamlit_tells_nobody_and_shows_no_traceback() -> None:
    options = streamlit_options("127.0.0.1", 8501, ["localhost"])
    assert options["browser.gatherUsageStats"] is False
    assert options["server.address"] == "127.0.0.1"
    everywhere = streamlit_options("0.0.0.0", 8501, ["localhost"])  # in a container
    assert (everywhere["server.address"], everywhere["browser.serverAddress"]) == ("0.0.0.0", "localhost")
    assert options["client.showErrorDetails"] == "none"
    assert options["server.enableAgentApi"] is False


def test_what_draws_a_page_loads_nothing_heavy() -> None:
    program = (
        "import sys; import tinystories.app.server; "
        "from tinystories.app.views import compare, explore, fill, shelf, write; "
        "print({'torch', 'mlflow', 'transformers', 'pandas', 'scipy', 'dvc', 'numpy', 'pyarrow', 'pydantic', 'yaml'}"
        " & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_pages_are_read_beside_the_servers_start_and_torch_is_not() -> None:
    program = (
        "import sys, threading; from tinystories.app import warm; before = 'streamlit' in sys.modules; warm.pages(); "
        "[thread.join() for thread in threading.enumerate() if thread is not threading.main_thread()]; "
        "names = ('tinystories.app.views.write', 'tinystories.app.views.shelf', 'torch', 'pyarrow'); "
        "print(before, *(name in sys.modules for name in names))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True", "True", "False", "False"]


def test_the_shelf_is_in_the_users_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert settings.Settings(tmp_path).shelf_file == tmp_path / "tinystories/shelf.sqlite"
    monkeypatch.delenv("XDG_DATA_HOME")
    assert settings.user_data().name == "tinystories" and settings.user_data().is_relative_to(Path.home())
    assert settings.Settings(tmp_path, shelf=tmp_path / "mine").shelf_file == tmp_path / "mine"
