"""A model tuned to chat, asked through `tinystories generate`: what one says, and what it answers."""

import json
from pathlib import Path

import pytest

from tests.finetuning.conftest import TALES
from tests.finetuning.test_commands import run
from tests.finetuning.test_tune import LEARN
from tinystories import StoryModel
from tinystories.errors import RequestError
from tinystories.finetuning.tune import finetune

ASKED = {f"Who {tale.split()[2]}": tale for tale in TALES}


@pytest.fixture(scope="module", params=["gpt2", "ours"])
def talker(request: pytest.FixtureRequest, chat: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has really learned the eight answers."""
    base, out = request.getfixturevalue(request.param), tmp_path_factory.mktemp("chat") / request.param
    finetune(chat, str(base), out, LEARN, validation=chat)
    return out


def test_the_prompt_is_a_question_and_the_text_is_the_answer(talker: Path) -> None:
    model = StoryModel.load(talker)
    told = [model.generate(prompt=question, temperature=0)[0] for question in ASKED]
    assert [story.text for story in told] == list(ASKED.values())
    assert all(story.stopped == "eos" and story.met == {} for story in told)
    assert [story.request.prompt for story in told] == list(ASKED)
    question, answer = next(iter(ASKED.items()))
    assert model.generate(prompt=question, beams=2, count=2)[0].text == answer
    assert "".join(piece for piece in model.stream(told[0].request) if isinstance(piece, str)) == answer


def test_two_questions_at_once_are_not_taken_for_one(talker: Path) -> None:
    """With the same options the searches differ in nothing but what was said."""
    from tinystories import Request

    model = StoryModel.load(talker)
    both = model.generate_many([Request(prompt=question, beams=2) for question in list(ASKED)[:2]])
    assert [story.text for story in both] == TALES[:2]


def test_it_is_asked_on_the_command_line(talker: Path) -> None:
    question, answer = list(ASKED.items())[3]
    done = run("generate", question, "--model", talker, "--temperature", 0)
    assert done.stdout.strip() == answer
    done = run("generate", question, "--model", talker, "--temperature", 0, "--avoid", "hen", "--json")
    told = json.loads(done.stdout)
    assert told["request"]["prompt"] == question and told["met"] == {"avoid:hen": True} and "hen" not in told["text"]


def test_what_it_cannot_answer_is_refused_in_one_line(talker: Path) -> None:
    model = StoryModel.load(talker)
    asked: dict[str, object] = {"prompt": "Who ran"}
    for options in ({}, {**asked, "tags": ["Twist"]}, {**asked, "best_of": 2}, {"last": "Yes."}):
        with pytest.raises(RequestError, match="a model tuned to chat answers") as caught:
            model.generate(**options)
        assert "\n" not in str(caught.value)
