"""Where and how exactly to compute: follows from the hardware's flags and params, never from a stopwatch."""

import ctypes
import os
import platform
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
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return False


def prepare(params: TrainParams) -> tuple[torch.device, torch.dtype]:
    """Set the number of threads and how memory is kept; device and precision to compute in."""
    torch.set_num_threads(params.threads or cores())
    compilers = [os.environ.get("CXX"), "c++", "g++", "clang++"]
    if params.compile and not any(shutil.which(name) for name in compilers if name):
        raise TrainingError(
            "train.compile needs a C++ compiler and there is none on PATH: install g++, or set train.compile=false"
        )
    _keep_freed_memory()
    device = device_of(params.device)
    if device.type == "cuda" and "LOCAL_RANK" in os.environ:  # torchrun's number of this process on its machine
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    return device, precision_of(params.precision, device)


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _keep_freed_memory() -> None:
    """Let glibc keep large blocks: given back and mapped anew they cost a page fault each 4 kB, here 28 % of a step."""
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        no_mapped_blocks, trim_never = -4, -1  # M_MMAP_MAX and M_TRIM_THRESHOLD of malloc.h
        libc.mallopt(no_mapped_blocks, 0)
        libc.mallopt(trim_never, 2**31 - 1)
