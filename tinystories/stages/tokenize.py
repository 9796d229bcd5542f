"""Stage 4: fit a tokenizer on the training stories and write every partition as arrays of ids."""

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import lru_cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import tinystories
from tinystories.corpus.keys import first_of_each
from tinystories.corpus.parallel import map_tables
from tinystories.corpus.progress import QUIET, Pace, Say
from tinystories.corpus.record import PARTITIONS
from tinystories.corpus.scan import Texts, scan, word_counts
from tinystories.corpus.tables import read_tables
from tinystories.corpus.wordlists import WordLists, by_groups, word_lists
from tinystories.errors import ModelError, TrainingError
from tinystories.files import fingerprint, write_json
from tinystories.params import Params, TokenizeParams
from tinystories.paths import Paths
from tinystories.requests.controls import CONTROL_TOKENS, TAG_CONTROLS
from tinystories.requests.stored import STORY_TOKENS, TokenWriter
from tinystories.text.encode import FastEncoder
from tinystories.text.tags import Tag, ordered
from tinystories.text.tokenizer import StoryTokenizer

COMMON = 150  # the most frequent words of the training stories are no words to ask for
OFFERED = 8  # words of a story, at most, that training may ask for
_PARTS: Final = ("first", "middle", "last")
_COLUMNS: Final = ["story_id", *_PARTS, "infillable", "tags", "sureness", "words", "partition"]


def run(params: Params, paths: Paths, say: Say = QUIET) -> dict[str, Any]:
    """data/split -> data/tokens; returns the metrics, also written to reports/metrics/tokenize.json.

    The tokenizer is learned from all training stories, or from tokenize.stories of them, those with the smallest ids.
    Tags of which the tagger is less sure than tokenize.tag_margin are left out and counted. Work in progress lies in
    .work: a run that was ended goes on there.
    `say` hears how fast it goes, and of a vocabulary that the training stories could not fill. Raises TrainingError
    without training stories, ModelError where tokenize.folder has no tokenizer.
    """
    wanted = params.tokenize
    training = _training(paths, wanted.stories)
    if params.finetune.method != "none":
        tokenizer = _existing("finetune.base", params.finetune.base, wanted, paths.root)
    else:
        tokenizer = _tokenizer(wanted, training, paths.root)
    existed = wanted.kind == "folder" or params.finetune.method != "none"
    asked = tokenizer.vocab_size if existed else wanted.vocab_size
    if tokenizer.vocab_size < asked:
        say(f"the training stories fill {tokenizer.vocab_size:,} of the {asked:,} tokens asked for")
    vocabulary = paths.tokens / "tokenizer.json"
    tokenizer.save(vocabulary)
    function = partial(tokenized, tokenizer=vocabulary, common=_common_words(training), tag_margin=wanted.tag_margin)
    inputs = fingerprint(paths.split, vocabulary, wanted.model_dump_json(), tinystories.__version__)
    work = paths.work / f"tokenize-{inputs}"
    counts: Counter[str] = Counter()
    longest = dict.fromkeys(PARTITIONS, 0)
    pace = Pace(say)
    with ExitStack() as stack:
        writers = {p: stack.enter_context(TokenWriter(paths.tokens, p, tokenizer.vocab_size)) for p in PARTITIONS}
        for table in map_tables(function, read_tables(paths.split, _COLUMNS), keep=work):
            for partition, writer in writers.items():
                own = table.filter(pc.equal(table["partition"], partition))
                if own.num_rows:
                    writer.add(own)
                    counts[f"{partition} stories"] += own.num_rows
                    counts[f"{partition} bytes"] += pc.sum(own["bytes"]).as_py()
                    longest[partition] = max(longest[partition], pc.max(pc.list_value_length(own["ids"])).as_py())
            counts["stories"] += table.num_rows
            counts["unsure tags"] += pc.sum(table["unsure_tags"], min_count=0).as_py()
            pace(counts["stories"])
    metrics: dict[str, Any] = {
        "vocab_size": tokenizer.vocab_size,
        "vocab_size_asked": asked,
        "fitted_on": len(training),
        "unsure_tags": counts["unsure tags"],
    }
    for partition, writer in writers.items():
        size = counts[f"{partition} bytes"]
        metrics[partition] = {
            "stories": counts[f"{partition} stories"],
            "tokens": writer.tokens,
            "bytes": size,
            "bytes_per_token": round(size / writer.tokens, 4) if writer.tokens else None,
            "longest_story_tokens": longest[partition],
        }
    metrics["bytes_per_token"] = metrics["test"]["bytes_per_token"] or metrics["train"]["bytes_per_token"]
    write_json(paths.tokenize_metrics, metrics)
    shutil.rmtree(work, ignore_errors=True)
    return metrics


def tokenized(table: Any, *, tokenizer: Path, common: frozenset[str], tag_margin: float) -> Any:
    """SPLIT -> STORY_TOKENS with `partition` and `unsure_tags`, how many were left out; row by row and in order."""
    encoder = _encoder(tokenizer, tokenizer.stat().st_mtime_ns)
    parts = scan(_parts(table))
    ids = encoder.encode_many(parts)
    tokens = pc.list_value_length(ids).to_numpy().reshape(-1, 3)
    stories = parts.every(len(_PARTS))
    words = word_lists(stories)
    length = word_counts(stories)
    columns = {
        "ids": pa.LargeListArray.from_arrays(ids.offsets.take(pa.array(np.arange(0, len(ids) + 1, 3))), ids.values),
        **{name: tokens[:, at] for at, name in enumerate(_PARTS)},
        "tags": _sure_tags(table, tag_margin),
        "words": offered_words(words, table["words"].to_pylist(), common),
        "end": _last_words(words),
        "length": length,
        "bytes": np.diff(stories.given.offsets),
    }
    same = {name: table[name] for name in ("story_id", "infillable")}
    made = pa.table({**columns, **same}).select(STORY_TOKENS.names).cast(STORY_TOKENS)
    unsure = pc.subtract(pc.list_value_length(table["tags"]), pc.list_value_length(made["tags"]))
    return made.append_column("partition", table["partition"]).append_column("unsure_tags", unsure)


def _sure_tags(table: Any, margin: float) -> list[list[Tag]]:
    """Of each story its tags, without those that the tagger found by less than `margin` above its threshold.

    What the tagger barely finds is wrong nearly as often as right, and a model that is told so learns to pass over
    tags: docs/tags.md has what leaving them out brings.
    """
    told = zip(table["tags"].to_pylist(), table["sureness"].to_pylist(), strict=True)
    return [
        ordered([tag for tag, sure in zip(tags, sureness, strict=True) if sure >= margin] if sureness else tags or [])
        for tags, sureness in told
    ]


def _parts(table: Any) -> Texts:
    """The stories' three parts, story by story: joined they are the story's text."""
    parts = [table[name].combine_chunks() for name in _PARTS]
    joined = Texts.of(pc.binary_join_element_wise(*parts, ""))
    ends = np.stack([pc.binary_length(part).to_numpy() for part in parts], axis=1).reshape(-1).cumsum()
    return Texts(joined.bytes_B, np.concatenate([[0], ends]))


@lru_cache(maxsize=1)
def _encoder(tokenizer: Path, written: int) -> FastEncoder:
    """Once a process; `written` tells another file of the same name."""
    return FastEncoder(StoryTokenizer.load(tokenizer))


def _tokenizer(wanted: TokenizeParams, training: list[str], root: Path) -> StoryTokenizer:
    if wanted.kind == "folder":
        return _existing("tokenize.folder", wanted.folder, wanted, root)
    return StoryTokenizer.train(training, wanted.kind, wanted.vocab_size, _controls(wanted))


def _existing(key: str, name: str | None, wanted: TokenizeParams, root: Path) -> StoryTokenizer:
    """The tokenizer in the folder `name`, with what it lacks of the controls."""
    assert name is not None, "params are validated"
    folder = root / Path(name).expanduser()
    if not StoryTokenizer.is_in(folder):
        hint = (
            "`cp -r models/current models/base` keeps the current model as a base"
            if key == "finetune.base"
            else "name the folder that has them, or choose a preset with tokens of its own"
        )
        raise ModelError(f"{key}: no tokenizer.json, nor vocab.json and merges.txt, in {name}: {hint}")
    return StoryTokenizer.load(folder).with_controls(_controls(wanted))


def _controls(wanted: TokenizeParams) -> Sequence[str]:
    return CONTROL_TOKENS if wanted.controls == "all" else TAG_CONTROLS


def _training(paths: Paths, most: int) -> list[str]:
    """Texts of the training stories in their order, of at most `most`."""
    ids = pa.chunked_array(
        [
            chunk
            for table in read_tables(paths.split, ["story_id", "partition"])
            for chunk in table.filter(pc.equal(table["partition"], "train"))["story_id"].chunks
        ],
        pa.string(),
    )
    if not len(ids):
        raise TrainingError(
            f"{paths.split}: no training stories, so no tokenizer; give more stories or other partitions"
        )
    last = ids.sort()[min(most, len(ids)) - 1].as_py()
    return [
        text for table in read_tables(paths.split, ["story_id", "partition", "text"]) for text in _chosen(table, last)
    ]


def _chosen(table: Any, last: str) -> Iterator[str]:
    wanted = pc.and_(pc.equal(table["partition"], "train"), pc.less_equal(table["story_id"], last))
    yield from table.filter(wanted)["text"].to_pylist()


def _common_words(texts: list[str]) -> frozenset[str]:
    counts: Counter[str] = Counter()
    for words in by_groups(texts):
        counts.update(
            dict(zip(words.names, np.bincount(words.ids_W, minlength=len(words.names)).tolist(), strict=True))
        )
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return frozenset(word for word, _ in ranked[:COMMON])


def _last_words(words: WordLists) -> list[str]:
    ends = words.offsets[1:]
    last = np.append(words.ids_W, -1)[ends - 1]
    return [words.names[word] if some else "" for word, some in zip(last, np.diff(words.offsets) > 0, strict=True)]


def offered_words(words: WordLists, asked: Sequence[list[str] | None], common: frozenset[str]) -> list[list[str]]:
    """For each story the words that training may ask for: those of the data's own required words that do stand in
    it; without any, its uncommon words, from all over the story."""
    names = words.names
    rare_V = np.array([len(name) > 3 and name not in common for name in names], np.bool_)
    at = np.flatnonzero(rare_V[words.ids_W])
    text = words.text_W[at]
    new = first_of_each(text * len(names) + words.ids_W[at])
    at, text = at[new], text[new]
    before = np.searchsorted(at, words.offsets)  # of each story's rare words, how many stand in earlier ones
    step = np.maximum(1, np.diff(before) // OFFERED)
    place = np.arange(len(at)) - before[text]
    taken = (place % step[text] == 0) & (place < step[text] * OFFERED)
    ends = np.searchsorted(np.flatnonzero(taken), before).tolist()
    chosen = [names[word] for word in words.ids_W[at[taken]]]
    offered = [chosen[begin:end] for begin, end in pairwise(ends)]
    for story, given in enumerate(asked):
        if given:
            present = {names[word] for word in words.ids_W[words.offsets[story] : words.offsets[story + 1]]}
            offered[story] = [word.lower() for word in given if word.lower() in present][:OFFERED]
    return offered
