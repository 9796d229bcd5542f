"""A request as work for the decoder: which rules hold, and how many candidates are written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tinystories.generation.avoid import Avoid, folded
from tinystories.generation.beams import search
from tinystories.generation.decode import BATCH, Draft, Job, write
from tinystories.generation.ending import Ending
from tinystories.generation.engine import Engine
from tinystories.generation.requests import Request
from tinystories.generation.rules import Beginning, EosAfter, NoRepeat, RepetitionPenalty, Rule
from tinystories.generation.sampler import Settings
from tinystories.generation.vocabulary import Vocabulary
from tinystories.generation.wanted import Wanted, ways
from tinystories.generation.words import allowed_words, count_words, has_word
from tinystories.model.folder import GenerationDefaults
from tinystories.requests.mixed import Controls, prompt_ids
from tinystories.text.tokenizer import StoryTokenizer


@dataclass(frozen=True)
class Plan:
    """request: with the model's defaults filled in. closing: the text after what the model writes.

    asked: what was asked for, of which `request` is what holds for the text.
    """

    request: Request
    job: Job
    closing: str
    asked: Request

    @property
    def candidates(self) -> int:
        return self.request.best_of or 1


def with_defaults(request: Request, defaults: GenerationDefaults) -> Request:
    """`request` with how the model's folder says that stories are sampled; beam search samples nothing."""
    request = replace(
        request,
        max_tokens=request.max_tokens or defaults.max_new_tokens,
        eos_after=defaults.eos_after if request.eos_after is None else request.eos_after,
    )
    if request.beams is not None:
        return request
    return replace(
        request,
        temperature=defaults.temperature if request.temperature is None else request.temperature,
        top_k=defaults.top_k if request.top_k is None else request.top_k,
        top_p=defaults.top_p if request.top_p is None else request.top_p,
    )


def draft_many(
    engine: Engine, vocabulary: Vocabulary, plans: Sequence[Plan], done: Callable[[int], None], batch: int = BATCH
) -> list[list[Draft]]:
    """The candidates for each plan; `done` is called with the number of plans that have just been carried out."""
    jobs = [
        (number, replace(plan.job, candidate=candidate))
        for number, plan in enumerate(plans)
        if plan.request.beams is None
        for candidate in range(plan.candidates)
    ]
    left = [plan.candidates for plan in plans]

    def ended(places: Sequence[int]) -> None:
        finished = 0
        for place in places:
            number = jobs[place][0]
            left[number] -= 1
            finished += left[number] == 0
        done(finished)

    drafts: list[list[Draft]] = [[] for _ in plans]
    for (number, _), draft in zip(jobs, write(engine, vocabulary, [job for _, job in jobs], ended, batch), strict=True):
        drafts[number].append(draft)
    searched: dict[tuple[Request, tuple[int, ...]], list[Draft]] = {}
    for number, plan in enumerate(plans):
        if plan.request.beams is not None:
            same = (replace(plan.request, index=0, seed=0), tuple(plan.job.prompt))
            if same not in searched:
                penalty = 1.0 if plan.request.length_penalty is None else plan.request.length_penalty
                searched[same] = search(engine, vocabulary, plan.job, plan.request.beams, penalty)
            drafts[number].append(searched[same][plan.request.index])
            done(1)
    return drafts


class Planner:
    """Makes plans for one model."""

    def __init__(self, tokenizer: StoryTokenizer, vocabulary: Vocabulary) -> None:
        self._tokenizer, self._vocabulary = tokenizer, vocabulary
        self._avoids: dict[tuple[object, ...], Avoid] = {}

    def plan(self, request: Request, prompt: Sequence[int], closing: str, max_tokens: int) -> Plan:
        """`request` has its defaults; `prompt` is what the model reads of it, in ids."""
        given = request.given
        end = request.end if request.last is None else None
        words = tuple(word for word in request.words if not has_word(f"{given}{closing}", word))
        reserved = count_words(closing)
        ending = Ending(
            self._vocabulary, given, reserved, request.max_words, max_tokens, end,
            self._tokenizer.encode(f" {end}") if end else (), request.length, words,
        )  # fmt: skip
        job = Job(
            prompt=prompt, max_tokens=max_tokens, ending=ending, rules=self._rules(request, ending, words),
            avoid=self._avoid(request, words, end), words=words, settings=_settings(request),
            guidance=1.0 if request.guidance is None else request.guidance,
            plain=prompt_ids(self._tokenizer, Controls(), given), seed=request.seed, index=request.index,
        )  # fmt: skip
        return Plan(request, job, closing, request)

    def _rules(self, request: Request, ending: Ending, words: Sequence[str]) -> list[Rule]:
        given = self._tokenizer.encode(ending.opening)
        wanted = {word: ways(self._tokenizer, word) for word in words}
        exempt = {i for some in wanted.values() for way in some for i in way} | {*ending.end_ids}
        rules: list[Rule] = []
        if request.repetition_penalty not in (None, 1):
            assert request.repetition_penalty is not None
            rules.append(RepetitionPenalty(request.repetition_penalty, given))
        if request.no_repeat_ngram is not None:
            rules.append(NoRepeat(request.no_repeat_ngram, given, frozenset(exempt)))
        if request.eos_after is not None:
            rules.append(EosAfter(self._vocabulary.eos, request.eos_after))
        if wanted:
            most = [m for m in (request.max_words, request.length and allowed_words(request.length)) if m]
            rules.append(Wanted(wanted, ending.max_tokens, min(most, default=None), ending.reserved))
        beginning = self._beginning(request, ending.opening)
        return [*rules, beginning] if beginning is not None else rules

    def _beginning(self, request: Request, opening: str) -> Beginning | None:
        """What the first token must be, for the given text to stay as it is; never <eos> where nothing is given."""
        vocabulary = self._vocabulary
        stop = np.zeros(len(vocabulary.writes), dtype=bool)
        stop[vocabulary.eos] = True
        if request.first is not None or (request.prompt is not None and request.prompt[-1].isspace()):
            return Beginning(vocabulary.spaced | stop)
        if request.start is not None:
            return Beginning(vocabulary.ends_word)
        return None if opening else Beginning(~stop)

    def _avoid(self, request: Request, words: Sequence[str], end: str | None) -> Avoid | None:
        """One for all requests that avoid the same, since it keeps what it has worked out."""
        if not request.avoid:
            return None
        passed = {folded(word)[:n] for word in (*words, *([end] if end else ())) for n in range(1, len(folded(word)))}
        key = (request.avoid, frozenset(passed))
        if key not in self._avoids:
            self._avoids[key] = Avoid(self._vocabulary, request.avoid, frozenset(passed))
        return self._avoids[key]


def _settings(request: Request) -> Settings:
    """None of them is used by beam search."""
    return Settings(
        1.0 if request.temperature is None else request.temperature,
        request.top_k or None,
        1.0 if request.top_p is None else request.top_p,
        request.min_p or 0.0,
    )
