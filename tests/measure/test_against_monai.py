"""The same numbers as MONAI's, where it is installed (the extra `bench`); values by hand stand in the other files.

Its import alone takes four seconds and more, hence `slow`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest

from shortaxis.measure.confusion import confusion, rates
from shortaxis.measure.overlap import dice, jaccard
from shortaxis.measure.surface import surface_dice, surface_distances

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::FutureWarning:monai.*")]
torch = pytest.importorskip("torch")
SPACING_MM = (10.0, 1.5, 1.25)
Pair = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def monai():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of packages that MONAI would like to have
        return pytest.importorskip("monai.metrics")


def ring(shift: float, wobble: float) -> np.ndarray:
    """A wall of 4 slices of 48 x 48, not the same on any two."""
    slices, rows, cols = np.mgrid[:4, :48, :48]
    angle = np.arctan2(rows - 24, cols - 24 - shift)
    radius = np.hypot(rows - 24, cols - 24 - shift) / (1 + wobble * np.sin(3 * angle + slices))
    return (radius < 15 - slices) & (radius > 9 - slices)


def five_percent_of_noise(mask: np.ndarray) -> np.ndarray:
    return mask ^ (np.random.default_rng(0).random(mask.shape) < 0.05)


PAIRS: dict[str, Pair] = {
    "moved": (ring(2, 0.05), ring(0, 0.0)),
    "noise": (five_percent_of_noise(ring(0, 0.0)), ring(0, 0.1)),
    "one slice short": (ring(0, 0.0) & (np.arange(4) < 3)[:, None, None], ring(0, 0.0)),
}


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest) -> Pair:
    return PAIRS[request.param]


def value(monai_metric: Callable, ours: np.ndarray, theirs: np.ndarray, **options) -> float:
    """MONAI's figure for one class; its arrays are [batch, class, slice, row, col]."""
    batch = (torch.from_numpy(mask[None, None].astype(np.float32)) for mask in (ours, theirs))
    return float(monai_metric(*batch, include_background=True, **options))


def test_dice(monai, pair: Pair) -> None:
    assert dice(*pair) == pytest.approx(value(monai.compute_dice, *pair))


def test_jaccard(monai, pair: Pair) -> None:
    assert jaccard(*pair) == pytest.approx(value(monai.compute_iou, *pair))


NAMES = {  # ours -> MONAI's
    "sensitivity": "sensitivity", "specificity": "specificity", "ppv": "precision",
    "npv": "negative predictive value", "accuracy": "accuracy",
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_rates(monai, pair: Pair, name: str) -> None:
    batch = (torch.from_numpy(mask[None, None].astype(np.float32)) for mask in pair)
    counts = monai.get_confusion_matrix(*batch)
    theirs = float(monai.compute_confusion_matrix_metric(NAMES[name], counts))
    assert rates(confusion(*pair))[name] == pytest.approx(theirs)


def test_hausdorff_distances_both_ways_one_way_and_at_95_percent(monai, pair: Pair) -> None:
    found = surface_distances(*pair, SPACING_MM)
    compute = monai.compute_hausdorff_distance
    assert found.hd_mm == pytest.approx(value(compute, *pair, spacing=SPACING_MM))
    assert found.hd95_mm == pytest.approx(value(compute, *pair, spacing=SPACING_MM, percentile=95))
    one_way = value(
        compute, pair[1], pair[0], spacing=SPACING_MM, directed=True
    )  # its first argument is where it starts
    assert found.hd_one_sided_mm == pytest.approx(one_way)


def test_average_symmetric_surface_distance(monai, pair: Pair) -> None:
    theirs = value(monai.compute_average_surface_distance, *pair, symmetric=True, spacing=SPACING_MM)
    assert surface_distances(*pair, SPACING_MM).assd_mm == pytest.approx(theirs)


@pytest.mark.parametrize("tolerance_mm", [0.0, 1.3, 3.0])
def test_surface_dice(monai, pair: Pair, tolerance_mm: float) -> None:
    theirs = value(monai.compute_surface_dice, *pair, class_thresholds=[tolerance_mm], spacing=SPACING_MM)
    assert surface_dice(*pair, SPACING_MM, tolerance_mm) == pytest.approx(theirs)


def test_in_the_plane_too(monai, pair: Pair) -> None:
    planes = pair[0][1], pair[1][1]
    theirs = value(monai.compute_hausdorff_distance, *planes, spacing=SPACING_MM[1:], percentile=95)
    assert surface_distances(*planes, SPACING_MM[1:]).hd95_mm == pytest.approx(theirs)
