"""The whole document: its beginning here, its sections from their own modules."""

from tinystories.reporting.abilities import abilities
from tinystories.reporting.asked import infilling, tags
from tinystories.reporting.breakdown import breakdown
from tinystories.reporting.checks import checks
from tinystories.reporting.corpus import corpus
from tinystories.reporting.data import data
from tinystories.reporting.document import Document, Headline
from tinystories.reporting.drift import drift
from tinystories.reporting.figures import DASH, Figure, Inputs, decimals, percent, rough, whole
from tinystories.reporting.left_out import left_out
from tinystories.reporting.likelihood import SYSTEMS, likelihood, system, training
from tinystories.reporting.samples import between, stories
from tinystories.reporting.taggers import taggers
from tinystories.reporting.world import world
from tinystories.reporting.written import copies, grades, variety


def document(inputs: Inputs) -> Document:
    """What there is to say from these files; a section without any figures is left out."""
    sections = (
        data, corpus, left_out, drift, taggers, training, likelihood, breakdown, abilities, tags, world, infilling,
        variety, copies, grades, stories, between,
    )  # fmt: skip
    made = (section(inputs) for section in sections)
    fingerprint = "model.fingerprint"
    return Document(
        title="How the story model did",
        model=Figure(inputs.evaluate.text(fingerprint) or DASH, inputs.evaluate.source(fingerprint)),
        lead=_lead(inputs),
        headlines=_headlines(inputs),
        checks=checks(inputs),
        sections=[section for section in made if section is not None],
    )


def _lead(inputs: Inputs) -> str:
    parameters, steps = inputs.train.number("parameters"), inputs.train.number("steps")
    trained = inputs.tokenize.number("train.stories")
    mean, ngram = (system(inputs, key).number("nats_per_story") for key, _ in SYSTEMS[:2])
    text = "A language model"
    if parameters is not None:
        text += f" of {rough(parameters)} parameters"
    if steps is not None and trained is not None:
        text += f", trained for {whole(steps)} steps on {whole(trained)} stories"
    text += "."
    if mean is not None:
        text += f" A story that it never saw costs it {whole(mean)} nats"
        text += "." if ngram is None else f"; the best plain counting, a Kneser-Ney 5-gram, pays {whole(ngram)}."
    for reason in sorted({str(why) for why in inputs.evaluate.group("absent").values()}):
        text += f" Not measured: {reason}."
    return text


def _headlines(inputs: Inputs) -> list[Headline]:
    own, ngram = (system(inputs, key) for key, _ in SYSTEMS[:2])
    nats, bits = decimals(1), decimals(3)
    evaluate = inputs.evaluate
    return [
        Headline(
            own.figure("nats_per_story", nats),
            "nats per unseen story: less is better",
            _after("5-gram: ", ngram.figure("nats_per_story", nats)),
        ),
        Headline(
            own.figure("bits_per_byte", bits),
            "bits per byte of text",
            _after("5-gram: ", ngram.figure("bits_per_byte", bits)),
        ),
        Headline(
            evaluate.figure("completion.share", percent),
            "of stories asked for nothing end by themselves",
            _after("stories: ", evaluate.figure("completion.stories", whole)),
        ),
        Headline(
            evaluate.figure("infilling.gain", nats),
            "nats gained on the middle by seeing the last sentence",
            _after("stories: ", evaluate.figure("infilling.stories", whole)),
        ),
    ]


def _after(words: str, figure: Figure) -> Figure:
    return Figure(words + figure.text, figure.source)
