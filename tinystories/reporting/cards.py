"""Model card and data set card in the Hugging Face hub's own templates, with the figures of this run."""

import re
from typing import Any, Final

from huggingface_hub import DatasetCard, DatasetCardData, EvalResult, ModelCard, ModelCardData

from tinystories.corpus.record import PARTITIONS
from tinystories.reporting.data import TAGS_FROM
from tinystories.reporting.figures import DASH, Figure, Inputs, decimals, percent, rough, whole

PAPER: Final = "https://arxiv.org/abs/2305.07759"
BLANK: Final = "(blank)"  # where the template would say that information is missing; taken out with its heading
_MODEL_BLANKS: Final = (
    "funded_by", "shared_by", "base_model", "repo", "demo", "downstream_use", "preprocessing", "speeds_sizes_times",
    "testing_factors", "results_summary", "hardware_type", "hours_used", "cloud_provider", "cloud_region",
    "co2_emitted", "compute_infrastructure", "hardware_requirements", "citation_bibtex", "citation_apa", "glossary",
    "more_information", "model_card_authors", "model_card_contact",
)  # fmt: skip
_DATA_BLANKS: Final = (
    "funded_by", "shared_by", "repo", "demo", "curation_rationale_section", "source_data_producers_section",
    "personal_and_sensitive_information", "citation_bibtex", "citation_apa", "glossary", "more_information",
    "dataset_card_authors", "dataset_card_contact",
)  # fmt: skip
RISKS: Final = (
    "It knows the small world of its training stories and nothing else. Longer stories lose their thread. A tag or a "
    "word asked for is often met and never certain. It can repeat stretches of its training stories word for word."
)
READ_FIRST: Final = "Read what it wrote before you show it to a child."


def model_card(inputs: Inputs) -> str:
    """reports/model-card.md: the model as it was measured, its results in the front matter too."""
    train, evaluate = inputs.train, inputs.evaluate
    bits = evaluate.number("likelihood.bits_per_byte")
    results = [] if bits is None else [_result("bits_per_byte", bits), _result("nats_per_story", _nats(inputs))]
    front = ModelCardData(
        language="en", license="mit", library_name="transformers", pipeline_tag="text-generation",
        tags=["tinystories", "story-generation", "infilling"], model_name="tinystories", eval_results=results or None,
    )  # fmt: skip
    parameters, stories = train.number("parameters"), inputs.tokenize.number("train.stories")
    known = f"{rough(parameters)} parameters" if parameters is not None else "a small model"
    card = ModelCard.from_template(
        front,
        model_id=f"tinystories {evaluate.text('model.fingerprint') or DASH}",
        model_summary="A small language model that writes short stories in the English of a young child: freely, from "
        "a beginning, from tags and words, and between a given first and last sentence.",
        model_description=f"{known}, trained for {_text(train.figure('steps', whole))} steps on "
        f"{whole(stories) if stories is not None else DASH} stories.",
        developers="the tinystories project", model_type="transformer",
        language="English", license="MIT", paper=PAPER,
        direct_use="Research and play: what very small models learn of language, grammar and plot.",
        out_of_scope_use="Facts, advice, conversation, other languages.",
        bias_risks_limitations=RISKS, bias_recommendations=READ_FIRST,
        get_started_code='```python\nfrom tinystories import StoryModel\n\nmodel = StoryModel.load("models/current")\n'
        'print(model.generate(tags=["Twist"], seed=1)[0].text)\n```',
        training_data="See the data set card beside this one, data-card.md.",
        training_regime=f"{train.text('precision') or DASH}, {train.text('optimizer') or DASH}, "
        f"{_text(train.figure('tokens', whole))} tokens, {_text(train.figure('epochs', decimals(1)))} epochs; last "
        f"validation loss {_text(train.figure('validation_loss', decimals(3)))} nats a token",
        testing_data=f"{_text(evaluate.figure('likelihood.stories', whole))} stories held out by a hash of their text",
        testing_metrics="nats per story and bits per byte; tags as a judge with known errors finds them; see report.md",
        results=_results(inputs), model_examination="report.md: tasks, abilities, faults, what is copied.",
        model_specs="As config.json in its folder says; docs/sequences.md has what it reads and writes.",
        software="PyTorch, transformers' file formats",
        **dict.fromkeys(_MODEL_BLANKS, BLANK),
    )  # fmt: skip
    return _clean(card)


def data_card(inputs: Inputs) -> str:
    """reports/data-card.md: the stories that the model was trained and measured on."""
    front = DatasetCardData(
        language="en", task_categories=["text-generation"], pretty_name="stories", tags=["tinystories"]
    )
    extract, validate, split = inputs.extract, inputs.validate, inputs.split
    counts = ", ".join(f"{_text(inputs.tokenize.figure(f'{name}.stories', whole))} {name}" for name in PARTITIONS)
    origins = split.group("tags_from")
    tags = [
        f"- {TAGS_FROM.get(name, name)}: {_text(split.figure(f'tags_from.{name}', whole))}"
        for name, count in origins.items()
        if count
    ]
    reasons = [f"- {name.replace('_', ' ')}: {value}" for name, value in sorted(validate.group("reasons").items())]
    card = DatasetCard.from_template(
        front,
        pretty_name="the stories of this run",
        dataset_summary=f"{_text(validate.figure('kept', whole))} short stories from {extract.text('kind') or DASH}.",
        dataset_description="Short stories in the English of a young child, with tags (BadEnding, Conflict, Dialogue, "
        "Foreshadowing, MoralValue, Twist), after cleaning.",
        curators="the tinystories project", language="English", license="that of the source", paper=PAPER,
        direct_use="Training and measuring small language models.", out_of_scope_use="Facts about the world.",
        dataset_structure=f"A row a story in data/split/stories.parquet: story_id, text, tags, its first, middle and "
        f"last part, partition by a hash of the text ({counts}).",
        data_collection_and_processing_section=f"{_text(extract.figure('read', whole))} stories were read. Left out: "
        f"{_text(validate.figure('duplicates', whole))} exact duplicates"
        + (", and\n\n" + "\n".join(reasons) if reasons else "."),
        annotation_process_section="Who says which tags a story has, and of how many:\n\n" + "\n".join(tags),
        who_are_annotators_section="Readers of this project, and a small linear model fitted to their labels.",
        bias_risks_limitations="The stories are about families, animals and play, mostly with a good end; tags that a "
        "tagger supplied are wrong as often as the report says.",
        bias_recommendations="Measure on tags that people read.",
        **dict.fromkeys(_DATA_BLANKS, BLANK),
    )  # fmt: skip
    return _clean(card)


def _nats(inputs: Inputs) -> float:
    return inputs.evaluate.number("likelihood.nats_per_story") or 0.0


def _result(name: str, value: float) -> EvalResult:
    return EvalResult(
        task_type="text-generation", dataset_type="tinystories", dataset_name="held-out stories", metric_type=name,
        metric_name=name.replace("_", " "), metric_value=value,
    )  # fmt: skip


def _results(inputs: Inputs) -> str:
    evaluate = inputs.evaluate
    rows = [
        ("nats per story", evaluate.figure("likelihood.nats_per_story", decimals(1))),
        (
            "nats per story of a Kneser-Ney 5-gram",
            evaluate.figure("baselines.kneser_ney_5.nats_per_story", decimals(1)),
        ),
        ("bits per byte", evaluate.figure("likelihood.bits_per_byte", decimals(3))),
        ("stories that end by themselves", evaluate.figure("completion.share", percent)),
        ("runs of 8 words that stand in training", evaluate.figure("memorisation.share_8grams_in_train", percent)),
        *(
            (f"{tag}, asked for (judge)", evaluate.under("adherence", tag).figure("requested", percent))
            for tag in sorted(evaluate.group("adherence"))
        ),
    ]
    lines = [f"| {name} | {_text(figure)} |" for name, figure in rows]
    return "\n".join(["| measure | value (95 %) |", "|---|---|", *lines])


def _text(figure: Figure) -> str:
    return f"{figure.text} ({figure.interval})" if figure.interval else figure.text


def _clean(card: Any) -> str:
    """The card's text without the template's comments to its writer, and without what there is nothing to say of."""
    text = re.sub(r"<!--.*?-->", "", str(card), flags=re.DOTALL).replace(" [optional]", "")
    text = re.sub(rf"(?m)^(- )?(\*\*[^*\n]+:\*\*)?\s*{re.escape(BLANK)}\s*$", "", text)
    text = re.sub(r"(?m)^\*\*\w+:\*\*\s*$|^Carbon emissions can be estimated .*$", "", text)
    before = None
    while before != text:  # a heading with nothing below it but one that is not its own
        before = text
        text = re.sub(r"(?m)^(#{2,})(?!#) [^\n]+\n\s*(?=^(?!\1#)#{2,} |\Z)", "", text)
    text = re.sub(r"(?m)[ \t]+$", "", text)
    text = re.sub(r"\n{2,}(?=- \*\*)", "\n", re.sub(r"\n{3,}", "\n\n", text))
    return re.sub(r"(?m)^((?!- ).+)\n(?=- \*\*)", r"\1\n\n", text).strip() + "\n"
