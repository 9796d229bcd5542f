"""Where and how exactly to compute: follows from the hardware's flags and params, never from a stopwatch."""

import os
import shutil

import torch

from tinystories.errors import TrainingError
from tinystories.params import TrainParams


def device_of(choice: str) -> torch.device:
    """`auto` takes CUDA, then Apple's MPS, then the CPU. Raises TrainingError for one that is not there."""
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if choice == "auto":
        choice = next(name for name, there in available.items() if there)
    if not available[choice]:
        raise TrainingError(f"train.device: {choice} is not available on this machine; use auto or cpu")
    return torch.device(choice)


def precision_of(choice: str, device: torch.device) -> torch.dtype:
    """The dtype of matrix products: `auto` takes bfloat16 where the hardware computes in it."""
    if choice == "auto":
        choice = "bf16" if _computes_in_bf16(device) else "fp32"
    return torch.bfloat16 if choice == "bf16" else torch.float32


def _computes_in_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return False


def prepare(params: TrainParams) -> tuple[torch.device, torch.dtype]:
    """Set threads and seeds' surroundings; returns device and precision."""
    torch.set_num_threads(params.threads or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else params.threads or os.cpu_count() or 1)
    if params.compile and not any(shutil.which(name) for name in (os.environ.get("CXX", ""), "c++", "g++", "clang++") if name):
        raise TrainingError(
            "train.compile needs a C++ compiler and there is none on PATH: install g++, or set train.compile=false"
        )
    device = device_of(params.device)
    return device, precision_of(params.precision, device)
