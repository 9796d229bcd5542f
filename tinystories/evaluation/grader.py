"""Grades by a language model behind an OpenAI-compatible address, as in the TinyStories paper; off by default.

Eldan and Li (2023, arXiv 2305.07759, section 3) let GPT-4 assess how a model completes a beginning,
then grade grammar, creativity, consistency and plot, and guess the writer's age. Every message sent
and every answer is kept. Other answers may come tomorrow: what is graded is no longer reproducible
from this machine alone.
"""

import json
import re
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tinystories.errors import TinyStoriesError
from tinystories.evaluation.intervals import mean_interval

KEY: Final = "TINYSTORIES_GRADER_KEY"  # environment variable with the address's key, where it needs one
QUALITIES: Final = ("grammar", "creativity", "consistency", "plot")
AGES: Final = {"A": "3 or under", "B": "4-5", "C": "6-7", "D": "8-9", "E": "10-12", "F": "13-16"}
TRIES: Final = 4
WAITS: Final = 2.0  # seconds before the second try, doubled for each further one
TIMEOUT: Final = 120.0  # seconds
_AGAIN: Final = frozenset({408, 409, 429, 500, 502, 503, 504})

_ASSESS: Final = """In the following exercise, the student is given a beginning of a story. The student needs to \
complete it into a full story. The exercise tests the student's language abilities and creativity. The symbol *** \
marks the separator between the prescribed beginning and the student's completion:

{beginning}***{completion}

Please provide your general assessment about the part written by the student (the one after the *** symbol). Is it \
grammatically correct? Is it consistent with the beginning of the story? Pay special attention to whether the student \
manages to complete the sentence which is split in the middle by the separator ***."""
_GRADE: Final = """Now, grade the student's completion in terms of grammar, creativity, consistency with the story's \
beginning and whether the plot makes sense. Moreover, please provide your best guess of what the age of the student \
might be, as reflected from the completion. Choose from possible age groups: {ages}. Answer with one line of this \
form and nothing else:
Grammar: n/10, Creativity: n/10, Consistency: n/10, Plot: n/10, Age group: letter"""


@dataclass(frozen=True)
class Grader:
    """address: the base of an OpenAI-compatible API ("http://127.0.0.1:8000/v1"). key: None where none is needed."""

    address: str
    model: str
    key: str | None = None

    def answer(self, messages: Sequence[dict[str, str]]) -> str:
        """What the model says to `messages`, at temperature 0. Raises TinyStoriesError where there is no answer."""
        body = json.dumps({"model": self.model, "messages": list(messages), "temperature": 0}).encode()
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self.key}"} if self.key else {})
        request = urllib.request.Request(f"{self.address.rstrip('/')}/chat/completions", body, headers)
        trouble = ""
        for attempt in range(TRIES):
            if attempt:
                time.sleep(WAITS * 2 ** (attempt - 1))
            try:
                with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
                    return self._content(response.read())
            except urllib.error.HTTPError as error:
                trouble = f"{error.code} {error.reason}"
                if error.code in (401, 403):
                    raise self._failed(f"{trouble}: put a valid key into the environment variable {KEY}") from None
                if error.code not in _AGAIN:
                    break
            except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
                trouble = str(getattr(error, "reason", error))
        raise self._failed(f"{trouble}: check evaluate.grader_url and grader_model, or set grader_url to null")

    def _content(self, body: bytes) -> str:
        try:
            content = json.loads(body)["choices"][0]["message"]["content"]
        except (ValueError, LookupError, TypeError):
            content = None
        if not isinstance(content, str):
            raise self._failed("its answer is no chat completion: is this an OpenAI-compatible address?")
        return content

    def _failed(self, why: str) -> TinyStoriesError:
        return TinyStoriesError(f"the grader at {self.address} did not grade: {' '.join(why.split())}")


@dataclass(frozen=True)
class Graded:
    """A completion, everything that was said about it, and the grades: None where the answer has none to read."""

    beginning: str
    completion: str
    messages: tuple[dict[str, str], ...]  # sent and answered, in order
    grades: dict[str, int] | None
    age: str | None

    def to_json(self) -> dict[str, Any]:
        return {
            "beginning": self.beginning, "completion": self.completion, "messages": list(self.messages),
            "grades": self.grades, "age_group": self.age,
        }  # fmt: skip


def grade(
    grader: Grader, stories: Sequence[tuple[str, str]], done: Callable[[int], None] = lambda _: None
) -> list[Graded]:
    """Have each (beginning, completion) assessed and then graded, in one conversation each."""
    graded = []
    for beginning, completion in stories:
        messages = [_said("user", _ASSESS.format(beginning=beginning, completion=completion))]
        messages.append(_said("assistant", grader.answer(messages)))
        ages = " ".join(f"{letter}: {age}." for letter, age in AGES.items())
        messages.append(_said("user", _GRADE.format(ages=ages)))
        messages.append(_said("assistant", grader.answer(messages)))
        graded.append(Graded(beginning, completion, tuple(messages), *read_grades(messages[-1]["content"])))
        done(1)
    return graded


def read_grades(answer: str) -> tuple[dict[str, int] | None, str | None]:
    """The four grades, 0 to 10, and the age group's letter; None for what the answer doesn't say in full."""
    found = {
        quality: re.search(rf"\b{quality}\W{{0,4}}\s*(10|\d)(?:\.0)?\s*/\s*10\b", answer, re.IGNORECASE)
        for quality in QUALITIES
    }
    grades = {quality: int(match[1]) for quality, match in found.items() if match}
    age = re.search(r"\bage group\W{0,4}\s*([A-F])\b", answer, re.IGNORECASE)
    return (grades if len(grades) == len(QUALITIES) else None), (age[1].upper() if age else None)


def grades(graded: Sequence[Graded], resamples: int = 1000, seed: int = 0) -> dict[str, Any]:
    """Mean of each quality with its 95 % bootstrap interval, and how many were guessed to be of each age group.

    {"stories", "unreadable", "grammar", "grammar_low", ..., "age_group": {letter: stories}}; the
    answers that could not be read are counted in "unreadable" and in no mean.
    """
    readable = [one.grades for one in graded if one.grades is not None]
    measured: dict[str, Any] = {"stories": len(graded), "unreadable": len(graded) - len(readable)}
    for quality in QUALITIES:
        values = [float(one[quality]) for one in readable]
        low, high = mean_interval(values, resamples, seed)
        mean = sum(values) / len(values) if values else float("nan")
        measured |= {quality: mean, f"{quality}_low": low, f"{quality}_high": high}
    ages = Counter(one.age for one in graded if one.age is not None)
    return measured | {"age_group": {letter: ages[letter] for letter in AGES}}


def _said(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}
