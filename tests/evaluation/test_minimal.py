"""Minimal pairs: each rule on sentences by hand, and what holds for every pair of the hand-written stories."""

import pytest

from tests.builders import sample, small_tokenizer
from tinystories.evaluation.handing import exchanges
from tinystories.evaluation.minimal import ABILITIES, EDITS, Ability, pairs_of, plural, singular
from tinystories.evaluation.names import names_of


def faults(ability: Ability, text: str) -> set[str]:
    """The text with each fault that the rules find."""
    return {text[: edit.start] + edit.instead + text[edit.stop :] for edit in EDITS[ability](text)}


@pytest.mark.parametrize(
    ("ability", "text", "wrong"),
    [
        ("agreement", "She was sad.", {"She were sad."}),
        ("agreement", "The old dogs were sad.", set()),  # the word before the verb is the subject only after an article
        ("agreement", "The dogs were sad.", {"The dogs was sad."}),
        ("agreement", "If she were tall, they have won.", {"If she were tall, they has won."}),
        ("agreement", "You were sad. I was too.", set()),
        ("agreement", "My mother isn't here.", {"My mother aren't here."}),
        ("pronoun", "It was Lily. Then she fell and she cried.", {"It was Lily. Then he fell and she cried."}),
        ("pronoun", "Then she saw Lily. She ran.", {"Then she saw Lily. He ran."}),  # after the name
        ("pronoun", "A girl named Lily ran. She saw him.", set()),  # two genders
        ("pronoun", "One day Lily met Tom. She ran.", set()),  # two names
        ("pronoun", "A girl ran. She fell.", set()),
        ("speech_verbs", '"Hi," said Tom.', {'"Hi," told Tom.'}),
        ("speech_verbs", "She told him to go.", {"She said him to go."}),
        ("speech_verbs", '"Who?" asked Tom. He asked again.', {'"Who?" told Tom. He asked again.'}),
        ("negation", "He did not run.", {"He was not run."}),
        ("negation", "They weren't sad.", {"They didn't sad."}),
        ("negation", "He did not.", set()),  # "he was not" may be right
        ("negation", "He could not see anything.", {"He could not see nothing."}),
        ("negation", "There was nothing.", {"There was anything."}),
        ("negation", "She had never seen it.", {"She had ever seen it."}),
        ("negation", "Is there nothing?", set()),  # "is there anything?" is right
        ("negation", "He saw anything he liked.", set()),
        ("negation", "Nobody saw anything.", {"Nobody saw nothing."}),
        ("number", "She had two apples.", {"She had two apple."}),
        ("number", "She had many boxes and some foxes.", {"She had many box and some foxes."}),
        ("number", "He saw a stone.", {"He saw a stones."}),
        ("number", "He saw a stone wall.", set()),
        ("number", "One day, it saw those three cities of gold.", {"One days, it saw those three cities of gold."}),
        ("number", "He sat for a while. He was a bit sad.", set()),
        ("who_has_it", "Mia gave him a stone.", {"He gave Mia a stone."}),
    ],
)  # fmt: skip
def test_rules_put_one_fault_into_a_sentence(ability: Ability, text: str, wrong: set[str]) -> None:
    if ability == "who_has_it":
        text, wrong = f"They saw Mia. {text}", {f"They saw Mia. {fault}" for fault in wrong}
    assert faults(ability, text) == wrong


@pytest.mark.parametrize(
    ("text", "exchanged"),
    [
        ("Mia gave Tom a stone.", "Tom gave Mia a stone."),
        ("The king gave Mia the stone.", "Mia gave the king the stone."),
        ("Then the old king gave Mia the stone.", "Then Mia gave the old king the stone."),
        ("She gave him a stone.", "He gave her a stone."),
        ("So they showed us the way.", "So we showed them the way."),
        ("I told my mother.", None),
        ("She gave her a stone.", None),
        ("She gave her mother a stone.", "Her mother gave her a stone."),
        ("Tom handed the red ball to Mia.", "Mia handed the red ball to Tom."),
        ("He took a stone from the king.", "The king took a stone from him."),
        ("He gave the stone to her mother.", "Her mother gave the stone to him."),
        ('"Wait!" He gave them some bread.', '"Wait!" They gave him some bread.'),
        ("He gave up.", None),
        ("The dog and the cat gave Mia a stone.", "The dog and Mia gave the cat a stone."),
    ],
)
def test_giver_and_receiver_change_places(text: str, exchanged: str | None) -> None:
    found = [text[:start] + instead + text[stop:] for start, stop, instead in exchanges(text, ["Mia", "Tom"])]
    assert found == ([] if exchanged is None else [exchanged])


@pytest.mark.parametrize(
    ("many", "one"),
    [("apples", "apple"), ("boxes", "box"), ("cities", "city"), ("wishes", "wish"), ("ties", "tie"), ("days", "day")],
)
def test_regular_plurals(many: str, one: str) -> None:
    assert singular(many) == one
    assert plural(one) == many


def test_a_pair_is_a_story_up_to_one_sentence_and_the_same_with_one_fault() -> None:
    text = 'Once there was a girl named Ana. Ana had a cat. "She is big," Ana said. Then they slept.'
    pair = pairs_of("speech_verbs", "id", text)
    assert pair is not None
    assert pair.context == 'Once there was a girl named Ana. Ana had a cat. "She is big," Ana'
    assert (pair.good, pair.bad) == (" said.", " told.")
    verb = pairs_of("agreement", "id", 'He sat. "She was big," Ana said. Then he slept.')
    assert verb is not None and (verb.good, verb.bad) == (' was big," Ana said.', ' were big," Ana said.')
    quoted = pairs_of("who_has_it", "id", 'They saw Tom. "She gave him a cake," said Ana.')
    assert quoted is not None and quoted.context == "They saw Tom."
    assert quoted.bad == ' "He gave her a cake," said Ana.'


@pytest.mark.parametrize("ability", ABILITIES)
def test_pairs_of_hand_written_stories_have_the_form_that_scoring_needs(ability: Ability) -> None:
    tokenizer, made = small_tokenizer(), 0
    for row in sample(300):
        text = row["story"]
        pair = pairs_of(ability, "some id", text)
        if pair is None:
            continue
        made += 1
        assert text.startswith(pair.context + pair.good) and pair.good != pair.bad
        assert not pair.context[-1:].isspace() and (pair.good[0].isspace() or not pair.context)
        assert pair == pairs_of(ability, "some id", text)  # the same place each time
        joined = tokenizer.encode(pair.context) + tokenizer.encode(pair.good)
        assert joined == tokenizer.encode(pair.context + pair.good)  # tokenised as the story is
    assert made >= {"pronoun": 5, "who_has_it": 20}.get(ability, 100)


def test_a_story_without_a_place_for_it_has_no_pair() -> None:
    assert all(pairs_of(ability, "id", text) is None for ability in ABILITIES for text in ("", "Hm.", "\n"))
    assert names_of("") == {}
