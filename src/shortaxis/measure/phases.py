"""End-diastole and end-systole: given, or found on the volume curve of the left ventricle.

End-diastole is the frame of the largest cavity, end-systole that of the smallest; of equal frames the first, and of
end-systolic frames that differ by less than the curve can tell the first after end-diastole. Both
ventricles are measured at the left ventricle's phases. Frames without a left ventricle were missed and do not compete,
and in a long cine neither do frames that jump out of the curve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import BadPatientFacts

CYCLE = 12  # ours: from this many frames on, a cine is smooth enough to tell an outlier
LEVEL = 0.01  # of the curve's span: below it two frames near end-systole cannot be told apart, and the earlier counts
STEEPEST = 6.5  # ours: at its steepest a ventricle would empty or fill by its whole span in 140 ms of a beat of 900 ms


@dataclass(frozen=True)
class Phases:
    """Which frames are end-diastole and end-systole, 0-based.

    Attributes:
        ed_index, es_index: the frames that are measured; None where undefined.
        source: "given" if both were stated, "partly given" if one was, else "found" on the curve.
        found_ed_index, found_es_index: what the curve says, also where the phases were given; None where it cannot.
        reason: why something above is undefined, else None.
    """

    ed_index: int | None
    es_index: int | None
    source: Literal["given", "partly given", "found"]
    found_ed_index: int | None
    found_es_index: int | None
    reason: str | None = None


def find_phases(lv_voxels: Sequence[int], given_ed: int | None = None, given_es: int | None = None) -> Phases:
    """The phases of a cine from the left ventricle's voxel count in each frame.

    Args:
        lv_voxels: one count per frame; volumes would give the same frames, and counts need no spacing.
        given_ed, given_es: 0-based frames stated by the source, if any; they are used and not corrected.

    Raises:
        BadPatientFacts: a given frame does not exist.
    """
    for name, index in (("ED", given_ed), ("ES", given_es)):
        if index is not None and not 0 <= index < len(lv_voxels):
            raise BadPatientFacts(
                f"an {name} frame between number 1 and {len(lv_voxels)}",
                f"frame number {index + 1}",
                f"correct the {name} frame, or leave it out to have it found on the volume curve",
            )
    found_ed, found_es, reason = _on_curve(np.asarray(lv_voxels, float))
    stated = [index is not None for index in (given_ed, given_es)]
    return Phases(
        found_ed if given_ed is None else given_ed,
        found_es if given_es is None else given_es,
        "given" if all(stated) else "partly given" if any(stated) else "found",
        found_ed,
        found_es,
        reason,
    )


def outlier_frames(volumes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Frames [frame] that jump out of a cyclic volume curve; none in a series of fewer than `CYCLE` frames.

    A frame is compared with the median of itself and its two neighbours on either side; the last frame's next
    neighbour is the first. Further away than a beat at its steepest goes from one frame to the next is an outlier: than
    `STEEPEST / n` of the span that the medians and this frame make together. So a quarter of the medians' span is too
    much in a cine of 30 frames, and as much as all of it in one of 12, whose end-systole is sharp.
    """
    n = len(volumes)
    if n < CYCLE:
        return np.zeros(n, bool)
    neighbours = volumes[(np.arange(n)[:, None] + np.arange(-2, 3)) % n]
    smooth = np.median(neighbours, axis=1)
    away = np.abs(volumes - smooth)
    return away > STEEPEST / n * (np.ptp(smooth) + away)


def _on_curve(volumes: NDArray[np.float64]) -> tuple[int | None, int | None, str | None]:
    """ED and ES as the curve shows them, or None twice and why."""
    if len(volumes) < 2:
        return None, None, "a single frame shows no heartbeat"
    present = volumes > 0
    if not present.any():
        return None, None, "no frame has a left ventricle"
    competing = present & ~outlier_frames(np.where(present, volumes, np.median(volumes[present])))
    if competing.sum() < 2:
        return None, None, "fewer than two frames have a left ventricle"
    if np.ptp(volumes[competing]) == 0:
        return None, None, "the left ventricle's volume is the same in every frame"
    ed = int(np.argmax(np.where(competing, volumes, -np.inf)))
    return ed, _end_of_ejection(volumes, competing, ed), None


def _end_of_ejection(volumes: NDArray[np.float64], competing: NDArray[np.bool_], ed: int) -> int:
    """The first frame after ED, the beat taken as a circle, that is as small as the smallest to within `LEVEL`."""
    held = volumes[competing]
    as_small = competing & (volumes <= held.min() + LEVEL * np.ptp(held))
    after_ed = (ed + np.arange(len(volumes))) % len(volumes)
    return int(after_ed[as_small[after_ed]][0])
