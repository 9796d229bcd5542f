"""Tokens a second, ours and transformers' on the same folder, measured in turns in one process: ratios, medians.

python benchmarks/generation/speed.py FOLDER [--rounds 3] [--tokens 200] [--threads 2] [--clock wall]

Both sample at temperature 0.8 and top-p 0.95 in fp32 with a key-value cache, warmed up, and write exactly
--tokens tokens: the end is closed for both. The 8M model has random weights (whatever a model has learned, a step
costs the same; the embeddings are scaled so that its choices are about as sure as a trained model's).
The same stories alone and among ten, and from a process's start to a story's end, are measured too.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from tinystories import Request, StoryModel
from tinystories.generation.fused import FusedEngine
from tinystories.model.config import ModelConfig
from tinystories.model.folder import LoadedModel, load_model, save_model
from tinystories.model.transformer import Transformer

PROMPT = "Once upon a time"
LARGE = {"width": 256, "layers": 9, "heads": 8, "ffn": 704}  # 8 million parameters


CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def seconds(work: Callable[[], object], clock: Callable[[], float]) -> float:
    started = clock()
    work()
    return clock() - started


def ours(loaded: LoadedModel, precision: torch.dtype) -> StoryModel:
    model = StoryModel(loaded, FusedEngine(loaded, precision))
    model.vocabulary.follows[:, model.vocabulary.eos] = False
    return model


def rates(
    folder: Path, rows: int, tokens: int, rounds: int, bf16: bool, clock: Callable[[], float]
) -> dict[str, list[float]]:
    """Tokens a second of each way, a number a round."""
    from transformers import AutoModelForCausalLM

    loaded = load_model(folder)
    theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ids = torch.tensor([[1, *loaded.tokenizer.encode(PROMPT)]] * rows)

    def transformers() -> None:
        with torch.inference_mode():
            out = theirs.generate(
                ids, attention_mask=torch.ones_like(ids), do_sample=True, temperature=0.8, top_p=0.95, top_k=0,
                max_new_tokens=tokens, min_new_tokens=tokens, use_cache=True, pad_token_id=0,
            )  # fmt: skip
        assert out.shape[1] == ids.shape[1] + tokens

    def write(model: StoryModel, **options: object) -> Callable[[], None]:
        requests = Request(
            prompt=PROMPT,
            temperature=0.8,
            top_p=0.95,
            max_tokens=tokens,
            **options,  # type: ignore[arg-type]
        ).repeat(rows)

        def run() -> None:
            assert all(story.tokens == tokens for story in model.generate_many(requests))

        return run

    model = ours(loaded, torch.float32)
    ways = {"transformers": transformers, "ours": write(model)}
    ways["ours, a tag"] = write(model, tags=("Dialogue",))
    ways["ours, a tag, guidance 1.5"] = write(model, tags=("Dialogue",), guidance=1.5)
    if bf16:
        ways["ours, bf16"] = write(ours(loaded, torch.bfloat16))
    for work in ways.values():
        work()
    found: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, work in ways.items():
            found[way].append(rows * tokens / seconds(work, clock))
    return found


def table(name: str, folder: Path, tokens: int, rounds: int, clock: Callable[[], float]) -> None:
    for rows in (1, 64):
        found = rates(folder, rows, tokens if rows == 1 else tokens // 2, rounds, rows > 1, clock)
        base = found["transformers"]
        for way, each in found.items():
            ratio = statistics.median(own / other for own, other in zip(each, base, strict=True))
            print(f"| {name}, {rows} at once | {way} | {statistics.median(each):,.0f} | {ratio:.2f}x |", flush=True)
        tagged, guided = found["ours, a tag"], found["ours, a tag, guidance 1.5"]
        times = statistics.median(without / with_ for without, with_ in zip(tagged, guided, strict=True))
        print(f"| {name}, {rows} at once | time with guidance over without | | {times:.2f}x |", flush=True)


def same(folder: Path, stories: int) -> None:
    """How many stories are the same alone and among ten."""
    loaded = load_model(folder)
    for name, precision in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        model = StoryModel(loaded, FusedEngine(loaded, precision))
        equal = 0
        for seed in range(stories // 10):
            together = model.generate(count=10, seed=seed)
            alone = [model.generate_many([Request(seed=seed, index=i)])[0] for i in range(10)]
            equal += sum(one.text == other.text for one, other in zip(alone, together, strict=True))
        print(f"the same alone and among ten, {name}: {equal} of {stories // 10 * 10}", flush=True)


def start(folder: Path, rounds: int) -> None:
    """From the process's start to the first word and to the last, of a story of about 150 words."""
    firsts, lasts = [], []
    command = [
        sys.executable,
        "-m",
        "tinystories",
        "generate",
        "--stream",
        "--max-words",
        "150",
        "--model",
        str(folder),
    ]
    for seed in range(rounds):
        started = time.perf_counter()
        with subprocess.Popen(
            [*command, "--seed", str(seed)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as told:
            assert told.stdout is not None and told.stdout.read(1)
            firsts.append(time.perf_counter() - started)
            told.stdout.read()
            lasts.append(time.perf_counter() - started)
    print(
        f"process start to first word {statistics.median(firsts):.2f} s, to the last {statistics.median(lasts):.2f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clock", choices=sorted(CLOCKS), default="wall", help="cpu: for one thread on a busy machine")
    parser.add_argument("--same", type=int, default=1000, metavar="N", help="stories compared alone and among ten")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clock = CLOCKS[options.clock]
    if clock is time.perf_counter:
        start(options.folder, options.rounds)
    loaded = load_model(options.folder)
    print("| what | way | tokens/s | to transformers |\n|---|---|---|---|")
    table(f"{loaded.config.parameters / 1e6:.1f}M", options.folder, options.tokens, options.rounds, clock)
    with tempfile.TemporaryDirectory() as temporary:
        torch.manual_seed(0)
        config = ModelConfig(loaded.config.vocab_size, context=loaded.config.context, **LARGE)
        large = Transformer(config)
        with torch.no_grad():
            large.model.embed_tokens.weight.mul_(8)
        save_model(Path(temporary) / "8M", large, loaded.tokenizer, card="", fingerprint={"fingerprint": "0" * 16})
        table(f"{config.parameters / 1e6:.1f}M", Path(temporary) / "8M", options.tokens, options.rounds, clock)
    same(options.folder, options.same)


if __name__ == "__main__":
    main()
