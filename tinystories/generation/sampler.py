"""Drawing the next token: temperature, top-k, top-p, with noise that depends on the story alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

# candidates sorted for top-p; a row whose mass they don't hold is sorted further, at last whole
PRE_CUTS: Final = (32, 128, 512)
_COLDEST: Final = 1e-37  # a temperature that float32 can hold: below it nothing but the likeliest is drawn either
_ALL: Final = 1 << 40  # a top-k that no vocabulary reaches


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


@dataclass(frozen=True)
class Knobs:
    """The settings of B rows side by side: made once, used for many tokens.

    temperature_B1: 1 for the rows of temperature 0, which are `cold`. top_p_B: infinity for all. least_B1: logarithm
    of min-p. whole and cut: the other rows, those that draw from all tokens and those that draw from the likeliest.
    """

    settings: Sequence[Settings]
    temperature_B1: Tensor
    top_k_B: Tensor
    top_p_B: Tensor
    least_B1: Tensor
    cold: list[int]
    whole: list[int]
    cut: list[int]

    @classmethod
    def of(cls, settings: Sequence[Settings]) -> "Knobs":
        warm = [row for row, s in enumerate(settings) if s.temperature > 0]
        whole = [row for row in warm if settings[row].top_p >= 1 and settings[row].top_k is None]
        temperature = torch.tensor([s.temperature or 1.0 for s in settings], dtype=torch.float64)
        return cls(
            settings=settings,
            temperature_B1=temperature.clamp(min=_COLDEST).float()[:, None],
            top_k_B=torch.tensor([s.top_k or _ALL for s in settings]),
            top_p_B=torch.tensor([s.top_p if s.top_p < 1 else math.inf for s in settings], dtype=torch.float64),
            least_B1=torch.tensor([s.min_p for s in settings]).log()[:, None],
            cold=[row for row, s in enumerate(settings) if s.temperature == 0],
            whole=whole,
            cut=sorted(set(warm) - set(whole)),
        )

    def only(self, rows: list[int]) -> "Knobs":
        return self if len(rows) == len(self.settings) else Knobs.of([self.settings[row] for row in rows])


def sample(logits_BV: Tensor, knobs: Knobs, uniform_B: Tensor) -> Tensor:
    """(B,) ids, each row by its own settings; the same row gives the same id in any batch.

    Temperature first, then top-k, then top-p over what is left (the smallest set of the likeliest
    tokens that holds top_p: Holtzman et al. 2020), then min-p (tokens at least that share as likely
    as the likeliest: Nguyen et al. 2024). uniform_B (B,) float64 in [0, 1) is turned into
    a token by the distribution function in the order of the ids, so that a rounding error in the
    logits moves a draw only where it falls within that error of a boundary. A logit of -inf is
    never drawn; every row must have a finite one. Works on the CPU (MPS has no float64).
    """
    if len(logits_BV) == 1 and knobs.cut:
        return torch.tensor([_one_from_cut(logits_BV, knobs, float(uniform_B[0]))])
    ids_B = torch.empty(len(logits_BV), dtype=torch.long)
    if knobs.cold:
        ids_B[knobs.cold] = logits_BV[knobs.cold].argmax(dim=-1)
    for rows, draw in ((knobs.whole, _from_all), (knobs.cut, _from_cut)):
        if len(rows) == len(ids_B):
            return draw(logits_BV, knobs, uniform_B)
        if rows:
            ids_B[rows] = draw(logits_BV[rows], knobs.only(rows), uniform_B[rows])
    return ids_B


def _warmed(logits_BV: Tensor, largest_B1: Tensor, temperature_B1: Tensor) -> Tensor:
    """Logits over temperature, the largest 0: no temperature above 0 makes them overflow."""
    return (logits_BV - largest_B1).div_(temperature_B1)


def _from_all(logits_BV: Tensor, knobs: Knobs, uniform_B: Tensor) -> Tensor:
    warmed_BV = _warmed(logits_BV, logits_BV.amax(dim=-1, keepdim=True), knobs.temperature_B1)
    return _draw(torch.where(warmed_BV >= knobs.least_B1, warmed_BV.double().exp(), 0.0), uniform_B)


def _from_cut(logits_BV: Tensor, knobs: Knobs, uniform_B: Tensor) -> Tensor:
    """Sort the likeliest few; rows that need more of the vocabulary sort more of it."""
    vocabulary = logits_BV.shape[-1]
    ids_B = torch.empty(len(logits_BV), dtype=torch.long)
    rows: list[int] = list(range(len(logits_BV)))
    for width in (*(cut for cut in PRE_CUTS if cut < vocabulary), vocabulary):
        drawn_B, held_B = _nucleus(logits_BV, knobs, uniform_B, width)
        ids_B[rows] = drawn_B
        left = torch.nonzero(~held_B)[:, 0].tolist()
        if not left:
            break
        rows = [rows[place] for place in left]
        logits_BV, knobs, uniform_B = logits_BV[left], knobs.only(left), uniform_B[left]
    return ids_B


def _one_from_cut(logits_1V: Tensor, knobs: Knobs, uniform: float) -> int:
    """`_from_cut` for one row, to the last bit: of so few numbers NumPy makes less ado."""
    settings, vocabulary = knobs.settings[0], logits_1V.shape[-1]
    top_k = min(settings.top_k or vocabulary, vocabulary)
    share = float(knobs.top_p_B[0])
    total = math.inf
    for width in (*(cut for cut in PRE_CUTS if cut < vocabulary), vocabulary):
        largest_1W, ids_1W = logits_1V.topk(width, dim=-1)
        if total == math.inf and top_k == vocabulary:
            total = float(_warmed(logits_1V, largest_1W[:, :1], knobs.temperature_B1).exp_().sum(dim=-1))
        values_1W = _warmed(largest_1W, largest_1W[:, :1], knobs.temperature_B1)[:, :top_k]
        weight, ids = values_1W.double().exp()[0].numpy(), ids_1W[0, :top_k].numpy()
        mass = weight.cumsum()
        if top_k <= width:
            total = float(mass[-1])
        if top_k <= width or mass[-1] >= share * total:
            break
    kept = (mass - weight < share * total) & (values_1W[0].numpy() >= float(knobs.least_B1))
    ids, weight = ids[kept], weight[kept]
    by_id = ids.argsort()
    sums = weight[by_id].cumsum()
    goal = min(uniform * sums[-1], np.nextafter(sums[-1], 0))
    return int(ids[by_id[sums.searchsorted(goal, side="right")]])


def _nucleus(logits_BV: Tensor, knobs: Knobs, uniform_B: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """(B,) drawn ids, and (B,) whether the `width` likeliest tokens were enough to know the set."""
    vocabulary = logits_BV.shape[-1]
    top_k_B, top_p_B = knobs.top_k_B.clamp(max=vocabulary), knobs.top_p_B
    largest_BW, ids_BW = logits_BV.topk(width, dim=-1)
    largest_B1 = largest_BW[:, :1]
    values_BW = _warmed(largest_BW, largest_B1, knobs.temperature_B1)
    weight_BW = values_BW.double().exp()
    inside_BW = torch.arange(width) < top_k_B[:, None]
    # top-p is a share of what top-k leaves: all of the vocabulary unless top-k cuts within the width
    weight_BW = torch.where(inside_BW, weight_BW, 0.0)
    mass_BW = weight_BW.cumsum(dim=-1)
    total_B = mass_BW[:, -1]
    beyond_B = top_k_B > width
    if beyond_B.any():
        all_BV = _warmed(logits_BV, largest_B1, knobs.temperature_B1).exp_()
        total_B = torch.where(beyond_B, all_BV.sum(dim=-1).double(), total_B)
    kept_BW = inside_BW & (mass_BW - weight_BW < (top_p_B * total_B)[:, None]) & (values_BW >= knobs.least_B1)
    held_B = ~beyond_B | (mass_BW[:, -1] >= top_p_B * total_B)
    held_B &= ~beyond_B | (top_k_B >= vocabulary)  # a top-k beyond the width needs its own total
    by_id_BW, order_BW = ids_BW.sort(dim=-1)
    places_B = _draw(torch.where(kept_BW, weight_BW, 0.0).gather(-1, order_BW), uniform_B)
    return by_id_BW.gather(-1, places_B[:, None])[:, 0], held_B


def _draw(weight_BV: Tensor, uniform_B: Tensor) -> Tensor:
    """(B,) the first place at which the running sum passes uniform * total."""
    sums_BV = weight_BV.cumsum(dim=-1)
    total_B = sums_BV[:, -1]
    goal_B = torch.minimum(uniform_B * total_B, torch.nextafter(total_B, torch.zeros_like(total_B)))
    return torch.searchsorted(sums_BV, goal_B[:, None], right=True)[:, 0]
