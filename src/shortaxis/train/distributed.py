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
    """Join torchrun's group for the length of the block, if torchrun started us."""
    if "RANK" not in os.environ or int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
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
