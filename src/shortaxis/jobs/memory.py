"""The memory that `segment` will need for a scan, from its header; refused before the work where it is not there.

The most is held at one of three points: while the file is unpacked, while a frame goes through the networks, or while a
mask is written and read back. What each holds is counted in arrays of the cine's size; the rest is the interpreter, its
libraries and the networks, which are weighed as they are. `benchmarks/memory.py` measures it.

Of a CUDA device's own memory the largest batch in the networks is counted, in the same tensors. Not counted is what cuDNN
takes to work in, nor what the allocator cannot use because it lies in pieces; no GPU was there to measure either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from shortaxis.core.compute import Compute
from shortaxis.core.errors import TooLarge
from shortaxis.core.found import Found
from shortaxis.core.study import Facts, Grid, Study
from shortaxis.files.size import Announced
from shortaxis.jobs.machine_memory import free_gpu_bytes, resident_bytes, usable_bytes
from shortaxis.jobs.model_choice import ModelChoice
from shortaxis.jobs.models import Model
from shortaxis.predict.cine import frames_at_once
from shortaxis.predict.cost import StageCost, blank_study, stage_cost

GB = 2**30
LATER_BYTES = 160 * 2**20  # measured: libraries that load when first used, and what the allocator keeps
GZIPPED = 0.6  # of an image, the most that noise leaves; masks shrink to nothing
WAY_OUT = (
    "crop the scan or give fewer frames, use a machine with more memory, or raise --memory-budget-gb if more is there"
)
GPU_WAY_OUT = "use --device cpu, free memory on the GPU, or use one with more"
_TYPICAL_MM = (8.0, 1.5, 1.5)  # windows have the same number of pixels whatever a pixel's size


@dataclass(frozen=True, eq=False)
class Needs:
    """What a model needs for scans of any size.

    Attributes:
        model: ready to run.
        compute: where it runs.
        mc_samples: Monte-Carlo samples, or None for one plain pass.
        aligns: whether the slices are aligned first, on a copy of the image.
    """

    model: Model
    compute: Compute
    mc_samples: int | None = None
    aligns: bool = False

    def beside_held(self, size: Announced) -> int:
        """Bytes of main memory at the highest point of a run beyond what the process holds before it reads the scan."""
        image, labels = size.n_voxels * size.voxel_bytes, size.n_voxels
        drawn = 0 if self.mc_samples is None else 4 * size.n_voxels  # the variance
        kept = image + labels + drawn
        aligned = 4 * size.n_voxels if self.aligns else 0
        work = kept + aligned + self._one_share(size)
        return LATER_BYTES + max(size.reading_bytes, work, kept + self._written(size, image))

    def gpu_bytes(self, size: Announced) -> int:
        """Bytes of the GPU's own memory at the highest point of a run, the networks' weights not among them."""
        study = blank_study(size.shape, _LIKE)
        at_once = min(size.shape[0], frames_at_once(study, len(self.model.bundle.scheme.structures) + 1))
        costs = self._costs(study)
        return max([cost.gpu_batch_bytes(size.shape[0]) for cost in costs[:-1]] + [costs[-1].gpu_batch_bytes(at_once)])

    def _written(self, size: Announced, image_bytes: int) -> int:
        """The largest output: its bytes as they are packed, then unpacked again, and where the two differ."""
        largest = 2 * size.n_voxels
        if self.mc_samples is not None:
            largest = max(largest, int((4 * (1 + 2 * GZIPPED) + 1) * size.n_voxels))
        if size.is_written_back:
            largest = max(largest, int((1 + 2 * GZIPPED) * image_bytes) + size.n_voxels)
        return largest

    def _one_share(self, size: Announced) -> int:
        """The frames that go through the networks together: cut, inferred and pasted."""
        shape = size.shape
        n_classes = len(self.model.bundle.scheme.structures) + 1
        study = blank_study(shape, _LIKE)
        at_once = min(shape[0], frames_at_once(study, n_classes))
        frame = size.n_voxels // shape[0]
        pasted = at_once * frame * (4 * n_classes + 4 + (self.mc_samples or 0) + (4 if self.mc_samples else 0))
        costs = self._costs(study)
        kept = at_once * costs[-1].frame_samples * costs[-1].kept_bytes
        cut = 3 * 4 * frame  # a frame in single precision, turned and resampled
        located = max((cost.batch_bytes(shape[0]) for cost in costs[:-1]), default=0)
        return max(located, costs[-1].batch_bytes(at_once) + max(cut, pasted) + kept)

    def _costs(self, study: Study) -> Sequence[StageCost]:
        key = study.image.shape[1:]
        if key not in self._known:
            self._known[key] = _weighed(self.model, study, self.compute)
        return self._known[key]

    @cached_property
    def _known(self) -> dict[tuple[int, ...], Sequence[StageCost]]:
        return {}


@dataclass(frozen=True, eq=False)
class MemoryBudget:
    """What a run may hold, what it held when it began, its models loaded, and what each of these models needs.

    Attributes:
        most_bytes: of main memory; None where nothing was asked for and the system does not say what it has.
        held_bytes: of main memory, resident when the run began.
        needs: of each model that may be chosen.
        gpu_free_bytes: of the GPU's own memory, with the models in it; None where they run in main memory, or where the
            driver does not say.
    """

    most_bytes: int | None
    held_bytes: int
    needs: tuple[Needs, ...]
    gpu_free_bytes: int | None = None

    @classmethod
    def of(
        cls, models: ModelChoice, compute: Compute, budget_gb: float | None, mc_samples: int | None, aligns: bool
    ) -> MemoryBudget:
        """The budget given in GB of 2^30 bytes, or all that the machine and its container have left; of a GPU all."""
        most = usable_bytes() if budget_gb is None else int(budget_gb * GB)
        needs = tuple(Needs(named.model, compute, mc_samples, aligns) for named in models.by_modality.values())
        return cls(most, resident_bytes(), needs, free_gpu_bytes(compute.device))

    def judge(self, size: Announced) -> None:
        """Refuse a scan that is too large for every model. Raises TooLarge."""
        self._judge(size, self.needs)

    def judge_read(self, study: Study, model: Model) -> None:
        """Refuse a study that was read already, whose data set's reader did not announce it. Raises TooLarge."""
        frames, slices, rows, cols = study.image.shape
        path = study.origins[0].path if study.origins else None
        size = Announced((frames, slices, rows, cols), study.image.dtype.itemsize, 0, study.keeps_image, path)
        self._judge(size, [need for need in self.needs if need.model is model])

    def predicted_bytes(self, size: Announced, needs: Sequence[Needs]) -> int:
        """What this process will hold of main memory at its highest point, by whichever of `needs` is least."""
        return self.held_bytes + min(need.beside_held(size) for need in needs)

    def _judge(self, size: Announced, needs: Sequence[Needs]) -> None:
        frames, slices, rows, cols = size.shape
        scan = f"for {frames} frames of {slices} x {rows} x {cols} voxels"
        if self.most_bytes is not None and (wanted := self.predicted_bytes(size, needs)) > self.most_bytes:
            found = f"predicted {wanted / GB:.3f} GB of main memory {scan}"
            raise TooLarge(f"at most {self.most_bytes / GB:.3f} GB of main memory", found, WAY_OUT, size.path)
        free = self.gpu_free_bytes
        if free is not None and (wanted := min(need.gpu_bytes(size) for need in needs)) > free:
            found = f"predicted {wanted / GB:.3f} GB of it {scan}"
            raise TooLarge(f"at most {free / GB:.3f} GB of the GPU's memory", found, GPU_WAY_OUT, size.path)


def _weighed(model: Model, study: Study, compute: Compute) -> Sequence[StageCost]:
    """Every stage's cost; after a locator with boxes in the middle of the image."""
    upstream: Found | None = None
    costs = []
    n_frames, n_slices, rows, cols = study.image.shape
    middle = np.array([rows / 4, cols / 4, 3 * rows / 4, 3 * cols / 4])
    for stage in model.stages:
        costs.append(stage_cost(stage, model.nets[stage.name], study, upstream, compute))
        upstream = Found(tuple(range(n_frames)), boxes=np.tile(middle, (n_frames, n_slices, 1)))
    return costs


_LIKE = Study(
    "blank",
    np.zeros((1, 1, 1, 1), np.int16),
    Grid((1, 1, 1), np.diag([-1.5, -1.5, 8.0, 1.0]), _TYPICAL_MM),
    (),
    Facts(modality="cine", species="human"),
)
