"""What may be off with a model, said in the report whether one likes it or not."""

import math
from typing import Final

from tinystories.corpus.drift import WARNING
from tinystories.reporting.document import Check, Standing
from tinystories.reporting.drift import LABELS, drift_source, moves
from tinystories.reporting.figures import Inputs, Metrics, decimals, percent

COMPLETION: Final = 0.95  # the sample's model stops by itself at least this often
OVERFIT: Final = 1.02  # the last validation loss over the lowest one
UNLIKE: Final = 1.25  # nats of a test story's token over those of a validation story's: two draws of the same stories
WEAK_JUDGE: Final = 0.7  # F1 below which a judge's rate says little

FLAWS: Final = (
    ("loops", "loops"),
    ("made_up_words", "made-up words"),
    ("unbalanced_quotes", "unbalanced quotes"),
    ("named_once", "characters named once and never again"),
)
_ASKING: Final[dict[Standing, str]] = {
    "bad": "No more often found where asked for than in stories that were asked for nothing: {}.",
    "unclear": "Too few stories to say whether asking helps for {}.",
    "good": "Asking clearly raises {}.",
}


COMPLETED: Final = (
    ("completion.share", "stories asked for nothing"),
    ("completion.requested_share", "stories on request"),
    ("infilling.completion", "middles"),
)


def checks(inputs: Inputs) -> list[Check]:
    """Every check whose figures are known, in order of weight."""
    every = (_ngram, _weights, _stops, _overfitting, _last_sentence, _tags, _judge, _flaws, _copies, _drift)
    return [found for check in every for found in check(inputs)]


def helps(tag: Metrics) -> Standing | None:
    """Does asking for a tag raise its rate? None where the rates are not known.

    "good" where the 95 % interval of the difference is above 0, "bad" where the rate is not
    above the unconditional one at all. The interval of the difference is made of the two rates'
    own (Newcombe 1998, method 10).
    """
    asked, low = tag.number("requested"), tag.number("requested_low")
    plain, high = tag.number("unconditional"), tag.number("unconditional_high")
    if asked is None or plain is None:
        return None
    if asked <= plain:
        return "bad"
    if low is None or high is None:
        return "unclear"
    return "good" if asked - plain > math.hypot(asked - low, high - plain) else "unclear"


def _ngram(inputs: Inputs) -> list[Check]:
    own, ngram = "likelihood.nats_per_story", "baselines.kneser_ney_5.nats_per_story"
    mean, high = inputs.evaluate.number(own), inputs.evaluate.number(f"{own}_high")
    baseline = inputs.evaluate.number(ngram)
    if mean is None or baseline is None:
        return []
    costs, counting, source = f"{mean:,.1f} nats a story", f"{baseline:,.1f}", inputs.evaluate.source(own, ngram)
    if mean >= baseline:
        return [
            Check("bad", f"The model is no better than counting: {costs}, where a 5-gram needs {counting}.", source)
        ]
    if high is not None and high >= baseline:
        return [Check("unclear", f"The 5-gram’s {counting} lie inside the interval of the model’s {costs}.", source)]
    return [Check("good", f"Better than a 5-gram: {costs} against {counting}.", source)]


def _weights(inputs: Inputs) -> list[Check]:
    """Damage done to a good model after training may leave it better than a 5-gram; what training measured tells."""
    own, trained = "likelihood.nats_per_token", "validation_loss"
    test, validation = inputs.evaluate.number(own), inputs.train.number(trained)
    if test is None or validation is None:
        return []
    source = f"{inputs.evaluate.source(own)}; {inputs.train.source(trained)}"
    costs = f"{test:.2f} nats a token of the test stories"
    if test > UNLIKE * validation:
        return [
            Check(
                "bad",
                f"It costs {costs}, where validation ended training at {validation:.2f}: are these the weights that "
                "were trained, and the test stories of the same kind?",
                source,
            )
        ]
    return [Check("good", f"It costs {costs}, about what validation did when training ended.", source)]


def _stops(inputs: Inputs) -> list[Check]:
    found = []
    for key, what in COMPLETED:
        share = inputs.evaluate.number(key)
        if share is not None:
            few = share < COMPLETION
            sentence = f"{percent(share)} of {what} end by themselves{', fewer than 95 %' if few else ''}."
            found.append(Check("bad" if few else "good", sentence, inputs.evaluate.source(key)))
    return found


def _overfitting(inputs: Inputs) -> list[Check]:
    measured = [(loss, row["step"]) for row in inputs.curve if (loss := row.get("validation_loss")) is not None]
    if not measured:
        return []
    best, step = min(measured, key=lambda pair: pair[0])
    last = measured[-1][0]
    source = f"{inputs.curve_name}: validation_loss"
    if last > best * OVERFIT:
        rose = f"The validation loss was lowest at step {step:,.0f}, {best:.3f}, and rose to {last:.3f}"
        return [Check("bad", f"{rose}: trained too long.", source)]
    return [Check("good", "The validation loss ends at or near its lowest: not trained too long.", source)]


def _last_sentence(inputs: Inputs) -> list[Check]:
    gain, low = inputs.evaluate.number("infilling.gain"), inputs.evaluate.number("infilling.gain_low")
    if gain is None:
        return []
    nats, source = decimals(1), inputs.evaluate.source("infilling.gain", "infilling.gain_low")
    if gain <= 0:
        return [
            Check("bad", f"Seeing the last sentence doesn’t help with the middle: {nats(gain)} nats gained.", source)
        ]
    if low is not None and low <= 0:
        but = f"but the interval begins at {nats(low)}"
        return [Check("unclear", f"Seeing the last sentence gains {nats(gain)} nats on the middle, {but}.", source)]
    return [Check("good", f"Seeing the last sentence gains {nats(gain)} nats on the middle.", source)]


def _tags(inputs: Inputs) -> list[Check]:
    standings = {
        tag: helps(inputs.evaluate.under("adherence", tag)) for tag in sorted(inputs.evaluate.group("adherence"))
    }
    named = {standing: [tag for tag, found in standings.items() if found == standing] for standing in _ASKING}
    source = inputs.evaluate.source("adherence")
    if any(named.values()) and not named["good"]:
        ignored = "No tag is clearly more frequent where it was asked for: the model may ignore what it is asked."
        return [Check("bad", ignored, source)]
    return [Check(standing, _ASKING[standing].format(_and(tags)), source) for standing, tags in named.items() if tags]


def _judge(inputs: Inputs) -> list[Check]:
    known = {tag: inputs.evaluate.under("judge", tag).number("f1") for tag in sorted(inputs.evaluate.group("judge"))}
    weak = [f"{tag} ({f1:.2f})" for tag, f1 in known.items() if f1 is not None and f1 < WEAK_JUDGE]
    source = inputs.evaluate.source("judge")
    if weak:
        return [Check("bad", f"The judge itself is weak on {_and(weak)}, by F1: those rates say little.", source)]
    if known:
        return [Check("good", f"The judge agrees with hand labels: F1 of at least {WEAK_JUDGE} on every tag.", source)]
    return []


def _flaws(inputs: Inputs) -> list[Check]:
    """A fault is clearly more frequent where its interval lies above the real stories'."""
    sides = [inputs.evaluate.under("flaws", side) for side in ("generated", "real")]
    known, more = False, []
    for key, name in FLAWS:
        share, low = (sides[0].number(key + end) for end in ("", "_low"))
        usual, high = (sides[1].number(key + end) for end in ("", "_high"))
        if share is None or low is None or usual is None or high is None:
            continue
        known = True
        if low > high:
            more.append(f"{name} ({percent(share)} against {percent(usual)})")
    source = inputs.evaluate.source("flaws.generated", "flaws.real")
    if more:
        return [Check("bad", f"More often than in real stories: {_and(more)}.", source)]
    if known:
        fine = "Loops, made-up words, open quotes and lost characters are no more frequent than in real stories."
        return [Check("good", fine, source)]
    return []


def _copies(inputs: Inputs) -> list[Check]:
    """Phrases are everybody's; who tells its training stories again is seen by stories that are mostly copied."""
    copied = inputs.evaluate.under("memorisation")
    keys = ("share_8grams_in_train", "real_share_8grams_in_train", "copied_texts", "real_copied_texts")
    share, usual, stories, real = (copied.number(key) for key in keys)
    low, high = copied.number("copied_texts_low"), copied.number("real_copied_texts_high")
    if share is None or usual is None or stories is None or real is None or low is None or high is None:
        return []
    told = f"{percent(stories)} of its stories stand for more than half in the training stories, {percent(real)} of "
    told += f"real ones; of runs of 8 words {percent(share)} and {percent(usual)}"
    source = copied.source(*keys)
    if low > high:
        return [Check("bad", f"It repeats what it read: {told}.", source)]
    return [Check("good", f"It doesn’t tell its training stories again: {told}.", source)]


def _drift(inputs: Inputs) -> list[Check]:
    shifts = moves(inputs)
    moved = [f"{LABELS.get(one.measure, one.measure)} ({one.psi:.2f})" for one in shifts if one.moved and one.certain]
    unsure = [LABELS.get(one.measure, one.measure) for one in shifts if one.moved and not one.certain]
    source = drift_source(inputs)
    found = []
    if moved:
        told = f"The corpus is not the accepted one, by a population stability index above {WARNING}: {_and(moved)}."
        found.append(Check("bad", f"{told} If that is meant, type tinystories drift --accept.", source))
    if unsure:
        few = f"Above {WARNING}, and so few stories that it may be chance: the stability index of {_and(unsure)}."
        found.append(Check("unclear", few, source))
    if shifts and not found:
        most = max(shifts, key=lambda one: one.psi)
        fine = f"The corpus is as the accepted one: no population stability index above {WARNING}"
        found.append(Check("good", f"{fine}, the largest {most.psi:.2f}.", source))
    return found


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
