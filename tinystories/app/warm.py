"""torch takes seconds to import: that is done once a first page stands there, while its reader looks at it."""

import threading
from typing import Final

AFTER: Final = (
    2.0  # seconds from a page's last words to their being drawn, during which the browser wants the processor
)
_once = threading.Lock()


def begin() -> None:
    """Import what stories are written with, soon and once; whoever needs it before waits for it as for any import."""
    if _once.acquire(blocking=False):
        timer = threading.Timer(AFTER, _import)
        timer.daemon = True
        timer.start()


def _import() -> None:
    import tinystories.generation.story_model  # noqa: F401
