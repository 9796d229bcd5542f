"""The card of a model folder."""

import yaml

from tinystories.model.card import card

FACTS = {
    "parameters": 1_327_744,
    "layers": 4,
    "stories": 1_072,
    "tags_from": "read",
    "steps": 400,
    "lr": 0.003,
    "reproducible": True,
}


def front_matter(text: str) -> dict[str, object]:
    empty, front, _ = text.split("---\n", 2)
    assert empty == ""
    loaded = yaml.safe_load(front)
    assert isinstance(loaded, dict)
    return loaded


def test_the_front_matter_is_what_the_hub_reads() -> None:
    front = front_matter(card("story", FACTS))
    assert front["license"] == "mit"
    assert front["pipeline_tag"] == "text-generation"
    assert front["library_name"] == "transformers"
    assert front["language"] == "en"


def test_every_fact_is_on_the_card_in_its_section() -> None:
    text = card("story", FACTS | {"something_new": "seen"})
    details, rest = text.split("## Uses")
    data, training = rest.split("### Training Data")[1].split("### Training Procedure")
    assert "- **Parameters:** 1,327,744" in details and "- **Layers:** 4" in details
    assert "- **Stories:** 1,072" in data and "- **Tags come from:** read" in data
    assert "- **Learning rate:** 0.003" in training and "- **Reproducible byte for byte:** yes" in training
    assert "- **Something new:** seen" in training


def test_a_name_or_fact_can_not_break_the_layout() -> None:
    text = card("a\n---\n# b", {"source": "x\n## Evaluation\ny", "license": "other: [1"})
    assert front_matter(text)["license"] == "other: [1"
    assert text.count("\n## Evaluation\n") == 1
    assert "# a --- # b\n" in text


def test_the_card_warns_about_control_tokens_and_claims_no_metric() -> None:
    text = card("story", FACTS)
    assert "becomes that token" in text
    assert "nats" not in text and "perplexity" not in text
