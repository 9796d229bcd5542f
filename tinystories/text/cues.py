"""What tells a reader that a story has a tag: classes of words and phrases, and quotations."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

# a class a line; a comma between phrases; | between words that may stand in a place; * at the end: any ending
_PHRASES: Final = """
warn: careful, watch out, warn*, told|tells him|her|them|me not, don't|never
    touch|go|open|play|eat|take|run|climb|talk|get|leave|forget|trust, do|must|should not
    touch|go|open|play|eat|take|run|climb|talk|get|leave|forget|trust, mustn't, shouldn't, stay away, dangerous,
    danger, not|isn't safe, unsafe, said no, mom|dad|mommy|daddy|mother said no, might|could
    fall|break|hurt|get|bite|burn, not allowed, make sure, no touching
heed: should have, should've, had listened|told|said|warned|known, didn't|wouldn't|doesn't listen|obey,
    did|would|does|do not listen|obey, never listened, not listening, was|were right, told you, so said, remembered,
    wished he|she|they had, too late, sure enough, if only, listen|listened to, obeyed, ignored, disobey*
hint: secret*, mysterious*, mystery, strange, clue*, sign, map, key, cloud|clouds, storm*, wise, promise*, special,
    little did, didn't|don't know|notice|see, did|do not know|notice|see, prophecy, dream*, wonder*, magic*, if you,
    one day you, will|would help|need|bring|find|come, soon, later, before, hidden, old man|woman|lady|owl
payoff: remembered, then he|she|they remembered, just|like as, just like, all along, finally, at last, came true,
    that's|that is why, was the same, used the|his|her|their, thanks to, because of, still had, in time, the next
    day
lesson: lesson*, moral, learned, learnt, learn, taught, from that|then|now, always remember*, important, should|must
    always|never, never again, understood, realized|realised|knew|know that, is more, better to, that|it is
    good|okay|ok, it's good|nice|okay|ok|important, that sharing|helping|being|sometimes, can be, no matter, even
    if|when|though, we|you should
fight: fight*, fought, argu*, push*, hit|hits, kick*, grab*, snatch*, steal*, stole, thief, mean, bully, bullies,
    angry, angrily, mad, shout*, yell*, mine, give it back, not fair, enem*, monster*, witch, wolf, fox, chas*, bad
    man, selfish, jealous, greedy, rude, tease*, want|wanted to share, not share, scream*, attack*, disagree*,
    first, no no
struggle: tried to|hard|and|again|harder, try again, could|can not, couldn't, cannot, can't, stuck, lost, trapped,
    too heavy|high|big|small|far|hard|weak|tight|deep|short|strong|tall|scared|slow|little, struggl*, problem*,
    give|gave|giving up, difficult, hard to, impossible, fail*, keep|kept|keeps trying|going|looking, escape*,
    rescue*, save|saved|saves, help me, afraid, brave, bravely, danger*, scared, worried, practice*, searched,
    looked everywhere, no one|luck, nowhere, climb*, finally
bad: died, dies, dead, die, never saw|came|found|went|played|return*|woke|see|seen|had|got|stopped|forgot, gone,
    forever, broken, broke, hurt*, blood, cried, cries, cry, crying, sad, sadly, alone, lonely, sorry, regret*, too
    late, bad, scared, ate him|her|them|it, no more, anymore, hospital, sick, punish*, miss|missed, lost, pain,
    angry, trouble, not happy|have|get|find|come|move|help|fix|want, no one|toys|friends|food, couldn't, ruined,
    destroyed, tear*, empty, ashamed, guilty, wished, burned, drowned, killed
good: happy, happily, happier, smil*, laugh*, hug*, fun, friend*, love|loves|loved, thank*, proud*, safe*, best,
    ever after, joy*, glad, better, together, good, kind, excited*, play*, enjoy*, nice, great, wonderful,
    delicious, yummy, warm, relieved, grateful, forgave, forgive*, not sad|scared|afraid
unexpected: unexpected*, big|great surprise, to his|her|their|everyone's surprise, turned|turns into|out,
    came|come|comes to life, in disguise, something strange|surprising|amazing|magical|funny|bad|weird|different,
    what a surprise, guess what, twist, but surprise, surprise
reversal: surpris*, suddenly, was|were|is actually|really|just|only, it|he|she wasn't, started|began|could
    to|talk|speak|grow|glow|move|shrink|dance|fly, magic*, instead, realize*|realise*, but then, shocked, amazed,
    twin, vanish*, disappear*, transform*, reveal*, friendly, just a, all along, strange*, became,
    change|changed|changes, talking, couldn't|not believe, not a|an|the|real|scary|mean|scared|bad, real
moral: moral, lesson*, learned|learnt that|to|a|an|how, taught, from that day, always remember*
solve: idea*, found a way, solved, solve, fixed, fix, said sorry, forgave, forgive*, apologi*, share|shared|shares,
    worked|work together, agreed, helped, take|took turns, shared
contrast: but, however, although, though, yet
"""
_CLASSES: Final = {
    cue: [phrase.split() for phrase in listed.split(",")]
    for cue, _, listed in (line.partition(":") for line in _PHRASES.replace("\n    ", " ").strip().split("\n"))
}
CUES: Final[tuple[str, ...]] = tuple(_CLASSES)

_TOKEN: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_STRAIGHT: Final = (("’", "'"), ("‘", "'"), ("“", '"'), ("”", '"'), ("«", '"'), ("»", '"'))


class Slot(NamedTuple):
    """One place in a phrase: the words that may stand there, and beginnings of words."""

    words: frozenset[str]
    beginnings: tuple[str, ...]

    def takes(self, word: str) -> bool:
        return word in self.words or (bool(self.beginnings) and word.startswith(self.beginnings))


# a phrase's class in CUES, and its places
Phrase = tuple[int, tuple[Slot, ...]]


def plain(text: str) -> str:
    """Lower case, straight quotes."""
    lower = text.lower()
    if not lower.isascii():
        for quote, straight in _STRAIGHT:  # five times as fast as str.translate
            lower = lower.replace(quote, straight)
    return lower


def tokens(text: str) -> list[str]:
    """The words of a text that `plain` gave: letters, with one apostrophe inside."""
    return _TOKEN.findall(text)


def words_of(text: str) -> list[str]:
    """`tokens(plain(text))`, much faster where only letters of ASCII are words and no apostrophe stands."""
    if text.isascii() and "'" not in text:
        return text.encode().translate(_LETTERS).decode().split()
    return tokens(plain(text))


def cues(words: Sequence[str]) -> list[int]:
    """For each phrase found in `words`, the index of its class in CUES."""
    found: list[int] = []
    for at, (whole, longer) in enumerate(map(_known.__getitem__, words)):
        found += whole
        if longer is not None and at + 1 < len(words):
            for cue, rest in longer[words[at + 1]]:
                after = words[at + 2 : at + 2 + len(rest)]
                if len(after) == len(rest) and all(slot.takes(word) for slot, word in zip(rest, after, strict=True)):
                    found.append(cue)
    return found


class _Next(dict[str, tuple[Phrase, ...]]):
    """word -> those of some phrases whose first place takes it, without that place; `most` words are remembered."""

    def __init__(self, phrases: Sequence[Phrase], most: int) -> None:
        super().__init__()
        self._phrases, self._most = phrases, most

    def __missing__(self, word: str) -> tuple[Phrase, ...]:
        found = tuple((cue, places[1:]) for cue, places in self._phrases if places[0].takes(word))
        if len(self) < self._most:
            self[word] = found
        return found


class _Known(dict[str, tuple[tuple[int, ...], _Next | None]]):
    """word -> the classes of the phrases that it is, and the longer ones that begin with it, if there are any."""

    def __missing__(self, word: str) -> tuple[tuple[int, ...], _Next | None]:
        begun = _first[word]
        longer = tuple(phrase for phrase in begun if phrase[1])
        found = tuple(cue for cue, rest in begun if not rest), _Next(longer, _MOST_AFTER) if longer else None
        if len(self) < _MOST:
            self[word] = found
        return found


def _slot(place: str) -> Slot:
    choices = place.split("|")
    beginnings = tuple(choice[:-1] for choice in choices if choice.endswith("*"))
    return Slot(frozenset(choice for choice in choices if not choice.endswith("*")), beginnings)


_MOST: Final = 50_000  # words remembered
_MOST_AFTER: Final = 1_000  # after each of those that begin a phrase
_LETTERS: Final = bytes(ord(chr(byte).lower()) if chr(byte).isalpha() else ord(" ") for byte in range(128)) + bytes(128)
PHRASES: Final[list[Phrase]] = [
    (cue, tuple(_slot(place) for place in phrase))
    for cue, phrases in enumerate(_CLASSES.values())
    for phrase in phrases
]
_first: Final = _Next(PHRASES, 0)  # what it finds, _known remembers
_known: Final = _Known()


class Quotations(NamedTuple):
    """How many quotations of each kind a text has.

    spoken: said by someone. thought: someone thinks it.
    other: a word or a title within a sentence, what a sign says, the sound of a thing.
    """

    spoken: int
    thought: int
    other: int


_QUOTATION: Final = re.compile(r'"([^"\n]*[^"\s])\s*"')
_SINGLE: Final = re.compile(r"(?<![\w'])'(?=\w)((?:[^'\n]|'(?=\w)){1,200}[.,!?…])'(?!\w)")
_SAYING: Final = re.compile(
    r"\b(?:sa(?:y|ys|id|ying)|ask(?:s|ed)?|told|tells|repl(?:y|ied)|cried|shouted|yelled|whispered)\b"
)
_THINKING: Final = re.compile(r"\b(?:thought|thinks?|thinking|wondered|wonders)\b")
_THINKS_IT: Final = re.compile(r"\s*(?:[\w']+\s){0,3}?(?:thought|thinks|wondered|wonders)\b")
_WRITTEN: Final = re.compile(
    r"\b(?:(?:sign|message|letter|note|poster|card|label) (?:that |which )?(?:said|says|read|was|with)"
    r"|(?:called|named|goes|went)(?: it| him| her)?),?:?\s*$"
)
_BEFORE: Final = 60  # characters in which who says it is looked for
_AFTER: Final = 30


def quotations(text: str) -> Quotations:
    """Count the quotations in a text that `plain` gave."""
    spoken = thought = other = 0
    for found in (_QUOTATION if '"' in text else _SINGLE).finditer(text):
        start, end = found.span()
        before = text[max(0, start - _BEFORE) : start].rpartition("\n")[2].rpartition('"')[2].rpartition(". ")[2]
        ends = found[1][-1]
        if _WRITTEN.search(before):
            other += 1
        elif _SAYING.search(before):
            spoken += 1
        elif _THINKING.search(before) or (ends != "." and _THINKS_IT.match(text[end : end + _AFTER])):
            thought += 1
        elif ends in ".,!?…-—" or " " in found[1]:
            spoken += 1
        else:
            other += 1
    return Quotations(spoken, thought, other)
