"""The README.md of a model folder: a model card in the Hugging Face hub's layout."""

from collections.abc import Mapping
from typing import Final

import yaml

Fact = str | int | float

# which section of the card a fact belongs to; what is not named here goes under "Training procedure"
_DETAILS: Final = (
    "architecture", "parameters", "width", "layers", "heads", "ffn", "context", "vocab_size", "tokenizer",
)  # fmt: skip
_DATA: Final = (
    "source", "dataset", "stories", "training_stories", "validation_stories", "test_stories", "tags_from",
)  # fmt: skip
_LABELS: Final = {
    "ffn": "feed-forward width",
    "context": "context (tokens)",
    "vocab_size": "vocabulary (tokens)",
    "lr": "learning rate",
    "lr_matrices": "learning rate of matrices",
    "lr_embeddings": "learning rate of embeddings and norms",
    "training_tokens": "tokens read, repeats included",
    "tags_from": "tags come from",
    "reproducible": "reproducible byte for byte",
}

_CARD: Final = """\
---
{front}---

# {name}

A small language model that writes short stories in the English of a young child, in the manner of
TinyStories (Eldan and Li, 2023, arXiv:2305.07759). It writes freely, from a beginning, from tags
and words, and between a given first and last sentence.

## Model Details

- **Model type:** decoder-only transformer, causal language model
- **Language:** English
- **License:** {license}
{details}
## Uses

### Direct Use

Research and play: what very small models learn of language, grammar and plot, and how requests
steer them.

```python
from tinystories import StoryModel

model = StoryModel.load("models/current")
print(model.generate(tags=["Twist"], seed=1)[0].text)
```

The folder loads in transformers as well, for plain text:

```python
from transformers import pipeline

print(pipeline("text-generation", model="models/current")("Once upon a time")[0]["generated_text"])
```

### Out-of-Scope Use

Facts, advice, conversation, other languages, and anything shown to children unread by an adult.

## Bias, Risks, and Limitations

- It knows the small world of its training stories and nothing else; it repeats their names, roles
  and habits, and what was rare there it does badly.
- Longer stories lose their thread: characters, objects and causes change without a reason.
- A tag or a word asked for is often met and never certain; tinystories says for each story what
  was met.
- It can repeat stretches of its training stories word for word. The project's report measures how
  much.
- Control tokens (`<story>`, `<first>`, `<Twist>` and the like) steer the model. tinystories inserts
  them by id and encodes what a user writes so that it can never become one. In transformers the
  usual behaviour holds: text that spells a control token becomes that token, so check untrusted
  text first.

## Training Details

### Training Data

{data}
### Training Procedure

The loss falls on the story's tokens and its end, not on the request. Form and parameters of every
step are fixed by the project's params.yaml.

{training}
## Evaluation

Measured after training, on stories that took no part in it: see reports/report.md of the project
this model was trained in. No figure stands here, since none is known when this card is written.
"""


def card(name: str, facts: Mapping[str, Fact]) -> str:
    """A model card: Markdown after YAML front matter.

    `facts` are what is known when training ends, by snake_case name (`parameters`, `stories`,
    `steps`, ...), shown in the order given; `license` is that of the weights (default mit), an id of the hub.
    Unknown names are shown too. Same facts, same bytes.
    """
    licence = str(facts.get("license", "mit"))
    known = {"license", *_DETAILS, *_DATA}
    front = {
        "language": "en",
        "license": licence,
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["tinystories", "story-generation", "infilling"],
    }
    return _CARD.format(
        front=yaml.safe_dump(front, sort_keys=False, allow_unicode=True),
        name=_one_line(name),
        license=licence,
        details=_lines(facts, [key for key in facts if key in _DETAILS]),
        data=_lines(facts, [key for key in facts if key in _DATA]),
        training=_lines(facts, [key for key in facts if key not in known]),
    )


def _lines(facts: Mapping[str, Fact], keys: list[str]) -> str:
    return "".join(f"- **{_label(key)}:** {_value(facts[key])}\n" for key in keys)


def _label(key: str) -> str:
    label = _LABELS.get(key, key.replace("_", " "))
    return label[:1].upper() + label[1:]


def _value(value: Fact) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.6g}"
    return _one_line(value)


def _one_line(text: str) -> str:
    return " ".join(text.split())
