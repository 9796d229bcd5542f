"""What begins, ends and pads a text: kept where a base has it, added where it has not, and never one for two."""

from pathlib import Path

import torch

from tests.finetuning.conftest import END
from tinystories.finetuning.bases import load_base
from tinystories.finetuning.marks import add_marks, make_room


def test_gpt2_gets_a_beginning_and_a_padding_and_keeps_its_end(gpt2: Path) -> None:
    tokenizer = load_base(str(gpt2)).tokenizer
    known = len(tokenizer)
    marks = add_marks(tokenizer)
    assert marks.end == tokenizer.convert_tokens_to_ids(END) < known
    assert sorted(marks.new) == [known, known + 1] == sorted([marks.begin, marks.pad])
    assert len({marks.begin, marks.end, marks.pad}) == 3
    assert tokenizer.convert_ids_to_tokens(marks.begin) == "<|startoftext|>"


def test_our_own_base_keeps_its_marks(ours: Path) -> None:
    marks = add_marks(load_base(str(ours)).tokenizer)
    assert (marks.pad, marks.begin, marks.end, marks.new) == (0, 1, 2, ())


def test_who_speaks_is_a_token_of_its_own(ours: Path) -> None:
    tokenizer = load_base(str(ours)).tokenizer
    marks = add_marks(tokenizer, chat=True)
    assert sorted(marks.roles) == ["assistant", "system", "user"] and sorted(marks.roles.values()) == list(marks.new)
    assert tokenizer("<|user|>", add_special_tokens=False).input_ids == [marks.roles["user"]]


def test_new_tokens_begin_as_the_mean_of_the_others_and_the_head_stays_the_embedding(gpt2: Path) -> None:
    base = load_base(str(gpt2))
    marks = add_marks(base.tokenizer)
    before = base.model.lm.get_input_embeddings().weight.clone()
    model = make_room(base.model, marks.new)
    weight = model.lm.get_input_embeddings().weight
    assert weight is model.lm.get_output_embeddings().weight
    assert model.config.vocab_size == len(before) + 2
    assert torch.equal(weight[: len(before)], before)
    assert torch.allclose(weight[list(marks.new)], before.mean(dim=0).expand(2, -1))
