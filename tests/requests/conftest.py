"""A tokenizer and stories as tokenize would store them."""

import pytest

from tests.builders import small_tokenizer, story_tokens
from tinystories.requests.mixed import StoryTokens
from tinystories.text.tokenizer import StoryTokenizer


@pytest.fixture(scope="session")
def tokenizer() -> StoryTokenizer:
    return small_tokenizer()


@pytest.fixture(scope="session")
def stories(tokenizer: StoryTokenizer) -> list[StoryTokens]:
    return story_tokens(tokenizer, 40)
