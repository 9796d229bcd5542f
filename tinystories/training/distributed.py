"""Several processes in one training, started by torchrun: who they are, and what they tell each other.

Every process reads the same batches and takes its rows of them, so that the order of the data does not depend on
how many there are. Replicas hold the whole model (DDP); shards hold a part of each weight (FSDP2,
torch.distributed.fsdp.fully_shard).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tinystories.errors import TrainingError
from tinystories.training.batches import Batch

# how gloo and nccl say that another process is gone; they have no error class of their own for it
_GONE = ("Connection closed", "Connection reset", "Broken pipe", "Connection refused", "timed out", "Timed out", "NCCL")


@dataclass(frozen=True)
class Group:
    """This process's number and how many there are."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """True in the one process that writes files and messages."""
        return self.rank == 0

    def share(self, batch: Batch, accumulate: int) -> list[tuple[Tensor, Tensor, Tensor]]:
        """This process's rows of `batch` in at most `accumulate` parts: (inputs, targets, mask) each.

        Every process has as many parts of as many rows; where rows are missing there are some without targets.
        """
        rows = range(self.rank, len(batch.inputs_BT), self.size)
        wanted = -(-len(batch.inputs_BT) // self.size)
        inputs, targets, mask = (t[list(rows) + [0] * (wanted - len(rows))] for t in _tensors(batch))
        mask[len(rows) :] = False
        step = -(-wanted // accumulate)
        return [(inputs[i : i + step], targets[i : i + step], mask[i : i + step]) for i in range(0, wanted, step)]

    def summed(self, values: list[float]) -> list[float]:
        """The sum of each value over all processes, the same in each."""
        if self.size == 1:
            return values
        tensor = torch.tensor(values, dtype=torch.float64, device=_device())
        torch.distributed.all_reduce(tensor)
        return [float(value) for value in tensor]

    def same(self, value: int) -> int:
        """The first process's `value`, in all of them."""
        return int(self.summed([value if self.first else 0])[0])

    def wait(self) -> None:
        """Until all are here."""
        self.summed([0.0])

    def agree(self, value: int, complaint: str) -> None:
        """Raises TrainingError with `complaint` unless `value` is the same in all processes."""
        of_each = self.summed([float(value) if rank == self.rank else 0.0 for rank in range(self.size)])
        if len(set(of_each)) > 1:
            raise TrainingError(complaint)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """One line instead of a traceback when another process is gone."""
        try:
            yield
        except RuntimeError as error:
            if self.size == 1 or not any(sign in str(error) for sign in _GONE):
                raise
            raise TrainingError(
                f"process {self.rank} of {self.size}: another process of this training is gone; the same command "
                "goes on from the last checkpoint"
            ) from None


def _tensors(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    return batch.inputs_BT, batch.targets_BT, batch.mask_BT


def _device() -> torch.device:
    if torch.distributed.is_initialized() and torch.distributed.get_backend() == "nccl":
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu")


def size_from_environment() -> int:
    """How many processes torchrun has started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def join(device: torch.device) -> Group:
    """Meet the other processes that torchrun has started; alone without it. nccl on CUDA, gloo elsewhere."""
    if size_from_environment() == 1:
        return Group()
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return Group(torch.distributed.get_rank(), torch.distributed.get_world_size())


def leave() -> None:
    """Part from the others, if there are any; the last thing that a process does with them."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def spread(objective: nn.Module, how: str, group: Group) -> nn.Module:
    """`objective` such that the gradients of all processes are averaged: as replicas or, `how` = fsdp, as shards."""
    if group.size == 1:
        return objective
    if how == "fsdp":
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        mesh = init_device_mesh(_device().type, (group.size,))
        for block in [b for m in objective.modules() if isinstance(m, nn.ModuleList) for b in m]:
            fully_shard(block, mesh=mesh)
        fully_shard(objective, mesh=mesh)
        return objective
    return nn.parallel.DistributedDataParallel(objective)


@contextmanager
def exchanging(objective: nn.Module, now: bool) -> Iterator[None]:
    """Gradients are exchanged in the backward pass only if `now`: once a step, after its last part."""
    if isinstance(objective, nn.parallel.DistributedDataParallel) and not now:
        with objective.no_sync():
            yield
        return
    set_sync: Any = getattr(objective, "set_requires_gradient_sync", None)  # FSDP2's
    if set_sync is not None:
        set_sync(now)
    yield


def whole(tensor: Tensor) -> Tensor:
    """The full tensor of which this process may hold a shard. All processes have to ask at once."""
    gather: Any = getattr(tensor, "full_tensor", None)
    full: Tensor = tensor if gather is None else gather()
    return full


def local(tensor: Tensor) -> Tensor:
    """What this process holds of a tensor: memory that may be changed in place."""
    part: Any = getattr(tensor, "to_local", None)
    held: Tensor = tensor if part is None else part()
    return held


def spread_as(full: Tensor, like: Tensor) -> Tensor:
    """`full` spread over the processes as `like` is; nothing is sent, each has all of `full`."""
    if not hasattr(like, "to_local"):
        return full
    from torch.distributed.tensor import DTensor, distribute_tensor

    assert isinstance(like, DTensor)
    return distribute_tensor(full, like.device_mesh, like.placements, src_data_rank=None)


def gathered(part: Tensor, like: Tensor) -> Tensor:
    """The full tensor whose `part` this process holds, if it is spread as `like` is. All have to ask at once."""
    if not hasattr(like, "to_local"):
        return part
    from torch.distributed.tensor import DTensor

    assert isinstance(like, DTensor)
    return whole(DTensor.from_local(part, like.device_mesh, like.placements, shape=like.shape, stride=like.stride()))
