"""Batches: shifted in time, padded by position."""

import numpy as np
import pytest
import torch

from tests.builders import small_tokenizer, story_tokens
from tinystories.requests.controls import EOS_ID, PAD_ID
from tinystories.requests.example import Example
from tinystories.requests.mixed import Weights, plain
from tinystories.training.batches import STEP, by_length, collate, padded_length
from tinystories.training.order import Order, Place


def example(*ids: int, given: int = 1) -> Example:
    mask = np.arange(len(ids)) >= given
    return Example(np.array(ids, dtype=np.int32), mask, f"{ids[-1]:016x}")


def test_targets_are_the_next_tokens_of_the_same_row() -> None:
    # written out, so that a shift along the batch instead of time can't pass
    batch = collate([example(1, 5, 6, 7, 2), example(1, 8, 2)], 64)
    assert batch.inputs_BT[:, :5].tolist() == [[1, 5, 6, 7, PAD_ID], [1, 8, PAD_ID, PAD_ID, PAD_ID]]
    assert batch.targets_BT[:, :5].tolist() == [[5, 6, 7, 2, PAD_ID], [8, 2, PAD_ID, PAD_ID, PAD_ID]]
    assert batch.mask_BT.nonzero().tolist() == [[0, 0], [0, 1], [0, 2], [0, 3], [1, 0], [1, 1]]


def test_what_is_given_is_no_target() -> None:
    batch = collate([example(1, 5, 6, 7, 2, given=3)], 64)
    assert batch.mask_BT.nonzero().tolist() == [[0, 2], [0, 3]]
    assert batch.valid == 2


def test_padding_is_masked_by_position_so_a_real_eos_or_pad_id_still_counts() -> None:
    batch = collate([example(1, EOS_ID, PAD_ID, 9, EOS_ID)], 64)
    assert batch.valid == 4
    assert batch.targets_BT[batch.mask_BT].tolist() == [EOS_ID, PAD_ID, 9, EOS_ID]


@pytest.mark.parametrize(("tokens", "positions"), [(2, 64), (65, 64), (66, 128), (257, 256)])
def test_rows_hold_all_but_the_last_token_rounded_up(tokens: int, positions: int) -> None:
    assert padded_length(example(*range(1, tokens + 1)), 256) == positions and positions % STEP == 0


def test_scoring_batches_hold_every_example_once_and_stay_in_bounds() -> None:
    examples = [plain(small_tokenizer(), s) for s in story_tokens(small_tokenizer(), 30)]
    batches = list(by_length(examples, 1024, 2048))
    assert sorted(e.story_id for b in batches for e in b.examples) == sorted(e.story_id for e in examples)
    assert all(b.inputs_BT.numel() <= 2048 or len(b.examples) == 1 for b in batches)


def order(seed: int = 1, weights: Weights = Weights(0.4, 0.3, 0.3, 0.3), pool: int = 30) -> Order:
    return Order(story_tokens(small_tokenizer(), pool), small_tokenizer(), weights, 256, 2048, seed)


def test_an_epoch_trains_on_every_token_of_every_story_once() -> None:
    plain_only = order(weights=Weights(1, 0, 0, 0))
    batches = plain_only.batches(0, 0)
    expected = sum(len(s.text) + 1 for s in plain_only.stories)  # the texts and one <eos> each
    assert sum(b.valid for b in batches) == expected
    targets = torch.cat([b.targets_BT[b.mask_BT] for b in batches])
    assert int((targets == EOS_ID).sum()) == len(plain_only.stories)


def test_the_same_place_gives_the_same_batches_whatever_came_before() -> None:
    walked = []
    for batch, after in order().walk(Place()):
        walked.append((batch, after))
        if after.epoch == 2:
            break
    middle = walked[len(walked) // 2][1]
    resumed, _ = next(order().walk(middle))
    assert torch.equal(resumed.inputs_BT, walked[len(walked) // 2 + 1][0].inputs_BT)


def test_seeds_and_epochs_draw_differently() -> None:
    a, b, c = order(1).batches(0, 0), order(2).batches(0, 0), order(1).batches(1, 0)
    assert not torch.equal(a[0].inputs_BT, b[0].inputs_BT) and not torch.equal(a[0].inputs_BT, c[0].inputs_BT)
