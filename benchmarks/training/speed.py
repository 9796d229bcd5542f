"""Time of a training step, beside transformers' LlamaForCausalLM of the same shape in fp32, eager, with AdamW.

    python -m benchmarks.training.speed [--sizes 3.4M 7.2M nano] [--threads 2] [--clock wall] [--profile 3.4M]

All variants take turns on one batch of 32 x 256 random tokens: three rounds, the median step of each round, then the
median of the rounds. transformers runs twice: in a process of its own, as it comes, and in this one, where glibc has
been told to keep freed memory (tinystories/training/hardware.py), which makes any model faster. Share of peak: FLOPs of
the matrix products (6 a weight and token, and 12 x layers x width x length a token for attention, the causal half not
deducted) over the best product measured here in the same run. What scale laptop computes in, bf16 or, on hardware
without it, fp32, is in the variants' names, and the peak is of products in that.
"""

import argparse
import json
import multiprocessing
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from benchmarks.pages import machine
from tinystories.model.config import ModelConfig
from tinystories.model.transformer import Transformer
from tinystories.params import load_params
from tinystories.requests.example import Example
from tinystories.requests.mixed import Weights
from tinystories.training.batches import Batch, collate
from tinystories.training.hardware import cores, precision_of, prepare
from tinystories.training.loop import Trainer
from tinystories.training.order import Order

ROOT = Path(__file__).resolve().parents[2]
ROWS, LENGTH = 32, 256
SIZES = {  # the presets nano, mini and small
    "nano": ModelConfig(vocab_size=2048, width=64, layers=3, heads=2, ffn=192, context=512),
    "3.4M": ModelConfig(vocab_size=4096, width=192, layers=6, heads=6, ffn=512, context=512),
    "7.2M": ModelConfig(vocab_size=4096, width=288, layers=6, heads=9, ffn=768, context=512),
}
Step = Callable[[], object]
Clock = Callable[[], float]
Timer = Callable[[int], float]  # median seconds of so many steps
CLOCKS: dict[str, Clock] = {"wall": time.perf_counter, "cpu": time.process_time}


def batch(config: ModelConfig) -> Batch:
    rng = np.random.default_rng(0)
    ids = rng.integers(10, config.vocab_size, size=(ROWS, LENGTH + 1)).astype(np.int32)
    mask = np.ones(LENGTH + 1, dtype=np.bool_)
    mask[0] = False
    return collate([Example(row, mask, f"{i:016x}") for i, row in enumerate(ids)], LENGTH)


def ours(config: ModelConfig, threads: int, *overrides: str) -> Step:
    torch.manual_seed(0)
    fixed = ("scale=laptop", "train.steps=1", f"train.threads={threads}")
    params = load_params(ROOT, [*fixed, *overrides]).train
    device, precision = prepare(params)
    order = Order([], None, Weights(1, 0, 0, 0), LENGTH, ROWS * LENGTH, 0)  # type: ignore[arg-type]
    trainer = Trainer(Transformer(config), order, [], params, ROOT / ".work/speed", device, precision, print)
    trainer.model.train()
    data = batch(config)
    return lambda: trainer.step(data, 0.5)


def llama(config: ModelConfig) -> Step:
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=config.vocab_size, hidden_size=config.width, intermediate_size=config.ffn,
            num_hidden_layers=config.layers, num_attention_heads=config.heads, num_key_value_heads=config.heads,
            max_position_embeddings=config.context, tie_word_embeddings=True, use_cache=False,
        )
    )  # fmt: skip
    model.train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    data = batch(config)

    def step() -> None:
        # the label at t is the token at t: transformers shifts by one itself, so it trains on 255 targets of 256
        model(input_ids=data.inputs_BT, labels=data.inputs_BT).loss.backward()
        optimiser.step()
        optimiser.zero_grad()

    return step


def flops(config: ModelConfig) -> float:
    matrices = config.parameters - config.width * (2 * config.layers + 1)
    return ROWS * LENGTH * (6.0 * matrices + 12.0 * config.layers * config.width * LENGTH)


def gemm_peak(clock: Clock, precision: torch.dtype) -> float:
    """The fastest product of a few sizes, FLOP/s."""
    best = 0.0
    for n in (1024, 2048, 4096):
        a, b = (torch.randn(n, n).to(precision) for _ in range(2))
        for _ in range(5):
            start = clock()
            a @ b
            best = max(best, 2 * n**3 / (clock() - start))
    return best


def timed(step: Step, count: int, clock: Clock = time.perf_counter) -> float:
    seconds = []
    for _ in range(count):
        start = clock()
        step()
        seconds.append(clock() - start)
    return statistics.median(seconds)


def serve(config: ModelConfig, threads: int, clock: str, pipe: Connection) -> None:
    """In a process of its own: the median of as many steps as it is asked for, until it is asked for none."""
    torch.set_num_threads(threads)
    step = llama(config)
    while count := pipe.recv():
        pipe.send(timed(step, count, CLOCKS[clock]))


@contextmanager
def apart(config: ModelConfig, threads: int, clock: str) -> Iterator[Timer]:
    """transformers' model in a process in which nothing else was set up."""
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    process = context.Process(target=serve, args=(config, threads, clock, theirs), daemon=True)
    process.start()

    def timer(count: int) -> float:
        pipe.send(count)
        return float(pipe.recv())

    yield timer
    pipe.send(0)
    process.join()


def profile(step: Step, count: int = 4) -> dict[str, float]:
    """Milliseconds of a step by kind of work, from torch.profiler."""
    kinds = {
        "matrix products": ("aten::mm", "aten::addmm", "mkldnn", "onednn"),
        "batched products (attention, Muon)": ("aten::bmm", "aten::baddbmm"),
        "softmax (attention, head)": ("aten::_softmax", "aten::_log_softmax", "aten::exp_"),
        "optimiser, besides products": ("Optimizer.step", "aten::_fused_adamw", "aten::_foreach", "aten::lerp"),
        "compiled elementwise": ("cpp_fused", "graph_", "## Call Compiled"),
    }
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as recorded:
        for _ in range(count):
            step()
    spent: dict[str, float] = defaultdict(float)
    for event in recorded.key_averages():
        kind = next((k for k, starts in kinds.items() if any(s in event.key for s in starts)), "everything else")
        spent[kind] += event.self_cpu_time_total / 1000 / count
    return dict(sorted(spent.items(), key=lambda item: -item[1]))


def measure(name: str, threads: int, rounds: int, count: int, clock: str) -> dict[str, float | str]:
    config, precision = SIZES[name], precision_of("auto", torch.device("cpu"))
    own = "bf16" if precision == torch.bfloat16 else "fp32"
    fp32 = ("train.compile=false", "train.precision=fp32", "train.optimizer=adamw")
    steps = {
        "the same, where freed memory is kept": llama(config),
        "ours, fp32, eager, AdamW": ours(config, threads, *fp32),
        f"ours, {own}, eager, Muon": ours(config, threads, "train.compile=false"),
        f"ours, {own}, compiled, AdamW": ours(config, threads, "train.optimizer=adamw"),
        f"ours, {own}, compiled, Muon": ours(config, threads),
    }
    torch.set_num_threads(threads)
    peak, medians = 0.0, defaultdict(list)
    with apart(config, threads, clock) as transformers:
        timers = {"transformers, fp32, eager, AdamW": transformers}
        timers |= {variant: partial(timed, step, clock=CLOCKS[clock]) for variant, step in steps.items()}
        for variant, timer in timers.items():  # warm: compiled, memory had
            print(f"{name}, {variant}: {timer(2):.3f} s a step at first", file=sys.stderr, flush=True)
        for _ in range(rounds):
            peak = max(peak, gemm_peak(CLOCKS[clock], precision))
            for variant, timer in timers.items():
                medians[variant].append(timer(count))
    seconds = {variant: statistics.median(times) for variant, times in medians.items()}
    plain = next(iter(seconds.values()))
    print(f"\n{name}: {config.parameters:,} parameters, {threads} threads, {own} peak {peak / 1e9:.0f} GFLOP/s\n")
    print("| variant | ms a step | times as fast | tokens/s | share of peak |\n|---|---|---|---|---|")
    for variant, s in seconds.items():
        rate, share = ROWS * LENGTH / s, flops(config) / s / peak
        print(f"| {variant} | {1000 * s:.0f} | {plain / s:.2f} | {rate:,.0f} | {share:.0%} |", flush=True)
    return {"size": name, "parameters": config.parameters, "peak": peak, **seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="*", choices=SIZES, default=list(SIZES))
    parser.add_argument("--threads", type=int, default=cores())
    parser.add_argument(
        "--clock", choices=CLOCKS, default="wall", help="cpu: CPU time of one thread, where others compute too"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=7, help="steps of each variant in a round")
    parser.add_argument("--profile", choices=SIZES, help="where a step's time goes, eager and compiled")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print(f"torch {torch.__version__}, {machine()}, {time.strftime('%Y-%m-%d')}")
    if args.clock == "cpu" and args.threads != 1:
        parser.error("--clock cpu needs --threads 1: threads that wait for each other burn CPU time")
    found = [measure(name, args.threads, args.rounds, args.steps, args.clock) for name in args.sizes]
    if args.profile:
        config = SIZES[args.profile]
        torch._inductor.config.cpp.enable_kernel_profile = True
        for how in ("false", "true"):
            step = ours(config, args.threads, f"train.compile={how}")
            timed(step, 4)
            print(f"\n{args.profile}, compile={how}\n\n| part | ms |\n|---|---|")
            for kind, ms in profile(step).items():
                print(f"| {kind} | {ms:.0f} |", flush=True)
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
