"""The n-grams that stand beside a model: counted on the same ids that it was trained on, scored on the same stories."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from tinystories.evaluation.likelihood import Score, likelihood
from tinystories.evaluation.ngram import NGram
from tinystories.requests.controls import BOS, EOS
from tinystories.requests.mixed import StoryTokens
from tinystories.text.tokenizer import StoryTokenizer

ORDERS: Final = {"unigram": 1, "kneser_ney_5": 5}
BEST: Final = "kneser_ney_5"
MOST_TOKENS: Final = 30_000_000  # of training text counted at most: 4 GB of memory


def fit_baselines(tokenizer: StoryTokenizer, stories: Iterable[StoryTokens]) -> tuple[dict[str, NGram], int]:
    """Each baseline, counted on `stories` until MOST_TOKENS are reached, and how many tokens were."""
    bos, eos = tokenizer.control(BOS), tokenizer.control(EOS)
    counted: list[list[int]] = []
    tokens = 0
    for story in stories:
        if tokens >= MOST_TOKENS:
            break
        counted.append([bos, *story.text, eos])
        tokens += len(counted[-1]) - 1
    return {name: NGram.fit(counted, order, tokenizer.vocab_size) for name, order in ORDERS.items()}, tokens


def baseline_figures(
    fitted: Mapping[str, NGram], training_tokens: int, tokenizer: StoryTokenizer, test: Sequence[StoryTokens],
    resamples: int, seed: int,
) -> dict[str, dict[str, float]]:  # fmt: skip
    """`likelihood` of each baseline on the test stories, without what is the model's own too."""
    bos, eos = tokenizer.control(BOS), tokenizer.control(EOS)
    measured = {}
    for name, ngram in fitted.items():
        nats = ngram.nats([[bos, *story.text, eos] for story in test])
        scores = [
            Score(story.story_id, float(x.sum()), len(x), story.bytes) for story, x in zip(test, nats, strict=True)
        ]
        figures = likelihood(scores, resamples, seed)
        known = ("stories", "tokens", "bytes")
        measured[name] = {
            **{key: value for key, value in figures.items() if key not in known},
            "training_tokens": training_tokens,
        }
    return measured
