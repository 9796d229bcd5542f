"""Imports that nobody waits for: pages while the browser reads Streamlit's scripts, torch once a first page stands."""

import threading
from typing import Final

AFTER: Final = (
    2.0  # seconds from a page's last words to their being drawn, during which the browser wants the processor
)
_once = threading.Lock()


def pages() -> None:
    """Import what draws the pages, beside the server's own start; a reader who is quicker waits for the rest of it."""
    threading.Thread(target=_pages, daemon=True).start()


def begin() -> None:
    """Import what stories are written with, soon and once; whoever needs it before waits for it as for any import."""
    if _once.acquire(blocking=False):
        timer = threading.Timer(AFTER, _writing)
        timer.daemon = True
        timer.start()


def _pages() -> None:
    import numpy  # noqa: F401 - Streamlit's st.logo wants it

    from tinystories.app.views import compare, explore, fill, shelf, write  # noqa: F401


def _writing() -> None:
    import tinystories.generation.story_model  # noqa: F401
