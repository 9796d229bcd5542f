"""Whether a challenger takes the champion's place: the paired test, and guards that nothing else fell."""

from dataclasses import dataclass
from typing import Final

from tinystories.evaluation.compare import Comparison
from tinystories.evaluation.samples import METRICS

TEST: Final = "nats_per_story"
GUARDS: Final = tuple(
    metric.key for metric in METRICS if metric.key.split("/")[0] in ("completion", "adherence", "memorisation")
)
_WRITTEN: Final = ("completion", "adherence", "memorisation")  # measured on generated stories
_NAMES: Final = {metric.key: metric.name for metric in METRICS}


@dataclass(frozen=True)
class Decision:
    """moved: whether the alias is to move. reason: one line with the figures that decided."""

    moved: bool
    reason: str


def decide(comparison: Comparison) -> Decision:
    """The second contender against the first, the champion.

    It takes the place only if its nats per story are better by the paired bootstrap over the same
    stories, and completion, adherence (of all tags and of each) and memorisation were measured and
    none of them is worse.
    """
    champion, challenger = comparison.contenders
    found = comparison.differences[1]
    holder = champion.fingerprint or champion.name
    tested = f"{len(comparison.ids)} test stories ({comparison.stories}), champion {holder}"
    if champion.fingerprint and champion.fingerprint == challenger.fingerprint:
        return Decision(False, "it is the champion already")
    missing = [key for key in (TEST, *_WRITTEN) if key not in found]
    if missing:
        names = ", ".join(_NAMES[key] for key in missing)
        return Decision(False, f"not measured alike for both: {names}; evaluate both by the same settings")
    test = found[TEST]
    figures = f"nats per story {test.value:+.3f} ({test.low:+.3f} to {test.high:+.3f}) on {tested}"
    if test.verdict != "better":
        return Decision(False, f"{'worse' if test.verdict == 'worse' else 'not better for certain'}: {figures}")
    fell = [key for key in GUARDS if key in found and found[key].verdict == "worse"]
    if fell:
        told = ", ".join(
            f"{_NAMES[key]} {100 * found[key].value:+.1f} points "
            f"({100 * found[key].low:+.1f} to {100 * found[key].high:+.1f})"
            for key in fell
        )
        return Decision(False, f"better in likelihood, but worse in {told}: {figures}")
    return Decision(True, f"better: {figures}; completion, adherence and memorisation not worse")
