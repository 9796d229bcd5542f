"""The public face of a trained model: stories asked for, texts scored."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import torch

import tinystories
from tinystories.errors import RequestError
from tinystories.generation import chat
from tinystories.generation.carried import refuse_what_is_not_carried
from tinystories.generation.decode import BATCH, Draft, Writing
from tinystories.generation.engine import Engine, TorchEngine
from tinystories.generation.exact import draft_exactly, fixed_for, keeps_rows_apart
from tinystories.generation.hosted import load_any
from tinystories.generation.plan import Plan, Planner, draft_many, with_defaults
from tinystories.generation.quantized import quantize
from tinystories.generation.ranking import best
from tinystories.generation.requests import Request
from tinystories.generation.story import Story, check
from tinystories.generation.surprise import pieces, token_nats
from tinystories.generation.vocabulary import Vocabulary
from tinystories.generation.windows import engine_for
from tinystories.model.folder import LoadedModel
from tinystories.requests.controls import EOS
from tinystories.requests.mixed import MOST_WORDS, Controls, StoryTokens, plain
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


class StoryModel:
    """A model folder, ready to be asked.

    >>> model = StoryModel.load("models/current")
    >>> [story] = model.generate(tags=["Twist"], start="Once", seed=3)
    >>> story.met["start"]
    True
    """

    def __init__(self, loaded: LoadedModel, engine: Engine | None = None) -> None:
        self.loaded = loaded
        self.engine = engine or engine_for(loaded)

    @classmethod
    def load(cls, folder: str | Path, device: str = "cpu", quantized: bool = False) -> "StoryModel":
        """`folder` may be an address of MLflow's: runs:/ID or models:/NAME@ALIAS. quantized: in int8, on the CPU.

        Raises ModelError when there is no model in `folder`, or not one that can be read.
        """
        address = str(folder)
        loaded = load_any(tinystories.fetch(address) if address.startswith(ADDRESSES) else folder, device)
        if not quantized:
            return cls(loaded)
        loaded = replace(loaded, model=quantize(loaded.model))
        return cls(loaded, TorchEngine(loaded))

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

    def generate_many(
        self, requests: Sequence[Request], done: Callable[[int], None] = lambda _: None, exact: bool = False
    ) -> list[Story]:
        """One story a request, in their order; `done` is called with how many have just ended.

        exact: no rounding depends on what else is asked for, so that each story is always the same bytes on
        one machine (generation/exact.py); slower. Raises RequestError, before anything is written, if one leaves
        no room in the model's context.

        >>> asked = [Request(start="Tom"), Request(end="home", max_words=60)]
        >>> [story.request.end for story in model.generate_many(asked)]
        [None, 'home']
        """
        plans = [self._plan(request) for request in requests]
        if exact and self._keeps_rows_apart:
            drafts = draft_exactly(self.engine, self.vocabulary, plans, done)
        else:
            drafts = draft_many(self.engine, self.vocabulary, plans, done, 1 if exact else BATCH)
        return [
            self._best(plan, [self._story(plan, draft) for draft in candidates])
            for plan, candidates in zip(plans, drafts, strict=True)
        ]

    def stream(self, request: Request, exact: bool = False) -> Iterator[str | Story]:
        """The story's text in pieces, as they are certain: joined they are the text. Last comes the Story itself.

        What a cut may still take away is held back: so with `length` the text comes in one piece, with
        `max_words` or `last` sentence by sentence. With `beams` and `best_of` too nothing is certain before the end.
        exact: as for `generate_many`. Raises RequestError at once, as `generate` does.

        >>> *pieces, story = model.stream(Request(start="Tom", max_tokens=20))
        >>> "".join(pieces) == story.text
        True
        """
        return self._stream(self._plan(request), exact)

    def infill(self, first: str, last: str, **options: Any) -> Story:
        """The story between two sentences, both of which stand in it word for word; options as for `generate`.

        >>> model.infill("Tom had a kite.", "They went home.", seed=2).met
        {'first': True, 'last': True}
        """
        return self.generate(first=first, last=last, **options)[0]

    def _stream(self, plan: Plan, exact: bool) -> Iterator[str | Story]:
        twice = bool(plan.closing) and self.loaded.form.writes_last  # what is written of the last sentence goes again
        if plan.candidates > 1 or plan.request.beams is not None or twice:
            [story] = self.generate_many([plan.asked], exact=exact)
            yield story.text
            yield story
            return
        sent, job = 0, plan.job
        engine = fixed_for(self.engine, job) if exact and self._keeps_rows_apart else self.engine
        writing = Writing(engine, self.vocabulary, [job])
        for ended in writing:
            [written] = writing.written
            finished = self._story(plan, ended[0]) if ended else None
            text = finished.text if finished else written.text[: job.ending.certain(written)]
            if len(text) > sent:
                yield text[sent:]
                sent = len(text)
            if finished:
                yield finished

    def score(self, texts: Sequence[str], precision: torch.dtype = torch.float32) -> list[Score]:
        """Each text as a whole story, in the plain form, by the one definition of loss.

        >>> [score.bytes for score in model.score(["Tom had a kite.", "Kite a had Tom."])]
        [15, 15]
        """
        tokenizer = self.loaded.tokenizer
        stories = [_whole(ids) for ids in tokenizer.encode_many(texts)]
        examples = [plain(tokenizer, story) for story in stories]
        scored = sequence_nats(self.loaded.model, examples, self.loaded.config.context, precision)
        return [Score(s.nats, s.targets, len(t.encode("utf-8"))) for s, t in zip(scored, texts, strict=True)]

    def surprise(self, text: str) -> list[tuple[str, float]]:
        """(piece of the text, nats) of each token, in order; the last is ("", nats of <eos>): the sum is `score`'s."""
        ids = self.loaded.tokenizer.encode(text)
        nats = token_nats(self.loaded, plain(self.loaded.tokenizer, _whole(ids)))
        return [*pieces(self.vocabulary, ids, nats[:-1]), ("", nats[-1])]

    def _plan(self, asked: Request) -> Plan:
        if self.loaded.form is chat.CHAT:
            return self._answer(asked)
        refuse_what_is_not_carried(self.loaded.form, asked)
        request = with_defaults(asked, self.loaded.generation)
        tokenizer, given = self.loaded.tokenizer, request.given
        closing = request.last or ""
        controls = Controls(request.tags, request.words[:MOST_WORDS], request.length, request.end)
        if request.last is not None:
            closing = request.last if request.last[0].isspace() else f" {request.last}"
            # the last sentence says the end word already, and is not the model's to write
            prompt = self.loaded.form.between_prompt(tokenizer, replace(controls, end=None), request.first, closing)
            prompt += [] if request.first is not None else tokenizer.encode(given)
        else:
            prompt = self.loaded.form.prompt(tokenizer, controls, given)
        return self._planner.plan(request, prompt, closing, self._most(request, prompt))

    def _answer(self, asked: Request) -> Plan:
        """What is said stands before the answer, which is all of the text."""
        full = with_defaults(asked, self.loaded.generation)
        question, request = chat.said(full)
        prompt = chat.CHAT.prompt(self.loaded.tokenizer, Controls(), question)
        return replace(self._planner.plan(request, prompt, "", self._most(full, prompt)), asked=full)

    def _most(self, request: Request, prompt: Sequence[int]) -> int:
        """Tokens that may be written after `prompt`. Raises RequestError where there is no room."""
        room = self.engine.context - len(prompt)
        if room < 1:
            raise RequestError(
                f"what is given takes {len(prompt)} of the model's {self.engine.context} tokens "
                "and leaves no room for a story: give less"
            )
        return min(room, request.max_tokens or room)

    @cached_property
    def _keeps_rows_apart(self) -> bool:
        return keeps_rows_apart(self.engine)

    @cached_property
    def _planner(self) -> Planner:
        return Planner(self.loaded.tokenizer, self.vocabulary)

    def _story(self, plan: Plan, draft: Draft) -> Story:
        written = self.vocabulary.text(draft.ids)
        if plan.closing and self.loaded.form.writes_last:
            written = written.partition(plan.closing)[0]
        before, request = plan.job.ending.opening + written, plan.request
        text = before + plan.closing if before else request.last or ""  # alone it needs no space before it
        return Story(
            text=text, request=plan.asked, met=check(text, request, _judge), stopped=draft.stopped,
            tokens=draft.tokens, nats=draft.nats, seed=request.seed, model=self.name,
        )  # fmt: skip

    def _best(self, plan: Plan, candidates: Sequence[Story]) -> Story:
        if len(candidates) == 1:
            return candidates[0]
        return best(self.loaded, candidates, plan.closing)


def generate_text(model: StoryModel | str | Path, **options: Any) -> str:
    """One story's text, the short form.

    >>> generate_text("models/current", start="Once", max_tokens=30).split()[0][:4]
    'Once'
    """
    story_model = model if isinstance(model, StoryModel) else StoryModel.load(model)
    return story_model.generate(**options)[0].text


def _judge(text: str) -> Sequence[Tag]:
    return Tagger.load("judge").tags(text)


def _whole(ids: list[int]) -> StoryTokens:
    return StoryTokens("", ids, (), (), False, (), (), "", 0, 0)
