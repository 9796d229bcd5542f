"""Control tokens: ids of their own, inserted by id, never produced by a user's text."""

from typing import Final

from tinystories.text.tags import TAGS, Tag

PAD: Final = "<pad>"
BOS: Final = "<bos>"
EOS: Final = "<eos>"
STORY: Final = "<story>"  # controls end here, the story begins
FIRST: Final = "<first>"
LAST: Final = "<last>"
MIDDLE: Final = "<middle>"
WORDS: Final = "<words>"
END: Final = "<end>"
TAG_TOKEN: Final[dict[Tag, str]] = {tag: f"<{tag}>" for tag in TAGS}

# a length is asked for as the largest bucket that is not above the number of words
LENGTH_BUCKETS: Final = (0, 50, 100, 150, 200, 250, 300, 400)
LENGTH_TOKEN: Final[dict[int, str]] = {bucket: f"<length_{bucket}>" for bucket in LENGTH_BUCKETS}

# the order is the order of the ids, from 0: pad is 0, a token of its own
CONTROL_TOKENS: Final[tuple[str, ...]] = (
    PAD, BOS, EOS, STORY, FIRST, LAST, MIDDLE, WORDS, END, *TAG_TOKEN.values(), *LENGTH_TOKEN.values(),
)  # fmt: skip
# of the format "tags", which has no use for the others
TAG_CONTROLS: Final[tuple[str, ...]] = (PAD, BOS, EOS, *TAG_TOKEN.values())
PAD_ID: Final = 0
BOS_ID: Final = 1
EOS_ID: Final = 2


def length_bucket(words: int) -> int:
    """The bucket for a story of `words` words: the largest one not above it."""
    return max(bucket for bucket in LENGTH_BUCKETS if bucket <= words)
