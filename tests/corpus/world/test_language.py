"""The phrases: what the narrator can say without speech, and that nothing is declared in vain."""

import re

from tests.corpus.world.test_stories import SETS
from tinystories.corpus.world import rules
from tinystories.corpus.world.language import FOLDER, Choice, Part, Slot, kinds, parse
from tinystories.corpus.world.story import write_story


def slots(parts: tuple[Part, ...]) -> set[Slot]:
    found: set[Slot] = set()
    for part in parts:
        if isinstance(part, Slot):
            found.add(part)
        elif isinstance(part, Choice):
            found |= {slot for option in part.options for slot in slots(option)}
    return found


def test_a_phrase_is_literals_slots_and_choices() -> None:
    assert parse("[a|{b.n} [c|]] {o}.") == (
        Choice((("a",), (Slot("b", "n"), Choice(((" ", "c"), ()))))), " ", Slot("o", ""), ".",
    )  # fmt: skip


def test_phrases_use_the_roles_of_their_kind_alone() -> None:
    wrong = [
        (kind.name, slot)
        for kind in kinds().values()
        for phrase in kind.phrases
        for slot in slots(phrase.parts)
        if not set(slot.role) <= set(kind.roles)
    ]
    assert wrong == []


def test_everything_can_be_told_without_direct_speech() -> None:
    assert [kind.name for kind in kinds().values() if all(phrase.direct for phrase in kind.phrases)] == []


def test_every_phrase_is_one_sentence_with_closed_quotes() -> None:
    for kind in kinds().values():
        for phrase in kind.phrases:
            text = "".join(part for part in phrase.parts if isinstance(part, str))
            assert text.count('"') % 2 == 0, (kind.name, text)
            assert text.endswith((".", "!", "?")), (kind.name, text)


def test_every_kind_of_event_happens_somewhere_and_the_rules_name_no_other() -> None:
    happened = {kind for tags in SETS for index in range(150) for kind in write_story(20, index, tags).skeleton}
    assert kinds().keys() - happened == set()
    tables = [
        *rules.GETS.values(),
        *rules.NEEDS.values(),
        *rules.LESSONS.values(),
        rules.LOST,
        rules.BROKEN,
        rules.GONE,
    ]
    named = {kind for table in tables for kind in table.split()} | rules.COMES.keys() | rules.LEAVES.keys()
    assert named - kinds().keys() == set()


def test_a_payoff_says_what_the_hint_had_said() -> None:
    checked = set()
    for kind in kinds().values():
        family, *rest = kind.name.split(".")
        hints = rules.HINTS.keys() & set(rest)
        if family in ("plant", "pay", "paid", "saved", "turn") and hints:
            (hint,) = hints
            for text in written(kind.name):
                assert re.search(rules.HINTS[hint], text), (kind.name, text)
            checked.add(hint)
    assert checked == rules.HINTS.keys()


def written(kind: str) -> list[str]:
    """The phrases of a kind as they stand in the files."""
    text = "\n".join(path.read_text() for path in sorted(FOLDER.glob("phrases/*.txt")))
    block = text.split(f"\n## {kind} ", 1)[1].split("\n## ", 1)[0]
    return [line for line in block.splitlines()[1:] if line.strip() and line[0] not in "@#"]
