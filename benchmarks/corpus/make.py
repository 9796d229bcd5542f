"""Any number of stories with real sentences and the real distribution of lengths, recombined by program.

    python -m benchmarks.corpus.make ../shared/data/stories OUT.txt --stories 2700000

A story takes the number of sentences of a real one; its first, its last and the others are drawn from real first,
last and other sentences. One in a hundred is an exact copy, one in a hundred a near-copy of an earlier one, as in the
real data. The output, in the official layout, is TinyStories text: it belongs outside the repository.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from tinystories.corpus.sources import read_stories
from tinystories.text.sentences import sentences

BLOCK = 20_000  # stories drawn together


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stories_folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--stories", type=int, default=2_700_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    cut = [found for story in read_stories(arguments.stories_folder) if len(found := sentences(story.text)) > 2]
    pools = ([one[0] for one in cut], [s for one in cut for s in one[1:-1]], [one[-1] for one in cut])
    counts = np.array([len(one) - 2 for one in cut])
    rng = np.random.default_rng(arguments.seed)
    written = size = 0
    with arguments.out.open("w", encoding="utf-8") as stream:
        while written < arguments.stories:
            block = stories(pools, counts, min(BLOCK, arguments.stories - written), rng)
            text = "\n<|endoftext|>\n".join(block) + "\n<|endoftext|>\n"
            stream.write(text)
            written += len(block)
            size += len(text.encode())
    print(f"{written:,} stories, {size / 1e9:.2f} GB", file=sys.stderr)


def stories(
    pools: tuple[list[str], list[str], list[str]], counts: np.ndarray, number: int, rng: np.random.Generator
) -> list[str]:
    firsts, others, lasts = pools
    lengths = counts[rng.integers(len(counts), size=number)]
    middles = rng.integers(len(others), size=int(lengths.sum())).tolist()
    begin, end = rng.integers(len(firsts), size=number).tolist(), rng.integers(len(lasts), size=number).tolist()
    made, at = [], 0
    for i, length in enumerate(lengths.tolist()):
        middle = "".join([others[k] for k in middles[at : at + length]])
        made.append((firsts[begin[i]].lstrip() + middle + lasts[end[i]]).strip())
        at += length
    for i in rng.choice(np.arange(number // 2, number), size=number // 50, replace=False).tolist():
        source = made[i - number // 2]
        made[i] = source if i % 2 else source.replace(" and ", " so then ", 1)
    return made


if __name__ == "__main__":
    main()
