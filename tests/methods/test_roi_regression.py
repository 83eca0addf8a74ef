"""The box around the heart: the network's answers, the corners' way back through flips, and one box of many."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from shortaxis.core.errors import LabelsMissing, WrongDimensions
from shortaxis.core.found import Piece
from shortaxis.core.labels import ACDC, LEFT_VENTRICLE, Labels
from shortaxis.core.sample import Batch, collate
from shortaxis.core.study import Grid, Origin, Study
from shortaxis.methods.roi_regression import (
    RoiRegressionConfig,
    RoiRegressionNet,
    RoiRegressionStage,
    box_to_targets,
    outermost_points,
    outputs_to_corners,
    paper_roi,
    study_box,
    tuned_roi,
)
from shortaxis.prepare.augment import AugmentConfig

SMALL = RoiRegressionConfig(
    input_size=32, widths=(4, 4, 6, 6), convolutions=1, dense_width=8, reduce_widths=(8, 6, 6), global_width=8
)
_, FIT = paper_roi()
BOX = [12.0, 20.0, 25.0, 41.0]


def a_study(directions: tuple[float, float] = (-1.5, -1.5), swapped: bool = False, n_frames: int = 1) -> Study:
    """Four slices of 40 x 60 with a bright block at BOX in all but the last; `directions` flip, `swapped` transposes."""
    drawn = np.zeros((n_frames, 4, 40, 60), np.uint8)
    drawn[:, :3, 12:26, 20:42] = 1
    affine = np.diag([*directions, 8.0, 1.0])
    if swapped:
        affine[:, [0, 1]] = affine[:, [1, 0]]
    grid = Grid((4, 40, 60), affine, (8.0, 1.5, 1.5))
    origins = (Origin("case", tuple(range(n_frames)), n_frames > 1),)
    rows, cols = np.mgrid[:40, :60]
    image = (drawn * 100 + (rows + cols) // 8).astype(np.int16)
    return Study("case", image, grid, origins, labels=Labels.complete(drawn, LEFT_VENTRICLE))


EVERY_WAY_ROUND = [(d, s) for d in ((1.5, 1.5), (-1.5, 1.5), (1.5, -1.5), (-1.5, -1.5)) for s in (False, True)]


# --- the network ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("side", [32, 64])
def test_four_numbers_come_out_of_a_square_slice(side: int) -> None:
    net = RoiRegressionNet(SMALL.model_copy(update={"input_size": side})).eval()
    assert net(torch.rand(3, 1, side, side)).shape == (3, 4)


def test_another_size_than_the_one_it_was_built_for_is_refused() -> None:
    with pytest.raises(WrongDimensions, match="32 x 32"):
        RoiRegressionNet(SMALL)(torch.rand(1, 1, 32, 48))


def test_the_convolution_in_the_middle_is_as_large_as_its_input() -> None:
    net = RoiRegressionNet(RoiRegressionConfig())
    assert [module.kernel_size for module in net.whole.modules() if isinstance(module, nn.Conv2d)] == [(16, 16)]


def test_gradients_reach_every_parameter() -> None:
    net = RoiRegressionNet(RoiRegressionConfig(input_size=32, convolutions=1))
    net(torch.rand(4, 1, 32, 32)).square().sum().backward()
    assert [n for n, held in net.named_parameters() if held.grad is None or not held.grad.abs().sum() > 0] == []


def test_dense_layers_are_as_many_as_configured() -> None:
    three = RoiRegressionNet(SMALL.model_copy(update={"dense_layers": 3}))
    shapes = [tuple(layer.weight.shape[:2]) for layer in three.dense.modules() if isinstance(layer, nn.Conv2d)]
    assert shapes == [(8, 6), (8, 8), (8, 8)]


def test_the_parameter_counts_are_those_of_the_documentation() -> None:
    def count(config: RoiRegressionConfig) -> int:
        return sum(parameter.numel() for parameter in RoiRegressionNet(config).parameters())

    assert count(paper_roi()[0]) == 3_848_580
    assert count(tuned_roi()[0]) == 1_491_396


def test_coordinates_are_computed_in_float32_under_autocast() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert RoiRegressionNet(SMALL).eval()(torch.rand(1, 1, 32, 32)).dtype == torch.float32


# --- targets and answers ----------------------------------------------------------------------------------------------
def test_targets_are_the_bottom_left_and_top_right_corner_as_shares_of_the_side() -> None:
    corners = torch.tensor([[[10.0, 20.0], [30.0, 40.0]]])  # first and last corner, (row, col)
    assert box_to_targets(corners, 100).tolist() == [pytest.approx([0.3, 0.2, 0.1, 0.4])]


def test_any_two_opposite_corners_are_the_same_target() -> None:
    flipped = torch.tensor([[[30.0, 20.0], [10.0, 40.0]]])
    assert torch.equal(box_to_targets(flipped, 100), box_to_targets(flipped.flip(1), 100))
    assert torch.equal(box_to_targets(flipped, 100), box_to_targets(torch.tensor([[[10.0, 20.0], [30.0, 40.0]]]), 100))


def test_answers_become_first_and_last_corner_in_pixels() -> None:
    outputs = torch.tensor([[0.3, 0.2, 0.1, 0.4]])
    assert outputs_to_corners(outputs, 100)[0].tolist() == [pytest.approx([10, 20]), pytest.approx([30, 40])]


def test_the_loss_is_equation_1() -> None:
    class Silent(nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return torch.zeros(len(image), 4)

    stage = RoiRegressionStage(SMALL, FIT)
    batch = collate([stage.augment(sample, None) for sample in stage.examples(a_study(), LEFT_VENTRICLE, None)])
    target = box_to_targets(batch.points["corners"], 32)[0].tolist()
    loss = stage.loss(Silent(), batch, torch.Generator())
    assert loss.total.item() == pytest.approx(sum(y * y for y in target) / 4)


def slow_equation_1(answers: list[list[float]], corners: list[list[list[float]]], side: int) -> float:
    """The mean over boxes and their four numbers of the squared difference; a row or column is a share of the side."""
    total = 0.0
    for said, ((row_a, col_a), (row_b, col_b)) in zip(answers, corners, strict=True):
        bottom, top = max(row_a, row_b), min(row_a, row_b)  # rows are counted from the top
        left, right = min(col_a, col_b), max(col_a, col_b)
        for found, drawn in zip(said, (bottom, left, top, right), strict=True):
            total += (found - drawn / side) ** 2 / 4
    return total / len(answers)


def test_the_loss_of_random_answers_to_a_batch_of_boxes_agrees_with_its_slow_restatement() -> None:
    net = RoiRegressionNet(SMALL).train()
    for parameter in net.head.parameters():
        nn.init.normal_(parameter)  # answers that differ from slice to slice
    image, corners = torch.randn(5, 1, 32, 32), 32 * torch.rand(5, 2, 2)  # any two opposite corners, in any order
    answers = net(image)
    assert answers.std(0).min() > 0.01
    loss = RoiRegressionStage(SMALL, FIT).loss(net, Batch(image, {}, {"corners": corners}), torch.Generator())
    expected = slow_equation_1(answers.double().tolist(), corners.double().tolist(), 32)
    assert loss.total.item() == pytest.approx(expected, rel=1e-5)


# --- examples ---------------------------------------------------------------------------------------------------------
def test_slices_without_structure_are_left_out_of_training() -> None:
    examples = list(RoiRegressionStage(SMALL, FIT).examples(a_study(), LEFT_VENTRICLE, None))
    assert [sample.place.slices for sample in examples] == [(0,), (1,), (2,)]


def test_the_box_is_that_of_the_schemes_structures() -> None:
    study = a_study()
    assert study.labels is not None
    drawn = study.labels.array.copy()
    drawn[:, :, 0:5, 0:5] = 1  # ACDC's right ventricle, in a corner
    drawn[drawn == 0] = 0
    drawn[:, :3, 12:26, 20:42] = 3
    mixed = Study("case", study.image, study.grid, study.origins, labels=Labels.complete(drawn, ACDC))
    stage = RoiRegressionStage(SMALL, FIT)
    first = stage.augment(next(iter(stage.examples(mixed, LEFT_VENTRICLE, None))), None)
    assert first.place.restore_points(first.points["corners"]).min(axis=0).tolist() == pytest.approx(BOX[:2])


def test_a_study_without_labels_is_refused() -> None:
    study = a_study()
    bare = Study("case", study.image, study.grid, study.origins)
    with pytest.raises(LabelsMissing):
        list(RoiRegressionStage(SMALL, FIT).examples(bare, LEFT_VENTRICLE, None))


def test_the_outline_holds_the_four_sides_of_the_box() -> None:
    rows, cols = np.mgrid[:30, :40]
    points = outermost_points((rows - 12) ** 2 + 2 * (cols - 20) ** 2 <= 64)
    assert points.shape == (32, 2)
    assert (points.min(axis=0).tolist(), points.max(axis=0).tolist()) == ([4, 15], [20, 25])


def test_the_box_of_a_varied_slice_still_encloses_its_structure() -> None:
    turned = AugmentConfig(rotation_degrees=30, noise=0, blur_px=0, shading=0, log_gamma=0)
    stage = RoiRegressionStage(SMALL.model_copy(update={"input_size": 64, "augment": turned}), FIT)
    sample = next(iter(stage.examples(a_study(), LEFT_VENTRICLE, None)))
    rng = np.random.default_rng(3)
    for _ in range(5):
        varied = stage.augment(sample, rng)
        first, last = varied.points["corners"]
        bright = np.argwhere(varied.image[0] > 1.5)  # the block stands out by 100 grey values
        np.testing.assert_allclose(bright.min(axis=0), first, atol=1.5)
        np.testing.assert_allclose(bright.max(axis=0), last, atol=1.5)


# --- the way back -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("directions", "swapped"), EVERY_WAY_ROUND)
def test_corners_come_back_to_the_studys_rows_and_columns_through_flips(
    directions: tuple[float, float], swapped: bool
) -> None:
    study, stage = a_study(directions, swapped), RoiRegressionStage(SMALL, FIT)
    examples = list(stage.examples(study, LEFT_VENTRICLE, None))
    pieces = [(sample, Piece(None, stage.augment(sample, None).points["corners"], None)) for sample in examples]
    boxes = stage.paste(pieces, study, [0]).boxes
    assert boxes is not None and boxes.shape == (1, 4, 4)
    for index in range(3):
        assert boxes[0, index].tolist() == pytest.approx(BOX)


def test_the_margin_is_a_share_of_the_boxs_sides() -> None:
    study, stage = a_study(), RoiRegressionStage(SMALL.model_copy(update={"margin": 0.1}), FIT)
    sample = next(iter(stage.examples(study, LEFT_VENTRICLE, None)))
    found = stage.paste([(sample, Piece(None, stage.augment(sample, None).points["corners"], None))], study, [0])
    assert found.boxes is not None
    assert found.boxes[0, 0].tolist() == pytest.approx([12 - 1.3, 20 - 2.1, 25 + 1.3, 41 + 2.1])


def test_one_box_of_a_study_is_the_median_over_the_middle_half_of_the_stack() -> None:
    boxes = np.full((3, 8, 4), 50.0)
    boxes[:, 2:6] = BOX
    boxes[0, 3] = 999.0  # one slice gone astray
    boxes[1] = np.nan  # a frame that was not looked at
    assert study_box(boxes).tolist() == BOX


def test_only_some_frames_of_a_cine_are_looked_at_when_one_box_is_wanted() -> None:
    study = a_study(n_frames=12)
    config = SMALL.model_copy(update={"aggregate": "study", "frames_at_most": 3})
    stage = RoiRegressionStage(config, FIT)
    cut = list(stage.cut(study, None, range(12)))
    assert sorted({sample.place.frame for sample in cut}) == [0, 4, 8]
    found = stage.paste(
        [(sample, Piece(None, np.array([[3.0, 4], [20, 21]]), None)) for sample in cut], study, range(12)
    )
    assert found.boxes is not None and found.boxes.shape == (12, 4, 4)
    assert np.isfinite(found.boxes).all() and (found.boxes == found.boxes[0, 0]).all()
