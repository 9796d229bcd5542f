"""Where a text begins and ends for a base, who speaks in a chat, and room for tokens that the base lacks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch

from tinystories.finetuning.spelling import ENDER, ROLES, STARTER
from tinystories.model.hosted import Hosted

PADDING: Final = "<|pad|>"

# what `rows.encode` does, in the language of transformers' chat templates
CHAT_TEMPLATE: Final = (
    "{{ bos_token }}{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] }}"
    "{% if m['role'] == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


@dataclass(frozen=True)
class Marks:
    """Token ids. roles: by name, empty unless there is chat. new: those that the base did not have."""

    begin: int
    end: int
    pad: int
    roles: Mapping[str, int]
    new: tuple[int, ...]


def add_marks(tokenizer: Any, starter: str = STARTER, ender: str = ENDER, chat: bool = False) -> Marks:
    """The marks of a base, in its tokenizer (transformers'); what is missing is added as a special token.

    A base with a token for the beginning and another for the end keeps them. GPT-2 has one for both:
    it ends texts, and `starter` becomes a token that begins them. Padding is never the end: a model
    that is taught to pass over its end never stops.
    """
    before = tokenizer.get_vocab()
    end = tokenizer.eos_token or ender
    begin = tokenizer.bos_token if tokenizer.bos_token not in (None, end) else starter
    pad = tokenizer.pad_token if tokenizer.pad_token not in (None, begin, end) else PADDING
    tokenizer.add_special_tokens({"bos_token": begin, "eos_token": end, "pad_token": pad})
    if chat:
        tokenizer.add_tokens(list(ROLES.values()), special_tokens=True)
        tokenizer.chat_template = CHAT_TEMPLATE
    after = tokenizer.get_vocab()
    roles = {role: after[token] for role, token in ROLES.items()} if chat else {}
    new = sorted(set(after.values()) - set(before.values()))
    return Marks(after[begin], after[end], after[pad], roles, tuple(new))


@torch.no_grad()
def make_room(model: Hosted, new: tuple[int, ...]) -> Hosted:
    """The model with rows for the tokens `new`, each the mean of the rows that were there: no draw, a likely place."""
    lm, config = model.lm, model.lm.config
    known = model.config.vocab_size
    matrices = {id(m.weight): m for m in (lm.get_input_embeddings(), lm.get_output_embeddings())}
    old = [token for token in range(known) if token not in set(new)]
    means = [m.weight[old].mean(dim=0) for m in matrices.values()]
    if new and max(new) >= known:
        lm.resize_token_embeddings(max(new) + 1, mean_resizing=False)
    grown = {id(m.weight): m for m in (lm.get_input_embeddings(), lm.get_output_embeddings())}
    for matrix, mean in zip(grown.values(), means, strict=True):
        matrix.weight[list(new)] = mean
    assert config.vocab_size == lm.get_input_embeddings().weight.shape[0]
    return Hosted(lm)


def name_marks(config: Any, marks: Marks) -> None:
    """Write the marks' ids into a transformers config (a model's, or one for generation)."""
    config.bos_token_id, config.eos_token_id, config.pad_token_id = marks.begin, marks.end, marks.pad
