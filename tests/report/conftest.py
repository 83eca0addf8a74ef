"""A made-up beating heart: an ellipse of blood in a ring of muscle, with a second cavity beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from shortaxis.core.labels import ACDC, Structure
from shortaxis.core.study import Facts, Grid, Labels, Note, Origin, Study


def make_study(
    n_frames: int = 6,
    n_slices: int = 3,
    shape: tuple[int, int] = (60, 72),
    spacing_mm: tuple[float, float, float] | None = (8.0, 1.5, 1.25),
    notes: tuple[Note, ...] = (),
) -> Study:
    """A study with ACDC labels; the LV is largest in frame 0 and smallest in the middle frame."""
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    labels = np.zeros((n_frames, n_slices, *shape), np.uint8)
    for frame in range(n_frames):
        beat = 1 - 0.4 * np.sin(np.pi * frame / max(1, n_frames)) ** 2
        for position in range(n_slices):
            size = beat * (1 - 0.1 * position)
            distance = np.hypot((rows - 30) / 1.2, cols - 40)
            beside = np.hypot(rows - 30, cols - 24)
            plane = labels[frame, position]
            plane[beside < 9 * size] = ACDC.code_of(Structure.RV_CAVITY)
            plane[distance < 11 * size + 3] = ACDC.code_of(Structure.MYOCARDIUM)
            plane[distance < 11 * size] = ACDC.code_of(Structure.LV_CAVITY)
    rng = np.random.default_rng(1)
    brightness = np.array([20, 180, 60, 220])
    image = (brightness[labels] + rng.normal(0, 8, labels.shape)).astype(np.int16)
    return Study(
        name="ellipse",
        image=image,
        grid=Grid((n_slices, *shape), np.eye(4), spacing_mm),
        origins=(Origin("ellipse", tuple(range(n_frames)), n_frames > 1),),
        facts=Facts(ed_index=0, frame_time_ms=40.0),
        labels=Labels.complete(labels, ACDC),
        notes=notes,
        sha256="0" * 64,
    )


def make_measures(n_frames: int = 6, **changes: Any) -> dict[str, Any]:
    """Measures in the shape that a case's report expects, with invented numbers."""
    frames = list(range(n_frames))
    measures: dict[str, Any] = {
        "case": "ellipse",
        "phases": {"ed_index": 0, "es_index": n_frames // 2, "ed_number": 1, "es_number": n_frames // 2 + 1},
        "lv": {
            "edv_ml": 142.4,
            "esv_ml": 58.25,
            "sv_ml": 84.15,
            "ef_percent": 59.09,
            "mass_g": 101.0,
            "co_l_min": None,
        },
        "rv": {"edv_ml": 150.0, "esv_ml": 70.0, "sv_ml": 80.0, "ef_percent": 53.3},
        "curve": {
            "frame": frames,
            "time_ms": [40.0 * frame for frame in frames],
            "lv_ml": [100.0 + frame for frame in frames],
            "rv_ml": [120.0 - frame for frame in frames],
        },
        "slices": [{"phase": "ed", "slice_number": 1, "structure": "lv_cavity", "area_mm2": 812.0}],
        "convention": "papillary muscles in the cavity",
        "notes": [],
        "reasons": {"lv.co_l_min": "the heart rate is not known"},
    }
    return {**measures, **changes}


@pytest.fixture
def study_of() -> Callable[..., Study]:
    return make_study


@pytest.fixture
def measures_of() -> Callable[..., dict[str, Any]]:
    return make_measures
