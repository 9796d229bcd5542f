"""The server of the app: Streamlit on one address, for known names only, that asks nobody else for anything."""

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from pathlib import Path
from typing import Any, Final

import streamlit
from starlette.middleware import Middleware

from tinystories.app import settings, warm
from tinystories.app.theme import THEME

SCRIPT: Final = Path(__file__).with_name("main.py")
LOCAL: Final = ("127.0.0.1", "localhost", "::1")
EVERYWHERE: Final = ("0.0.0.0", "::")  # addresses to listen on, and none to be asked at
# the browser itself refuses what isn't from here; styles and workers are made by Streamlit's own script
POLICY: Final = (
    "default-src 'self'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'self'"
)
_INLINE: Final = re.compile(r"<script>(.*?)</script>", re.DOTALL)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]


class Guard:
    """ASGI: answers 400 to foreign Host headers, which is how other sites' pages would reach a local server."""

    def __init__(self, app: Any, hosts: Iterable[str]) -> None:
        self.app = app
        self.hosts = {host.lower() for host in hosts}
        self.headers = (
            (b"content-security-policy", POLICY.format(scripts=_streamlits_own()).encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if self._known(scope):
                await self.app(scope, receive, self._with_headers(send))
            else:
                await _refuse(send)
        elif scope["type"] != "websocket" or self._known(scope):
            await self.app(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1008})

    def _known(self, scope: Scope) -> bool:
        named = [value.decode("latin-1") for key, value in scope["headers"] if key == b"host"]
        return len(named) == 1 and hostname(named[0]) in self.hosts

    def _with_headers(self, send: Send) -> Send:
        async def sending(message: Scope) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *self.headers]
            await send(message)

        return sending


def hostname(host: str) -> str:
    """The name in a Host header, without its port and in lower case: "[::1]:8501" is "::1"."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().rstrip(".")


def _streamlits_own() -> str:
    """The hashes of the scripts that stand in Streamlit's page itself, as a Content-Security-Policy wants them."""
    found = _INLINE.findall((Path(streamlit.__file__).parent / "static/index.html").read_text(encoding="utf-8"))
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in found)
    return " ".join(f"'sha256-{digest}'" for digest in digests)


async def _refuse(send: Send) -> None:
    body = b"this name is not one of the app's: tinystories app --allow-host NAME\n"
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 400, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def streamlit_options(host: str, port: int, hosts: Iterable[str]) -> dict[str, Any]:
    """Streamlit's options: no telemetry, no developer's menu, no traceback on the page, no watching of files."""
    return {
        "server.address": host,
        "server.port": port,
        "server.headless": True,
        "server.allowedHosts": sorted(hosts),
        "server.enableXsrfProtection": True,
        "server.enableCORS": True,
        "server.enableAgentApi": False,
        "server.fileWatcherType": "none",
        "server.showEmailPrompt": False,
        "server.maxMessageSize": 20,
        "server.maxUploadSize": 1,
        "browser.gatherUsageStats": False,
        "browser.serverAddress": "localhost" if host in (*LOCAL, *EVERYWHERE) else host,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        "client.allowedOrigins": [],
        "runner.magicEnabled": False,
        "logger.level": "warning",
        "logger.hideWelcomeMessage": True,
        **THEME,
    }


def serve(started: settings.Settings, host: str, port: int, allowed: Iterable[str], say: Callable[[str], None]) -> None:
    """Serve the app until it is interrupted. `say` is told the address."""
    from streamlit.starlette import App

    settings.configure(started)
    warm.pages()
    hosts = {*LOCAL, host, *allowed} - {*EVERYWHERE}
    say(f"the app is at http://{'localhost' if host in (*LOCAL, *EVERYWHERE) else host}:{port} (Ctrl+C ends it)")
    app = App(SCRIPT, middleware=[Middleware(Guard, hosts=hosts)], on_script_error=_one_line)
    app.run(config=streamlit_options(host, port, hosts))


def _one_line(error: Exception) -> bool:
    """What nobody foresaw: one line on the page, the rest on the terminal, and the app lives on."""
    from tinystories.app.markup import trouble

    streamlit.html(
        trouble(f"That did not work, and nobody foresaw it ({type(error).__name__}: {error}). The app goes on.")
    )
    return True
