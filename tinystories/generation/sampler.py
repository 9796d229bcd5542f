"""Drawing the next token: temperature, top-k, top-p, with noise that depends on the story alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

# candidates sorted for top-p; a row whose mass they don't hold is sorted further, at last whole
PRE_CUTS: Final = (64, 512)


@dataclass(frozen=True)
class Settings:
    """temperature: 0 = the likeliest token. top_k: null = all. top_p: 1 = all. min_p: 0 = all."""

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    min_p: float = 0.0


def noise(seed: int, index: int, steps: int, candidate: int = 0) -> Tensor:
    """(steps,) float64 uniform on [0, 1): element t is for the t-th token of story `index` of `seed`.
    Each `candidate` for that story has noise of its own.

    Philox (Salmon et al. 2011), a counter-based generator: what a story draws depends on nothing
    else than these numbers. numpy keeps a bit generator's stream fixed between versions.
    """
    counter = np.array([0, 0, 0, candidate], dtype=np.uint64)
    bits = np.random.Philox(key=np.array([seed, index], dtype=np.uint64), counter=counter).random_raw(steps)
    return torch.from_numpy((bits >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def sample(logits_BV: Tensor, settings: Sequence[Settings], uniform_B: Tensor) -> Tensor:
    """(B,) ids, each row by its own settings; the same row gives the same id in any batch.

    Temperature first, then top-k, then top-p over what is left (the smallest set of the likeliest
    tokens that holds top_p: Holtzman et al. 2020), then min-p (tokens at least that share as likely
    as the likeliest: Nguyen et al. 2024). uniform_B (B,) float64 in [0, 1) is turned into
    a token by the distribution function in the order of the ids, so that a rounding error in the
    logits moves a draw only where it falls within that error of a boundary. A logit of -inf is
    never drawn; every row must have a finite one. Works on the CPU (MPS has no float64).
    """
    ids_B = logits_BV.argmax(dim=-1)
    vocabulary = logits_BV.shape[-1]
    warm = [row for row, s in enumerate(settings) if s.temperature > 0]
    whole = [row for row in warm if settings[row].top_p >= 1 and (settings[row].top_k or vocabulary) >= vocabulary]
    cut = sorted(set(warm) - set(whole))
    for rows, draw in ((whole, _from_all), (cut, _from_cut)):
        if rows:
            chosen = [settings[row] for row in rows]
            ids_B[rows] = draw(_warmed(logits_BV[rows], chosen), chosen, uniform_B[rows])
    return ids_B


def _warmed(logits_BV: Tensor, settings: Sequence[Settings]) -> Tensor:
    """Logits over temperature, the largest 0: no temperature above 0 makes them overflow."""
    temperature_B = torch.tensor([s.temperature for s in settings], dtype=torch.float64)
    centred_BV = logits_BV - logits_BV.amax(dim=-1, keepdim=True)
    return (centred_BV / temperature_B[:, None]).float()


def _least(settings: Sequence[Settings]) -> Tensor:
    """(B, 1) the smallest logit that min-p keeps, the largest being 0."""
    return torch.tensor([s.min_p for s in settings]).log()[:, None]


def _from_all(logits_BV: Tensor, settings: Sequence[Settings], uniform_B: Tensor) -> Tensor:
    return _draw(torch.where(logits_BV >= _least(settings), logits_BV.exp(), 0.0), uniform_B)


def _from_cut(logits_BV: Tensor, settings: Sequence[Settings], uniform_B: Tensor) -> Tensor:
    """Sort the likeliest few; rows that need more of the vocabulary sort more of it."""
    vocabulary = logits_BV.shape[-1]
    top_k_B = torch.tensor([min(s.top_k or vocabulary, vocabulary) for s in settings])
    top_p_B = torch.tensor([s.top_p for s in settings], dtype=torch.float64)
    least_B1 = _least(settings)
    ids_B = torch.zeros(len(settings), dtype=torch.long)
    rows = torch.arange(len(settings))
    for width in (*(cut for cut in PRE_CUTS if cut < vocabulary), vocabulary):
        ids_B[rows], held_B = _nucleus(logits_BV, top_k_B, top_p_B, least_B1, uniform_B, width)
        if held_B.all():
            break
        rows = rows[~held_B]
        logits_BV, top_k_B, top_p_B = logits_BV[~held_B], top_k_B[~held_B], top_p_B[~held_B]
        least_B1, uniform_B = least_B1[~held_B], uniform_B[~held_B]
    return ids_B


def _nucleus(
    logits_BV: Tensor, top_k_B: Tensor, top_p_B: Tensor, least_B1: Tensor, uniform_B: Tensor, width: int
) -> tuple[Tensor, Tensor]:
    """(B,) drawn ids, and (B,) whether the `width` likeliest tokens were enough to know the set."""
    values_BW, ids_BW = logits_BV.topk(width, dim=-1)
    weight_BW = values_BW.double().exp()
    inside_BW = torch.arange(width) < top_k_B[:, None]
    # top-p is a share of what top-k leaves: all of the vocabulary unless top-k cuts within the width
    weight_BW = torch.where(inside_BW, weight_BW, 0.0)
    total_B = torch.where(top_k_B > width, logits_BV.exp().sum(dim=-1).double(), weight_BW.sum(dim=-1))
    mass_BW = weight_BW.cumsum(dim=-1)
    before_BW = mass_BW - weight_BW
    kept_BW = inside_BW & (before_BW < (top_p_B * total_B)[:, None]) & (values_BW >= least_B1)
    vocabulary = logits_BV.shape[-1]
    held_B = (top_k_B <= width) | (mass_BW[:, -1] >= top_p_B * total_B)
    held_B &= (top_k_B <= width) | (top_k_B >= vocabulary)  # a top-k beyond the width needs its own total
    order_BW = ids_BW.argsort(dim=-1)
    places_B = _draw(torch.where(kept_BW, weight_BW, 0.0).gather(-1, order_BW), uniform_B)
    drawn_B = ids_BW.gather(-1, order_BW.gather(-1, places_B[:, None]))[:, 0]
    return drawn_B, held_B


def _draw(weight_BV: Tensor, uniform_B: Tensor) -> Tensor:
    """(B,) the first place at which the running sum passes uniform * total."""
    sums_BV = weight_BV.double().cumsum(dim=-1)
    total_B = sums_BV[:, -1]
    goal_B = torch.minimum(uniform_B * total_B, torch.nextafter(total_B, torch.zeros_like(total_B)))
    return torch.searchsorted(sums_BV, goal_B[:, None], right=True)[:, 0]
