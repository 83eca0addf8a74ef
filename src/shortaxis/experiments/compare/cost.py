"""What a model costs: parameters, memory, seconds of a step and of an epoch."""

from __future__ import annotations

import math
import multiprocessing
import statistics
from collections.abc import Mapping, Sequence
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from shortaxis.core.compute import Compute
from shortaxis.core.study import Study
from shortaxis.jobs.models import Model, ready_model
from shortaxis.jobs.segment import segment_study

STATUS, FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
MEASURED = "highest resident memory of a process that loads the model and segments one case, libraries included"
NOT_MEASURED = "read from /proc, which this system does not have"


def parameters(model: Model) -> dict[str, int]:
    """Trainable parameters by stage, of one member."""
    return {
        name: sum(parameter.numel() for parameter in nets[0].parameters() if parameter.requires_grad)
        for name, nets in model.nets.items()
    }


def step_seconds(record: Sequence[Mapping[str, Any]]) -> float | None:
    """The median time from one line of a record to the optimiser step after it, validations not counted.

    None where the record has no two lines in a row; where a run was resumed the clock begins anew.
    """
    gaps = [
        float(line["seconds"]) - float(before["seconds"])
        for before, line in pairwise(record)
        if "loss" in line and line["seconds"] >= before["seconds"]
    ]
    return statistics.median(gaps) if gaps else None


def epoch_seconds(per_step: float | None, examples: int, batch: int) -> float | None:
    """Seconds of an epoch: as many steps as it takes to see `examples` once."""
    return None if per_step is None else per_step * math.ceil(examples / batch)


def peak_memory(model_file: Path, study: Study, compute: Compute) -> dict[str, Any]:
    """`peak_mib`, and `gpu_peak_mib` on a GPU, of a fresh process that segments one study; None with a `reason`.

    The kernel's VmHWM is read, not `ru_maxrss`: Linux hands the latter down from the parent through fork and exec.
    """
    if not STATUS.is_file():
        return {"peak_mib": None, "gpu_peak_mib": None, "reason": NOT_MEASURED}
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_segment_and_tell, args=(theirs,), daemon=True)
    child.start()
    theirs.close()
    try:
        # Not among `args`: what `start` writes waits for ever where a signal ended the child before it read.
        ours.send((model_file, study, compute))
        return {**ours.recv(), "what": MEASURED}
    except (EOFError, ConnectionError):
        return {"peak_mib": None, "gpu_peak_mib": None, "reason": "the measuring process ended without a word"}
    finally:
        child.join()


def _segment_and_tell(pipe: Connection) -> None:
    import torch

    model_file, study, compute = pipe.recv()
    segment_study(study, ready_model(model_file, compute), compute)
    gpu = torch.cuda.max_memory_allocated() / 2**20 if compute.device.startswith("cuda") else None
    pipe.send({"peak_mib": high_water_mib(), "gpu_peak_mib": gpu})


def forget_high_water(compute: Compute) -> bool:
    """Let this process' memory peaks, the GPU's too, begin anew; false where the system does not let them."""
    if compute.device.startswith("cuda"):
        import torch

        torch.cuda.reset_peak_memory_stats()
    try:
        FORGET.write_text("5", "ascii")  # man 5 proc: resets VmHWM
    except OSError:
        return False
    return True


def memory_since(forgotten: bool, compute: Compute) -> dict[str, float | None]:
    """`peak_mib` and `gpu_peak_mib` of this process since `forget_high_water`; None where they cannot be known."""
    gpu = None
    if compute.device.startswith("cuda"):
        import torch

        gpu = torch.cuda.max_memory_allocated() / 2**20
    return {"peak_mib": high_water_mib() if forgotten else None, "gpu_peak_mib": gpu}


def high_water_mib() -> float | None:
    """VmHWM of this process in MiB."""
    for line in STATUS.read_text("ascii", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return None
