"""Several processes under torchrun; alone, everything here does nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel


def rank_and_world() -> tuple[int, int]:
    """This process's number and how many there are; (0, 1) alone."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)


@contextmanager
def process_group() -> Iterator[None]:
    """Join torchrun's group for the length of the block, if torchrun started us; each process gets its own GPU."""
    if "RANK" not in os.environ or int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))  # what "cuda" means from here on
    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


def shared(net: nn.Module, device: str) -> nn.Module:
    """The network with gradients averaged over all processes; the network itself when alone."""
    if not dist.is_initialized():
        return net
    ids = [torch.device(device)] if device.startswith("cuda") else None
    return DistributedDataParallel(net, device_ids=ids)


def any_process(flag: bool, device: str) -> bool:
    """Whether `flag` is true in any process: all must leave the loop at the same step, or the others wait for ever."""
    if not dist.is_initialized():
        return flag
    held = torch.tensor(float(flag), device=device)
    dist.all_reduce(held, dist.ReduceOp.MAX)
    return bool(held > 0)


def of_first_process(value: float, device: str) -> float:
    """The first process's value in every process.

    Batch norm's running statistics differ between processes, so validation losses do; what follows from them (the
    learning rate, the end) must not.
    """
    if not dist.is_initialized():
        return value
    held = torch.tensor(value, dtype=torch.float64, device=device)
    dist.broadcast(held, 0)
    return float(held)
