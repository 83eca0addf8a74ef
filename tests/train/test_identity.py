"""What makes two trained stages the same one: nothing in which two methods differ may be left out."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import pytest
import torch

from shortaxis.core.labels import ACDC, LEFT_VENTRICLE
from shortaxis.core.method import Stage
from shortaxis.experiments.compare.pieces import piece_key
from shortaxis.methods import method_named, method_names
from shortaxis.methods.baselines.attention_unet import METHOD as ATTENTION_UNET
from shortaxis.methods.baselines.nnunet_plan_2d import METHOD as NNUNET_PLAN_2D
from shortaxis.methods.roi_regression import RoiRegressionStage
from shortaxis.train.folds import Fold
from shortaxis.train.identity import stage_identity

FOLD = Fold(("p1",), ("p2",))
UNET = method_named("unet").stages(method_named("unet").recipes["tuned"])[-1]


def test_no_two_methods_share_a_trained_segmenter() -> None:
    """Attention U-Net and nnU-Net's plan once did: one kind of stage, every setting alike, and another network."""
    owners: dict[str, list[str]] = defaultdict(list)
    for name in method_names():
        method = method_named(name)
        owners[piece_key(method.stages(method.recipes["tuned"])[-1], FOLD, ACDC)].append(name)
    assert [names for names in owners.values() if len(names) > 1] == []


def test_two_networks_behind_the_same_settings_are_two() -> None:
    one, other = (
        stage_identity(method.stages(method.recipes["tuned"])[-1], ACDC) for method in (ATTENTION_UNET, NNUNET_PLAN_2D)
    )
    assert sorted(key for key in one if one[key] != other[key]) == ["network"]


def test_methods_with_the_same_locator_share_it() -> None:
    locators = [method_named(name).stages(method_named(name).recipes["tuned"])[0] for name in ("unet", "dadu")]
    assert all(isinstance(stage, RoiRegressionStage) for stage in locators)
    assert piece_key(locators[0], FOLD, ACDC) == piece_key(locators[1], FOLD, ACDC)


@pytest.mark.parametrize("change", ["recipe", "fit", "scheme", "fold"])
def test_what_is_trained_otherwise_is_another(change: str) -> None:
    stage: Stage = UNET
    if change == "fit":
        stage = replace(UNET, fit=UNET.fit.model_copy(update={"seed": 1}))  # pyright: ignore
    if change == "recipe":
        stage = replace(UNET, config=UNET.config.model_copy(update={"widths": (4, 8)}))  # pyright: ignore
    scheme, fold = LEFT_VENTRICLE if change == "scheme" else ACDC, Fold(("p1",), ()) if change == "fold" else FOLD
    assert piece_key(stage, fold, scheme) != piece_key(UNET, FOLD, ACDC)


def test_a_stage_is_filed_under_who_was_trained_on() -> None:
    all_trained = Fold(("p1", "p2"), ("p3",))
    one_left_out = Fold(("p1",), ("p3",), left_out=("p2",))
    assert piece_key(UNET, one_left_out, ACDC) != piece_key(UNET, all_trained, ACDC)
    assert piece_key(UNET, one_left_out, ACDC) == piece_key(UNET, Fold(("p1",), ("p3",)), ACDC)


def test_asking_costs_no_random_number() -> None:
    torch.manual_seed(3)
    first = torch.rand(4)
    torch.manual_seed(3)
    stage_identity(UNET, ACDC)
    assert torch.equal(torch.rand(4), first)
