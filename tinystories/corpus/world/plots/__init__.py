"""The plots: goals, what stands in their way, and how they end, as tasks that break down into events."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tinystories.corpus.world.plan import Plan
from tinystories.corpus.world.plots import aims, meetings, things, wishes


@dataclass(frozen=True, slots=True)
class Plot:
    """tell lets the events happen; fits says whether a story with these wishes can be of this plot."""

    name: str
    tell: Callable[[Plan], None]
    fits: Callable[[Plan], bool] = lambda plan: True


PLOTS: Final = (
    Plot("lost", things.lost),
    Plot("broken", things.broken),
    Plot("stuck", things.stuck),
    Plot("earn", aims.earn),
    Plot("gift", aims.gift),
    Plot("journey", aims.journey),
    Plot("grow", wishes.grow),
    Plot("skill", wishes.skill),
    Plot("build", wishes.build),
    Plot("share", meetings.share),
    Plot("friend", meetings.friend),
    Plot("noise", meetings.noise),
    Plot("hide", meetings.hide),
    Plot("quarrel", meetings.quarrel, lambda plan: plan.clash and (plan.moral or plan.twist or not plan.bad)),
)
