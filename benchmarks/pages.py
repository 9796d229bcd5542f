"""Tables of measurements in pages of docs, between marks; and what machine they were made on."""

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tinystories.corpus.parallel import cores
from tinystories.errors import TinyStoriesError
from tinystories.files import write_text

BF16: Final = ("amx_bf16", "avx512_bf16")  # flags of a CPU that computes in bfloat16


def fill(page: Path, tables: Mapping[str, str]) -> None:
    """Write each table into `page`, between the marks of its name."""
    text = page.read_text(encoding="utf-8")
    for name, table in tables.items():
        text = put(text, name, table)
    write_text(page, text)


def put(text: str, name: str, table: str) -> str:
    """`text` with `table` between the marks of its name."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    head, marked, rest = text.partition(begin)
    _, ended, tail = rest.partition(end)
    if not marked or not ended:
        raise TinyStoriesError(f"the page has no {begin.strip()} ... {end}: put these lines where the table goes")
    return f"{head}{begin}{table}\n{end}{tail}"


def machine() -> str:
    """This machine's cores, by name, and how it computes in bfloat16."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    about = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    found = [flag for flag in BF16 if flag in about.get("flags", "").split()]
    name = about.get("model name", platform.machine())
    return f"{cores()} cores of {name} ({' and '.join(found) or 'no bfloat16'})"
