"""Sentences: nothing is lost, and the cuts are where a reader puts them."""

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinystories.text.sentences import Parts, sentences, split_story

# one case a line; | is where a reader ends a sentence, / a line break
READ_BY_HAND = """
Tom ran.| He fell.| He got up.
Tom ran!| He fell!| He got up!
Did Tom run?| Yes.| He did.
Tom ran.|  He fell.
Wait!!!| Who is there?!| It is only me.
He waited... and waited.| Nobody came.
He waited...| Nobody came.
He waited…| Nobody came.
He waited… and waited.| Nobody came.
Well . . . he did not know.| He sat down.
"Come!" she said.| They went.
"Come!"| They went home.
"Come!" said Mom.| They went home.
"Come!" Mom said.| They went home.
"Come! Quick!" she said.| They went.
"Come. We must go," she said.| They went.
"Come," she said, "we must go."| They went.
"Come," she said.| "We must go."| They went.
She said, "Come."| They went.
She said, "Come!"| They went.
She said, "Come! Quick! Run!"| They went.
She asked, "Will you come?"| Tom nodded.
She asked, "Will you come?" and Tom nodded.
"Will you come?" she asked.| Tom nodded.
"Will you come?" the old man asked him.| Tom nodded.
"Will you come?" The old man asked.| Tom nodded.
"Will you come?" Lily and Ben asked.| Tom nodded.
"Will you come?" Tom's mom asked softly.| Tom nodded.
"Will you come?" Mr. Bear asked.| Tom nodded.
"Will you come?" She asked with a smile.| Tom nodded.
"Will you come?"| Tom nodded and ran.
"Will you come?"| Mom said, "No."| Tom cried.
"Will you come?"| Mom said no.| Tom cried.
"Will you come?"| Tom said that he would.
"Look!" Tom said, pointing at the sky.| A star fell.
Tom asked, "Can I go?"| Mom said so.| Tom ran.
Tom asked, "Can I go?"| Mom said, "Yes."
"Yes."| Mom said that the cake was done.
“Come!” she said.| They went.
“Come!”| They went home.
“Come! Quick!” said Mom.| They went home.
She said, “Come.”| They went.
“Don’t go,” he said.| “I won’t,” she said.
«Come!» said Mom.| They went home.
'Come!' she said.| They went.
'Come!'| They went home.
'Don't go! It's dark!' she said.| They went.
‘Come!’ she said.| They went.
‘Don’t go!’| They went home.
She said "yes".| Tom smiled.
She said 'yes'.| Tom smiled.
The sign said "Stop!"| Tom stopped.
"He said 'Stop!'" Tom told her.| They ran.
"He said 'Stop!'"| They ran.
The dogs' bowl was empty.| They barked.
It was the boys' ball.| They threw it.
Mr. Fox met Mrs. Hen.| They had tea.
Dr. Owl was kind.| She helped Ms. Mouse.
They went to St. Ives.| It rained.
Prof. Cat lived on Mt. Snow.| It was cold.
His name was J. R. Bear.| He liked honey.
A. A. Milne wrote it.| Tom read it.
Tom got an A.| Mom was glad.
She drew the letter B.| Then she drew a bee.
It was I.| She knew it.
It cost 3.50 coins.| Tom had 4.| He cried.
He was 5.| She was 6.
They sat in room No. 5 all day.| It was warm.
No.| He would not go.
They came at 5 p.m. and left.| It was dark.
They got up at 6 a.m.| It was still dark.
They had cake, pie, etc., and tea.| Yum!
She was very happy
She was happy.| The end
She was happy.|//The end
She was happy|//The End|//Once upon a time there was a cat.
A Brave Dog|//Once upon a time there was a dog.| He barked.
A Brave Dog| /\t/Once upon a time there was a dog.| He barked.
Mom said://"Come home."| They went.
Tom ran.|/He fell.|/He got up.
Tom ran/and fell.| He got up.
Tom ran.|/he fell.|/he got up.
Tom ran.|//He fell.|///He got up.
The sun (it was hot!) shone.| Tom sweated.
The sun shone.| (It was hot.)| Tom sweated.
Tom won!| (Yay!)| He was glad.
Tom won!😀| He was glad.
Tom won.| 😀 He was glad.
Tom won. 😀
She ran.|She fell.| He helped.
He went to www.toys.com with Mom.| They looked.
"I will not go!| Tom cried and ran.| He hid.
"I will not go," said Tom, "because I am sad.| I want Mom.
I will not go!" he cried.| Mom came.
Oh no!| The cup fell!| It broke.
Oh no! the cup fell.| It broke.
One, two, three!| Go!
Knock! knock! went the door.| Tom hid.
"Hello?" came a voice.| Tom hid.
"Stop!"| Tom's voice was loud.| The dog ran.
"Boo!"| Everyone jumped.| "You got us!"
"Boo!"| "Eek!"| They ran.
They sang, "La! La! La!" until night.| Then they slept.
É is a letter.| École is a word.
He had it all: a cat, a dog, a hen.| He was glad.
He ran - then fell.| He cried.
The T.V. was on.| Tom slept.
Tom ran .| He fell .
"Oh, Tom! " she said.| He smiled.
   Tom ran.| He fell. /
//Tom ran.| He fell.//
""".strip("\n").split("\n")


def unmarked(case: str) -> list[str]:
    return case.replace("/", "\n").split("|")


@pytest.mark.parametrize("case", READ_BY_HAND)
def test_a_sentence_ends_where_a_reader_ends_it(case: str) -> None:
    expected = unmarked(case)
    assert sentences("".join(expected)) == expected


def test_a_hundred_cases_were_read_by_hand() -> None:
    assert len(READ_BY_HAND) >= 100
    assert len(set(READ_BY_HAND)) == len(READ_BY_HAND)


def test_a_story_is_its_first_sentence_its_middle_and_its_last() -> None:
    assert split_story('One day Tom ran. He fell.\n"Ow!" he said. The end') == Parts(
        "One day Tom ran.", ' He fell.\n"Ow!" he said.', " The end", True
    )


@pytest.mark.parametrize("text", ["", " ", "Tom", "Tom ran.", "Tom ran. He fell.", '"Go! Go! Go!" he said.', "\n\n\n"])
def test_fewer_than_three_sentences_are_all_first_and_not_infillable(text: str) -> None:
    assert split_story(text) == Parts(text, "", "", False)


def test_white_space_at_both_ends_stays() -> None:
    parts = split_story("\n\n  A cat. A dog. A hen. \n")
    assert parts == Parts("\n\n  A cat.", " A dog.", " A hen. \n", True)


# what real text is made of, and what breaks rules about it
PIECES = st.sampled_from(
    [
        *"\n\n\n  .!?…\"“”'‘’«»:;,-()\r\t\0\u00a0\ufeff😀▁",
        "Tom",
        "said",
        "Mr.",
        "J.",
        "3.5",
        "No. 5",
        "...",
        "mom",
        "É",
        "<eos>",
    ]
)
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=60).map("".join))


@settings(max_examples=500)
@given(TEXTS)
def test_no_text_loses_a_byte(text: str) -> None:
    pieces = sentences(text)
    assert "".join(pieces) == text
    parts = split_story(text)
    assert parts.first + parts.middle + parts.last == text
    assert parts.infillable == (len(pieces) >= 3)
    if parts.infillable:
        assert (parts.first, parts.last) == (pieces[0], pieces[-1])


@settings(max_examples=500)
@given(TEXTS)
def test_white_space_belongs_to_the_sentence_after_it(text: str) -> None:
    pieces = sentences(text)
    assert all(piece.strip() for piece in pieces) or len(pieces) <= 1
    assert not any(piece[-1].isspace() for piece in pieces[:-1])


@pytest.mark.parametrize(
    "noise", ['"', "'", '"a ', " 'a", ". ", "! a", "\n\n", "\n ", "!", '!"', ' "Go!" Tom', "A. ", " 'a.' "]
)
def test_a_long_text_takes_time_in_proportion_to_its_length(noise: str) -> None:
    text = noise * 10_000
    started = time.process_time()
    assert "".join(sentences(text)) == text
    assert time.process_time() - started < 1.0  # seconds; a rule that looks back over everything takes 4 and more


def test_real_stories_lose_nothing_and_nearly_all_can_be_infilled(shared: Path) -> None:
    text = (shared / "data/stories/tinystories-v1-train-head.txt").read_text(encoding="utf-8")
    stories = [story for story in text.split("<|endoftext|>") if story.strip()]
    parts = [split_story(story) for story in stories]
    assert all(part.first + part.middle + part.last == story for part, story in zip(parts, stories, strict=True))
    assert sum(part.infillable for part in parts) / len(parts) > 0.99
    ended = sum(part.first.rstrip()[-1] in ".!?…\"”’'" for part in parts)
    assert ended / len(parts) > 0.99
