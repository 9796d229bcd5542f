"""How much each token of a text surprises a model: -ln p of it after all that stands before."""

from collections.abc import Sequence

import torch

from tinystories.generation.vocabulary import Vocabulary
from tinystories.model.folder import LoadedModel
from tinystories.requests.example import Example, windows
from tinystories.training.batches import collate, padded_length
from tinystories.training.loss import target_nats


@torch.inference_mode()
def token_nats(loaded: LoadedModel, example: Example) -> list[float]:
    """-ln p of each target of `example`, in order; a long one is read in windows, as when it is scored."""
    model, context = loaded.model, loaded.config.context
    device = next(model.parameters()).device
    nats: list[float] = []
    for piece in windows(example, context + 1):
        batch = collate([piece], padded_length(piece, context))
        hidden = model.hidden(batch.inputs_BT.to(device))
        nats += target_nats(hidden, model.head, batch.targets_BT.to(device), batch.mask_BT.to(device)).tolist()
    return nats


def pieces(vocabulary: Vocabulary, ids: Sequence[int], nats: Sequence[float]) -> list[tuple[str, float]]:
    """(text, nats) of each token; tokens that hold parts of one character are one piece, with their sum."""
    found: list[tuple[str, float]] = []
    pending, total = b"", 0.0
    for identity, surprise in zip(ids, nats, strict=True):
        pending, total = pending + vocabulary.writes[identity], total + surprise
        try:
            found.append((pending.decode("utf-8"), total))
        except UnicodeDecodeError:
            continue
        pending, total = b"", 0.0
    assert not pending, "a text ends with a whole character"
    return found
