"""How the marks of a text are spelled in files, and as tokens where a base has none of its own."""

from typing import Final

STARTER: Final = "<|startoftext|>"
ENDER: Final = "<|endoftext|>"
ROLES: Final = {role: f"<|{role}|>" for role in ("system", "user", "assistant")}
