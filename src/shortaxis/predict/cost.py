"""What a stage's networks hold at their highest point, found by letting one sample through and watching its tensors.

No table of architectures: a method written later is weighed like any other. Everything a forward pass makes grows with
the samples of a batch, so one sample tells what a batch takes.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from shortaxis.core.compute import Compute
from shortaxis.core.errors import MemoryExhausted
from shortaxis.core.exhausted import memory_named
from shortaxis.core.found import Found, Inferred
from shortaxis.core.method import Stage
from shortaxis.core.sample import Sample, collate
from shortaxis.core.study import Study
from shortaxis.predict.run import BATCH, WAY_OUT


@dataclass(frozen=True)
class StageCost:
    """Bytes a stage holds beside its study and its networks.

    Attributes:
        sample_bytes: in main memory, of one sample: cut, stacked to a batch, and in the networks where these are there.
        gpu_bytes: in a CUDA device's own memory, of one sample in the networks; 0 where they are in main memory.
        frame_samples: samples that a frame is cut into.
        kept_bytes: in main memory, of one sample's answer, kept until a frame's are pasted together.
    """

    sample_bytes: int
    gpu_bytes: int
    frame_samples: int
    kept_bytes: int

    def batch_bytes(self, n_frames: int) -> int:
        """In main memory, of the largest batch that so many frames make."""
        return self._batch(n_frames) * self.sample_bytes

    def gpu_batch_bytes(self, n_frames: int) -> int:
        """In the GPU's own memory, of that batch."""
        return self._batch(n_frames) * self.gpu_bytes

    def _batch(self, n_frames: int) -> int:
        return min(BATCH, n_frames * self.frame_samples)


class _Watch(TorchDispatchMode):
    """Counts the bytes of every tensor that an operation makes, until the tensor is let go."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing is compiled here; torch would load its compiler, a second and 70 MiB, to keep it away

    def __init__(self) -> None:
        super().__init__()
        self.now, self.peak = 0, 0
        self._seen: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(made):
            if isinstance(leaf, torch.Tensor):
                self._count(leaf.untyped_storage())
        return made

    def _count(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self._seen:
            return
        self._seen.add(key)
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._let_go, key, size)

    def _let_go(self, key: int, size: int) -> None:
        self._seen.discard(key)
        self.now -= size


def stage_cost(
    stage: Stage, nets: Sequence[nn.Module], study: Study, upstream: Found | None, compute: Compute
) -> StageCost:
    """What `stage` takes for one frame of a study like `study`, whose grey values do not matter.

    Raises MemoryExhausted where the device has not even room for one sample.
    """
    samples = list(islice(stage.cut(study, upstream, [0]), BATCH + 1))
    if not samples:
        return StageCost(0, 0, 0, 0)
    in_frame = len(samples) if len(samples) <= BATCH else sum(1 for _ in stage.cut(study, upstream, [0]))
    what = f"memory for one sample of the stage {stage.name} on {compute.device}"
    with memory_named(lambda found: MemoryExhausted(what, found, WAY_OUT)):
        peak, answer = _one_through(stage, nets, samples[0], compute)
    kept = sum(tensor[0].nelement() * 4 for tensor in (answer.probs, answer.variance) if tensor is not None)
    kept += 0 if answer.samples is None else answer.samples[0].nelement()
    image = samples[0].image.nbytes  # cut, and stacked to a batch, which goes to a GPU once more
    if compute.has_own_memory:
        return StageCost(2 * image, peak + image, in_frame, kept)
    return StageCost(peak + 2 * image, 0, in_frame, kept)


def _one_through(stage: Stage, nets: Sequence[nn.Module], sample: Sample, compute: Compute) -> tuple[int, Inferred]:
    """The most bytes that the first network holds for one sample, and its answer."""
    batch = collate([sample]).to(compute.device)
    batch = replace(batch, image=compute.image(batch.image))
    generator = torch.Generator(compute.device)
    generator.manual_seed(0)
    with torch.inference_mode(), compute.autocast(), _Watch() as watch:
        answer = stage.infer(nets[0], batch, generator)
    return watch.peak, answer


def blank_study(shape: tuple[int, int, int, int], like: Study) -> Study:
    """A study of that shape without content, which takes no memory; its grid and facts are those of `like`."""
    image = np.broadcast_to(np.zeros((), np.int16), shape)
    return replace(like, image=image, grid=replace(like.grid, shape=shape[1:], nifti=None))
