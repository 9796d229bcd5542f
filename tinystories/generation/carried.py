"""What a model can be asked for, by the format of requests that it was trained in."""

from typing import Final

from tinystories.errors import RequestError
from tinystories.generation.requests import Request
from tinystories.requests.formats import Format

_TAKES: Final = {
    "infilling": "a model of preset infilling takes a beginning, and a first and a last sentence",
    "start-end": "a model of preset start-end takes a beginning, and a first and a last word",
    "tags": "a model of preset tags-encoder takes a beginning, and tags",
    "plain": "a model without control tokens takes a beginning",
}


def refuse_what_is_not_carried(form: Format, request: Request) -> None:
    """Raises RequestError, one line, where `request` asks for what the model was never trained to read."""
    unknown = sorted(request.to_json().keys() & ({"tags", "words", "length", "end", "last"} - form.carries))
    if unknown:
        raise RequestError(f"{', '.join(unknown)}: {_TAKES[form.name]}, nothing else; preset story takes all")
