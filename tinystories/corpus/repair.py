"""What came to harm on a story's way here is put right; nothing else in it changes."""

import re
from typing import Final

REPAIRS: Final = ("mojibake", "line_ends", "control_characters", "separator")

_SEPARATOR: Final = "<|endoftext|>"
_LINE_END: Final = re.compile("\r\n?|[\x0b\x0c\x85]")
_CONTROL: Final = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_LOOK: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u00c2-\u00f4]")
# two characters that UTF-8 read as Windows-1252 or Latin-1 leaves of one; ftfy decides whether they are
_PAIR: Final = re.compile("[\u00c2-\u00f4][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]")


def repaired(text: str) -> tuple[str, tuple[str, ...]]:
    """The text with its repairs made, and which of REPAIRS these were; without any, the text as it is.

    mojibake: UTF-8 that was read as Windows-1252 or Latin-1 (ftfy.fix_encoding). line_ends: Windows' and
    others' become line feeds. control_characters: those of ASCII and Latin-1, but for line feed and tab, go.
    separator: a stray `<|endoftext|>` goes, a space in its place where it stood between two words.
    """
    made = []
    if _LOOK.search(text):
        if _PAIR.search(text) and (fixed := _decoded(text)) != text:
            text = fixed
            made.append("mojibake")
        if _LINE_END.search(text):
            text = _LINE_END.sub("\n", text)
            made.append("line_ends")
        if _CONTROL.search(text):
            text = _CONTROL.sub("", text)
            made.append("control_characters")
    if _SEPARATOR in text:
        text = re.sub(rf"(?<=\S){re.escape(_SEPARATOR)}(?=\S)", " ", text).replace(_SEPARATOR, "")
        made.append("separator")
    return (text.strip() if made else text), tuple(made)


def _decoded(text: str) -> str:
    import ftfy

    # what was lost before stays lost: validate names it
    return str(ftfy.fix_encoding(text, ftfy.TextFixerConfig(replace_lossy_sequences=False)))
