"""What is no whole story, told by its text: each detector's precision on real text stands in docs/corpus.md."""

import re
from collections.abc import Callable
from typing import Any, Final

_CLOSERS: Final = " \t\n\r\u00a0\"'”’»)]*_"
_ENDS: Final = re.compile(r"[.!?…。！？।؟]")
_THE_END: Final = re.compile(r"(?i)\bthe end$")
_BREAKS: Final = ",;:-–—"

_QUOTED: Final = re.compile(r"[\"“][^\"”“\n]*[\"”]")
_CANNOT: Final = r"(?: can(?:no|['’])t| won['’]t|(?: am|['’]m) (?:not able|unable) to)"
_REFUSAL: Final = re.compile(
    r"\bas an ai\b(?! named)|\bai language model\b|\b(?:open ?ai|chatgpt)\b"
    rf"|^\W*i(?:['’]m| am) (?:very |so )?sorry,? (?:but )?i{_CANNOT}|\bi{_CANNOT} "
    r"(?:write|generate|create|fulfill?|complete|continue|provide)\b"
    r"[^.!?\n]{0,40}\b(?:story|stories|request|prompt|content)\b",
    re.IGNORECASE,
)
_LEAKED: Final = re.compile(
    r"^\s*(?:features|words|summary|random sentence|instructions?|prompt|possible story|revised story|story)\s*:"
    r"|\bhere(?:['’]s| is) (?:an?|one|another|my|your|the) (?:possible |short |simple |new |revised )*"
    r"(?:story|version of)\b"
    r"|\b(?:plot twist|foreshadow(?:s|ed|ing)?)\b"
    r"|\b(?:the|this) story (?:also )?(?:has|had|contains|includes|should|must) (?:have |contain )?(?:an? )?"
    r"(?:bad ending|dialogue|twist|moral value|conflict)"
    r"|\bwrite a short story \(|\b3-5 paragraphs\b",
    re.IGNORECASE | re.MULTILINE,
)
# what one of the expressions above needs, looked for first: a hundred times faster, and rarely there
_OF_A_MODEL: Final = ("as an ai", "ai language", "openai", "open ai", "chatgpt", "request", "prompt")
_NO: Final = ("cannot ", "can't ", "can’t ", "unable to", "not able to", "won't ", "won’t ")
_OF_A_PROMPT: Final = (
    "features", "words", "summary", "random sentence", "instruction", "prompt", "story:",
    "here is", "here's", "here’s", "plot twist", "foreshadow", "story also", "story has", "story had",
    "story contains", "story includes", "story should", "story must", "short story (", "3-5 paragraphs",
)  # fmt: skip

_WORD: Final = re.compile(r"[^\W\d_]+")
# the commonest words of English stories that are no words of the languages written with the same letters
_ENGLISH: Final = frozenset(re.findall(r"\w+", """
the and was they she her his he it to of with that had were said you for so very but out not there when day could
would their him what from then them wanted saw went one little my at this is be are have who how all
"""))  # fmt: skip
_FOREIGN_SHARE: Final = 0.15  # an English story has more than a third of these words, other languages hardly any


def cut_off(text: str) -> bool:
    """Whether a text that has sentences stops inside one; "The End" may stand without a full stop."""
    core = text.rstrip(_CLOSERS)
    return bool(core) and (core[-1].isalnum() or core[-1] in _BREAKS) and _stops(core)


def _stops(core: str) -> bool:
    return _ENDS.search(core) is not None and _THE_END.search(core) is None


def refusal(text: str) -> bool:
    """Whether a language model speaks of itself or declines, outside of what the story's people say."""
    low = text.lower()
    if not (any(sign in low for sign in _OF_A_MODEL) or (any(no in low for no in _NO) and "stor" in low)):
        return "sorry" in low[:16] and _REFUSAL.search(text) is not None
    return _REFUSAL.search(_QUOTED.sub('""', text)) is not None


def leaked_prompt(text: str) -> bool:
    """Whether the request stands in the story: its fields, its names for what was asked for, the answer to it."""
    low = text.lower()
    return any(sign in low for sign in _OF_A_PROMPT) and _LEAKED.search(text) is not None


def refusals(texts: Any) -> list[bool]:
    """`refusal` of each text of an Arrow array."""
    return _found(texts, "|".join(map(re.escape, (*_OF_A_MODEL, *_NO, "sorry"))), refusal)


def leaked_prompts(texts: Any) -> list[bool]:
    """`leaked_prompt` of each text of an Arrow array."""
    return _found(texts, "(?m)" + _LEAKED.pattern.replace(r"\s", r"[\s\v\x1c-\x1f]"), leaked_prompt)


def _found(texts: Any, sign: str, detector: Callable[[str], bool]) -> list[bool]:
    """`detector` of each text, asked only where Arrow's expressions, which are faster, find a sign of it. They know
    classes and cases of letters in ASCII alone: of other texts the detector is always asked."""
    import pyarrow.compute as pc

    signed = pc.match_substring_regex(texts, sign, ignore_case=True)
    asked = pc.or_(signed, pc.invert(pc.string_is_ascii(texts))).to_numpy(zero_copy_only=False)
    found = [False] * len(texts)
    for row in asked.nonzero()[0].tolist():
        found[row] = detector(texts[row].as_py())
    return found


def not_english(text: str) -> bool:
    """Whether hardly any of the commonest English words stand in it; a text without a word is of no language."""
    words = _WORD.findall(text.lower())
    return bool(words) and sum(word in _ENGLISH for word in words) < _FOREIGN_SHARE * len(words)
