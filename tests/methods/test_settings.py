"""Settings that would mean nothing, or end in an error of another kind hours later, are refused before anything runs."""

from __future__ import annotations

from typing import Any

import pytest

from shortaxis.core.errors import BadConfiguration
from shortaxis.methods import method_named

IN_PLANE = [1, 3, 3]
NOTHING: dict[str, tuple[dict[str, Any], ...]] = {
    "dadu": (
        {"widths": [4, 0, 8]},
        {"widths": [4, 8], "dense_layers": 5},  # more layers than channels to share out
        {"smooth": -1.0},
        {"window": {"size_px": 0}},
    ),
    "foanet": (
        {"net": {"widths": [0, 8, 8, 8, 8]}},
        {"net": {"fuse": 0}},
        {"loss": {"cce": 0.0, "ssim": 0.0, "dice": 0.0}},
        {"loss": {"dice": -1.0}},
        {"loss": {"ssim_window_px": 0}},
        {"window": {"focus": 0.0}},
        {"window": {"pixel_mm": 0.0}},
        {"window": {"extension_px": -10.0}},
        {"window": {"flip_chance": 1.5}},
    ),
    "attention-mnet": (
        {"widths": [2, 3]},  # four weights for two outputs
        {"level_weights": [1.0, 0.5]},
        {"widths": [], "level_weights": []},
        {"blocks": 0},
        {"gate_ratio": 0},
        {"gate_kernel": [2, 3, 3]},  # maps of another size than went in
        {"pool": [0, 2, 2]},
        {"distance_weight": -1.0},
        {"window": {"depth": 0}},
        {"window": {"slice_px": 0.0}},
        {"window": {"chance": 2.0}},
        {"window": {"plane": {"fill": 0.0}}},
        {"window": {"plane": {"reach": 4}}},
    ),
    "uncertainty-unet": (
        {"passes": 1},  # one sample has no variance: alpha would weigh nothing
        {"dropout": 0.0},  # nor have equal samples
        {"dropout": 1.0},
        {"alpha": -1.0},
        {"alpha": 0.0, "baseline_passes": 0},
        {"dropout_reach": -1},
        {"plan": {"widths": [4, 8], "strides": [[1, 2, 2], [1, 2, 2]], "kernels": [IN_PLANE, IN_PLANE]}},
        {"plan": {"widths": [4, 8], "strides": [[1, 2, 2]], "kernels": [IN_PLANE]}},
        {"plan": {"widths": [4, 8], "strides": [[1, 2, 2]], "kernels": [IN_PLANE, [1, 2, 2]]}},
    ),
}


@pytest.mark.parametrize(
    ("name", "change"), [(name, change) for name, held in NOTHING.items() for change in held], ids=str
)
def test_what_means_nothing_is_refused(name: str, change: dict[str, Any]) -> None:
    with pytest.raises(BadConfiguration):
        method_named(name).recipes["paper"].overlaid({"segment": change})


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("dadu", {"window": {"pixel_mm": -1.0}}, "window.HeartCropConfig.pixel_mm: .* greater than 0"),
        ("dadu", {"window": {"grey": "patient"}}, "window.HeartCropConfig.grey: .*'slice' or 'stack'"),
        ("foanet", {"window": {"crop": {"size_px": 0}}}, "window.FocusCropConfig.crop.size_px: .* greater than 0"),
        ("uncertainty-unet", {"plan": {"widths": [4, 8]}}, "plan.Plan: .*2 widths want 1 strides and 2 kernels"),
        ("uncertainty-unet", {"plan": "nnunet"}, "'eight_layers' or 'nnunet_plan'"),
    ],
)
def test_of_settings_that_may_be_of_several_kinds_the_kind_that_was_meant_is_told(
    name: str, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadConfiguration, match=said):
        method_named(name).recipes["tuned"].overlaid({"segment": change})


@pytest.mark.parametrize(
    "change",
    [
        {"learning_rate": -1e-3},
        {"betas": [0.9, 1.0]},
        {"epsilon": -1.0},
        {"weight_decay": -1.0},
        {"warmup_steps": -1},
        {"plateau_factor": 2.0},
        {"average_decay": 1.0},  # the first weights would stay
        {"clip_norm": 0.0},
        {"seed": -1},
        {"optimiser": "sgd", "nesterov": True, "momentum": 0.0},
    ],
)
def test_a_fit_that_no_optimiser_can_run_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadConfiguration):
        method_named("dadu").recipes["paper"].overlaid({"segment_fit": change})


def test_the_baseline_without_the_uncertainty_needs_neither_dropout_nor_passes() -> None:
    for change in ({"alpha": 0.0, "dropout": 0.0}, {"alpha": 0.0, "passes": 1}):
        assert method_named("uncertainty-unet").recipes["paper"].overlaid({"segment": change})
