"""`tinystories app`: the web app, on this computer unless told otherwise."""

import errno
import socket
from collections.abc import Sequence
from pathlib import Path

from tinystories.app.settings import Settings
from tinystories.commands.terms import project_root, say
from tinystories.errors import ModelError, ParamsError, TinyStoriesError
from tinystories.tracking.listing import ADDRESSES


def app_command(
    models: Sequence[str], host: str, port: int, allowed: Sequence[str], shelf: Path | None, user_header: str | None
) -> None:
    """Serve the app until it is interrupted. Raises TinyStoriesError for a model or an address that can't be."""
    for name in models:
        if not name.startswith(ADDRESSES) and not (Path(name) / "config.json").is_file():
            raise ModelError(f"no model in {name}: name a model folder, or models:/NAME@ALIAS")
    try:
        root = project_root()
    except ParamsError:
        root = Path.cwd()
    _refuse_taken(host, port)
    from tinystories.app.server import serve

    serve(Settings(root, tuple(models), shelf, user_header), host, port, allowed, say)


def _refuse_taken(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        why = (
            "something else is there; choose another with --port" if error.errno == errno.EADDRINUSE else error.strerror
        )
        raise TinyStoriesError(f"the app can't be at {host}:{port}: {why}") from None
