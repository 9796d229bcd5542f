"""Sentences of a story, without losing a byte: the first, the last, and what lies between."""

import re
from typing import Final, NamedTuple


class Parts(NamedTuple):
    """A story as first + middle + last == text.

    A story of fewer than three sentences is all `first`, and not infillable.
    """

    first: str
    middle: str
    last: str
    infillable: bool


_MARK: Final = ".!?…"
# what can't begin a sentence: lower case, a mark, a closing quote or bracket
_BEGIN: Final = rf"(?![a-zß-öø-ÿ{_MARK},;:”»)\]]|[\"'’](?:\s|\Z))\S"
_CLOSERS: Final = r"[^\w\s,;:—–-]{0,20}+"  # quotes, brackets, emoji: all that follows a mark without a space
_OPENING: Final = r"(?<![^\s(\[—–-].)"  # the quote just read stands at a word's beginning

_VERB: Final = (
    r"(?:said|says|asked|asks|replied|answered|cried|shouted|yelled|called|exclaimed|whispered|laughed|giggled|"
    r"screamed|begged|explained|sighed|smiled|agreed|added|thought|wondered|told|sang|roared|barked|growled|"
    r"squeaked|chirped|warned|continued|repeated|responded|announced|suggested|pleaded|grumbled|mumbled|gasped|"
    r"urged|promised|insisted|demanded|complained|sobbed|wailed|whined|joked|teased|bellowed|croaked|meowed|hissed|muttered|whimpered)"
)
_SPEAKER: Final = (
    r"(?:(?:The|A|An|His|Her|Their|My|Our|One|Another)(?:\s(?!and\b)[\w'’-]+){1,3}?"
    r"|(?:(?:Mr|Mrs|Ms|Dr|St)\.\s)?[A-Z][\w'’-]*(?:\s(?:and\s)?[A-Z][\w'’-]*)?(?:\s(?:mom|mommy|dad|daddy|friend))?)"
)
# who said the quotation before it; `Mom said, "No."` and `Mom said that ...` are sentences of their own
_ATTRIBUTION: Final = (
    rf"\s{_SPEAKER}\s(?:\w+ly\s)?{_VERB}\b"
    r"(?!\s(?:that|yes|no|ok|okay|it|he|she|they|hello|hi|goodbye|bye|sorry|nothing)\b)"
    r"(?:[^.!?…,:;\"“\n]{0,40}[.!…]|[^.!?…,:;\"“\n]{0,40},\s\w)"
)

# names follow these: titles, initials, and "No. 5"
_TITLES: Final = ("Mr", "Mrs", "Ms", "Dr", "St", "Prof", "Mt", "Capt", "Sgt", "Rev", "Lt", "mr", "mrs", "ms", "dr")
_ABBREVIATION: Final = "|".join(rf"(?<=\b{title}\.)" for title in _TITLES)
_INITIAL: Final = r"(?<=\b[A-HJ-Z]\.)(?<!\b[aA]\s.\.)(?<!\b[aA]n\s.\.)(?<!\bthe\s.\.)(?<!\bletter\s.\.)(?=\s[A-Z])"
_NO_END: Final = rf"(?!{_ABBREVIATION}|{_INITIAL}|(?<=\bNo\.)\s\d)"

_CANDIDATE: Final = re.compile(
    rf"""
    ["“«'‘{_MARK}\n](?:                           # one set first: re scans for it without trying the rest
      (?: (?<=["“«]){_OPENING}(?=\S)[^"“”«»\n]*["”»]  # a whole quotation: nothing inside it ends a sentence
        | (?<=['‘]){_OPENING}(?=\w)(?:[^'’"“”\n]|['’](?=\w)){{0,200}}(?<=[{_MARK},])['’](?!\w) )
      (?: (?:(?<=[{_MARK}]["”»'’])|(?<=[{_MARK}]['’]["”»]))
          (?: (?P<attributed>(?<![.]["”»'’])(?={_ATTRIBUTION})) | (?P<quoted>{_CLOSERS}(?=\s+{_BEGIN})) )
        | (?P<after_quote>[{_MARK}]{{1,50}}+{_CLOSERS}(?=\s+{_BEGIN})) )?
    | (?<=[{_MARK}])[{_MARK}]{{0,50}}+{_NO_END}
      (?P<mark> {_CLOSERS}(?=\s+{_BEGIN}) | (?=[^\S\n]*\n) | (?<=[a-z].)(?=[A-Z][a-z]) )
    | (?<=\n)(?P<blank>[^\S\n]*\n\s*)
    )""",
    re.VERBOSE,
)
_WORD: Final = re.compile(r"\w")
_QUOTE: Final = re.compile(r"\s*[\"“«'‘]")


def sentences(text: str) -> list[str]:
    """Cut `text` into sentences; joined they are `text`, and white space belongs to the sentence after it.

    A quotation is never cut, and who said it belongs to it: `"Come! Quick!" she said.` is one
    sentence, `"Come!" They ran.` are two. A blank line ends a sentence too, except after , : or ;
    White space at the very end stays with the last sentence. An empty text has no sentences.
    """
    ends = _ends(text)
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)] if text else []


def split_story(text: str) -> Parts:
    """First sentence, what lies between, last sentence: first + middle + last == text."""
    ends = _ends(text)
    if len(ends) < 2:
        return Parts(text, "", "", False)
    first, last = ends[0], ends[-1]
    return Parts(text[:first], text[first:last], text[last:], True)


def _ends(text: str) -> list[int]:
    """Where sentences end, but for the last one; every sentence has more than white space, the last one a word."""
    ends: list[int] = []
    start = 0
    for match in _CANDIDATE.finditer(text):
        kind = match.lastgroup
        if kind is None:
            continue
        end = match.end()
        if kind == "blank":
            end = _before_space(text, match.start())
            if end <= start or text[end - 1] in ",:;":
                continue
        elif kind == "attributed" and _QUOTE.match(text, start):
            continue
        ends.append(end)
        start = end
    if ends and not _WORD.search(text, ends[-1]):  # white space or an emoji is no sentence
        ends.pop()
    return ends


def _before_space(text: str, end: int) -> int:
    """`end` moved back over white space."""
    while end and text[end - 1].isspace():
        end -= 1
    return end
