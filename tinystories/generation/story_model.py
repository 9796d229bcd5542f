"""The public face of a trained model: stories asked for, texts scored."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np

import tinystories
from tinystories.errors import RequestError
from tinystories.generation.constraints import Beginning, Ending
from tinystories.generation.decode import Draft, Job, write
from tinystories.generation.engine import Engine, TorchEngine
from tinystories.generation.requests import Request
from tinystories.generation.sampler import Settings
from tinystories.generation.story import Story, check
from tinystories.generation.surprise import pieces, token_nats
from tinystories.generation.vocabulary import Vocabulary
from tinystories.generation.words import count_words
from tinystories.model.folder import LoadedModel, load_model
from tinystories.requests.controls import EOS
from tinystories.requests.mixed import Controls, StoryTokens, between_prompt_ids, plain, prompt_ids
from tinystories.text.tagger import Tagger
from tinystories.text.tags import Tag
from tinystories.training.loss import sequence_nats

ADDRESSES: Final = ("runs:/", "models:/")


@dataclass(frozen=True)
class Score:
    """How well the model knew a text. tokens: of the text and <eos>; bytes: of the text in UTF-8."""

    nats: float
    tokens: int
    bytes: int


@dataclass(frozen=True)
class _Plan:
    """A request as a job for the decoder, and what stands around what the model writes."""

    request: Request  # with the model's defaults filled in
    job: Job
    opening: str
    closing: str


class StoryModel:
    """A model folder, ready to be asked.

    >>> model = StoryModel.load("models/current")  # doctest: +SKIP
    >>> [story] = model.generate(tags=["Twist"], start="Once", seed=3)  # doctest: +SKIP
    """

    def __init__(self, loaded: LoadedModel, engine: Engine | None = None) -> None:
        self.loaded = loaded
        self.engine = engine or TorchEngine(loaded)

    @classmethod
    def load(cls, folder: str | Path, device: str = "cpu") -> "StoryModel":
        """`folder` may be an address of MLflow's: runs:/ID or models:/NAME@ALIAS.

        Raises ModelError when there is no model in `folder`, or not one that can be read.
        """
        address = str(folder)
        return cls(load_model(tinystories.fetch(address) if address.startswith(ADDRESSES) else folder, device))

    @property
    def name(self) -> str:
        return self.loaded.folder.resolve().name

    @cached_property
    def vocabulary(self) -> Vocabulary:
        tokenizer = self.loaded.tokenizer
        return Vocabulary(tokenizer, self.engine.vocab_size, tokenizer.control(EOS))

    def generate(self, *, count: int = 1, **options: Any) -> list[Story]:
        """`count` stories; options are the fields of Request. Raises RequestError for what can't be met."""
        try:
            request = Request(**options)
        except TypeError as error:
            raise RequestError(f"{error}: see the fields of tinystories.Request") from None
        return self.generate_many(request.repeat(count))

    def generate_many(self, requests: Sequence[Request], done: Callable[[int], None] = lambda _: None) -> list[Story]:
        """One story a request, in their order; `done` is called with how many have just ended.

        Raises RequestError, before anything is written, if one leaves no room in the model's context.
        """
        plans = [self._plan(request) for request in requests]
        drafts = write(self.engine, self.vocabulary, [plan.job for plan in plans], done)
        return [self._story(plan, draft) for plan, draft in zip(plans, drafts, strict=True)]

    def score(self, texts: Sequence[str]) -> list[Score]:
        """Each text as a whole story, in the plain form, by the one definition of loss."""
        tokenizer = self.loaded.tokenizer
        stories = [_whole(ids) for ids in tokenizer.encode_many(texts)]
        examples = [plain(tokenizer, story) for story in stories]
        scored = sequence_nats(self.loaded.model, examples, self.loaded.config.context)
        return [Score(s.nats, s.targets, len(t.encode("utf-8"))) for s, t in zip(scored, texts, strict=True)]

    def surprise(self, text: str) -> list[tuple[str, float]]:
        """(piece of the text, nats) of each token, in order; the last is ("", nats of <eos>): the sum is `score`'s."""
        ids = self.loaded.tokenizer.encode(text)
        nats = token_nats(self.loaded, plain(self.loaded.tokenizer, _whole(ids)))
        return [*pieces(self.vocabulary, ids, nats[:-1]), ("", nats[-1])]

    def _plan(self, asked: Request) -> _Plan:
        request = self._with_defaults(asked)
        tokenizer = self.loaded.tokenizer
        given = (request.prompt or "").rstrip() or request.first or request.start or ""
        closing = request.last or ""
        if request.last is not None:
            closing = request.last if request.last[0].isspace() else f" {request.last}"
            # the last sentence says the end word already, and is not the model's to write
            controls = Controls(request.tags, request.words)
            prompt = between_prompt_ids(tokenizer, controls, request.first, closing)
            prompt += [] if request.first is not None else tokenizer.encode(given)
        else:
            prompt = prompt_ids(tokenizer, Controls(request.tags, request.words, end=request.end), given)
        room = self.engine.context - len(prompt)
        if room < 1:
            raise RequestError(
                f"what is given takes {len(prompt)} of the model's {self.engine.context} tokens "
                "and leaves no room for a story: give less"
            )
        max_tokens = min(room, request.max_tokens or room)
        job = Job(
            prompt=prompt, max_tokens=max_tokens, ending=self._ending(request, given, closing, max_tokens),
            beginning=self._beginning(request, given), settings=_settings(request),
            seed=request.seed, index=request.index,
        )  # fmt: skip
        return _Plan(request, job, given, closing)

    def _with_defaults(self, request: Request) -> Request:
        defaults = self.loaded.generation
        return replace(
            request,
            temperature=defaults.temperature if request.temperature is None else request.temperature,
            top_k=defaults.top_k if request.top_k is None else request.top_k,
            top_p=defaults.top_p if request.top_p is None else request.top_p,
            max_tokens=request.max_tokens or defaults.max_new_tokens,
        )

    def _ending(self, request: Request, opening: str, closing: str, max_tokens: int) -> Ending:
        end = request.end if request.last is None else None
        return Ending(
            self.vocabulary, opening, reserved=count_words(closing), max_words=request.max_words,
            max_tokens=max_tokens, end=end, end_ids=self.loaded.tokenizer.encode(f" {end}") if end else (),
        )  # fmt: skip

    def _beginning(self, request: Request, opening: str) -> Beginning | None:
        """What the first token must be, for the given text to stay as it is; never <eos> where nothing is given."""
        vocabulary = self.vocabulary
        stop = np.zeros(len(vocabulary.writes), dtype=bool)
        stop[vocabulary.eos] = True
        if request.first is not None or (request.prompt is not None and request.prompt[-1].isspace()):
            return Beginning(vocabulary.spaced | stop)
        if request.start is not None:
            return Beginning(vocabulary.ends_word)
        return None if opening else Beginning(~stop)

    def _story(self, plan: _Plan, draft: Draft) -> Story:
        text = plan.opening + self.vocabulary.text(draft.ids) + plan.closing
        request = plan.request
        return Story(
            text=text, request=request, met=check(text, request, _judge), stopped=draft.stopped,
            tokens=draft.tokens, nats=draft.nats, seed=request.seed, model=self.name,
        )  # fmt: skip


def generate_text(model: StoryModel | str | Path, **options: Any) -> str:
    """One story's text, the short form: `generate_text("models/current", tags=["Twist"])`."""
    story_model = model if isinstance(model, StoryModel) else StoryModel.load(model)
    return story_model.generate(**options)[0].text


def _settings(request: Request) -> Settings:
    assert request.temperature is not None and request.top_p is not None
    return Settings(request.temperature, request.top_k or None, request.top_p)


def _judge(text: str) -> Sequence[Tag]:
    return Tagger.load("judge").tags(text)


def _whole(ids: list[int]) -> StoryTokens:
    return StoryTokens("", ids, (), (), False, (), (), "", 0, 0)
