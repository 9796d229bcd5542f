"""Models tuned to conversations: the prompt is what the user says, and the text is the answer."""

from dataclasses import replace
from typing import ClassVar, Final

from tinystories.errors import RequestError
from tinystories.finetuning.spelling import ROLES
from tinystories.generation.requests import Request
from tinystories.model.folder import LoadedModel
from tinystories.requests.controls import BOS
from tinystories.requests.formats import Format
from tinystories.requests.mixed import Controls
from tinystories.text.tokenizer import StoryTokenizer


class Chat(Format):
    """`<bos> <|user|> what is said <|assistant|>`, as `finetune` teaches it (finetuning/rows.py)."""

    name = "chat"
    carries: ClassVar[frozenset[str]] = frozenset()

    def prompt(self, tokenizer: StoryTokenizer, controls: Controls, text: str = "") -> list[int]:
        """What an answer to `text` is asked for with."""
        user, assistant = tokenizer.control(ROLES["user"]), tokenizer.control(ROLES["assistant"])
        return [tokenizer.control(BOS), user, *tokenizer.encode(text), assistant]


CHAT: Final = Chat()
# an answer is no story: nothing was learned of these, or they are measured against a story's beginning
_UNKNOWN: Final = ("tags", "words", "length", "first", "last", "start", "end", "guidance", "best_of")


def form_of(loaded: LoadedModel) -> LoadedModel:
    """The model, asked in the form of conversations if its tokenizer knows who speaks."""
    known = all(loaded.tokenizer.knows(ROLES[role]) for role in ("user", "assistant"))
    return replace(loaded, form=CHAT) if known else loaded


def said(request: Request) -> tuple[str, Request]:
    """What the user says, and the rest of the request, which holds for the answer.

    Raises RequestError where nothing is said, or a story is asked for.
    """
    unknown = [name for name in _UNKNOWN if name in request.to_json()]
    if unknown:
        raise RequestError(f"{', '.join(unknown)}: a model tuned to chat answers PROMPT, and tells no stories")
    if request.prompt is None:
        raise RequestError("a model tuned to chat answers: say something, as PROMPT")
    return request.prompt.strip(), replace(request, prompt=None)
