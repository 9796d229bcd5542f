"""Words of a text, as the controls mean them: the first, the last, how many, and their forms."""

import unicodedata
from collections.abc import Collection, Iterator
from typing import Final

import regex

from tinystories.text.sentences import sentences

# letters, marks and digits; an apostrophe or a hyphen inside belongs to the word ("ice-cream", "don't")
_WORD: Final = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:['’\-][\p{L}\p{M}\p{N}]+)*")
_SENTENCE_END: Final = regex.compile(r"[.!?…]+[\"”'’)\]]*\s*\Z")
_LONGEST_SINGLE: Final = 250  # characters of a quotation in single quotes: apostrophes look like one's beginning
_SINGLE_OPEN: Final = regex.compile(r"(?:^|[\s(\[—–-])['‘](?=\w)(?!.*[.!?…,]['’](?!\w))", regex.DOTALL)
_VOWELS: Final = "aeiou"


def same(word: str) -> str:
    """What two spellings of one word have in common: NFC, no case, one kind of apostrophe."""
    return unicodedata.normalize("NFC", word).casefold().replace("’", "'")


def is_one_word(text: str) -> bool:
    return _WORD.fullmatch(text) is not None


def first_word(text: str) -> str:
    """The first word, "" if there is none; quotes and other marks before it don't count."""
    match = _WORD.search(text)
    return match.group() if match else ""


def last_word(text: str) -> str:
    """The last word, "" if there is none; marks and closing quotes after it don't count."""
    end = None
    for end in _WORD.finditer(text):  # noqa: B007
        pass
    return end.group() if end else ""


def ends_sentence(text: str) -> bool:
    """Whether `text` ends with a sentence's mark, closing quotes after it or not."""
    return _SENTENCE_END.search(text[-20:]) is not None


def opens_quotation(text: str) -> bool:
    """Whether a quotation that begins in `text` may end after it."""
    if text.count('"') % 2 or text.count("“") > text.count("”") or text.count("«") > text.count("»"):
        return True
    return _SINGLE_OPEN.search(text[-_LONGEST_SINGLE:]) is not None


def count_words(text: str) -> int:
    """Pieces between white space."""
    return len(text.split())


def forms(word: str) -> frozenset[str]:
    """`word` and its regular inflections: plural, third person, past, -ing.

    Irregular forms (went, mice) and comparison are not among them: -er would take "corner" for "corn".
    """
    base = same(word)
    found = {base}
    if len(base) < 2 or not base[-1].isalpha():
        return frozenset(found)
    found |= {base + "s", base + "ing"}
    consonant_before = base[-2] not in _VOWELS
    if base.endswith(("s", "x", "z", "ch", "sh", "o")):
        found.add(base + "es")
    if base[-1] != "e" and len(base) > 2:
        found.add(base + "ed")
    if base[-1] not in _VOWELS + "wxy" and not consonant_before:
        found |= {base + base[-1] + "ed", base + base[-1] + "ing"}  # stop, stopped
    if base[-1] == "e" and base[-2] != "e" and len(base) > 2:
        found |= {base[:-1] + "ed", base[:-1] + "ing"}  # make, making
    if base.endswith("ie"):
        found.add(base[:-2] + "ying")  # lie, lying
    if base[-1] == "y" and consonant_before:
        found |= {base[:-1] + "ies", base[:-1] + "ied"}  # cry, cried
    if base.endswith(("f", "fe")):
        found.add(base.removesuffix("e")[:-1] + "ves")  # leaf, leaves
    return frozenset(found)


def has_word(text: str, word: str) -> bool:
    """Whether `word` stands in `text` as a whole word, in any case and any regular inflection."""
    wanted = forms(word)
    return any(_bare(same(match.group())) in wanted or same(match.group()) in wanted for match in _WORD.finditer(text))


def spoken(word: str) -> Iterator[str]:
    """What a word of a text counts as where words are avoided: itself, without its 's, its parts between hyphens."""
    for part in {word, *word.split("-")}:
        yield from {same(part), _bare(same(part))}


def avoided_in(text: str, avoid: Collection[str]) -> str | None:
    """The first word of `avoid` that stands in `text` as a whole word, in any case; None if none does."""
    wanted = {same(word): word for word in avoid}
    if not wanted:
        return None
    found = (part for match in _WORD.finditer(text) for part in spoken(match.group()) if part in wanted)
    return next((wanted[part] for part in found), None)


def allowed_words(length: int) -> int:
    """The most words that are about `length`: a tenth more."""
    return length + length // 10


def about(text: str, length: int) -> bool:
    """Whether `text` has about `length` words and ends with a sentence.

    About: within a tenth, or no further off than half the last sentence: no sentence end is nearer.
    """
    words = count_words(text)
    last = sentences(text)[-1:]
    tolerance = max(length // 10, count_words("".join(last)) // 2)
    return ends_sentence(text) and abs(words - length) <= tolerance


def _bare(word: str) -> str:
    return word.removesuffix("'s").removesuffix("'")
