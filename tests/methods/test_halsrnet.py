"""HALSR-Net: the paper's equations on numbers worked out by hand, and what its stages promise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from shortaxis.core.found import Found, Piece
from shortaxis.core.labels import ACDC, EMIDEC, LEFT_VENTRICLE, Labels
from shortaxis.core.sample import collate
from shortaxis.core.study import Grid, Origin, Study
from shortaxis.methods.baselines import unet
from shortaxis.methods.halsrnet import (
    METHOD,
    PAPER,
    TUNED,
    AtrousPyramid,
    Attended,
    AttentionGate,
    HalsrConfig,
    HalsrNet,
    HalsrStage,
    HybridAttentionPooling,
    Reconstruction,
    SpatialPyramid,
    stages,
)
from shortaxis.prepare.box_window import BoxWindowConfig
from shortaxis.prepare.heart_crop import through

SMALL = HalsrConfig(
    widths=(4, 6, 8, 10, 12), pooling_width=4, hapm_width=6, channel_ratio=2, gate_ratio=2, excite_ratio=2
)


def parameters(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def filled(convolution: nn.Module, weight: float, bias: float) -> None:
    assert isinstance(convolution, nn.Conv2d) and convolution.bias is not None
    nn.init.constant_(convolution.weight, weight)
    nn.init.constant_(convolution.bias, bias)


def a_study(name: str = "case") -> Study:
    """Three slices of 40 x 60, a ring with a cavity in the first two, nothing drawn in the third."""
    rows, cols = np.mgrid[:40, :60]
    radius = np.hypot(rows - 18, cols - 33)
    plane = np.where(radius < 5, 2, np.where(radius < 9, 1, 0)).astype(np.uint8)
    drawn = np.stack([plane, plane, np.zeros_like(plane)])[None]  # LEFT_VENTRICLE: 1 cavity, 2 myocardium
    drawn = np.where(drawn == 2, 1, np.where(drawn == 1, 2, 0)).astype(np.uint8)
    image = (drawn * 40 + cols).astype(np.int16)
    grid = Grid((3, 40, 60), np.diag([-1.5, -1.5, 8.0, 1.0]), (8.0, 1.5, 1.5))
    labels = Labels.complete(drawn, LEFT_VENTRICLE)
    return Study(name, image, grid, (Origin(name, (0,), False),), labels=labels)


# --- the network ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [(16, 16), (32, 48), (50, 37)])
@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_there_is_a_logit_for_every_class_and_pixel_at_any_size(size: tuple[int, int], n_classes: int) -> None:
    logits = HalsrNet(SMALL, n_classes).eval()(torch.rand(2, 1, *size))
    assert logits.shape == (2, n_classes, *size)


@pytest.mark.parametrize("skip", ["gated", "gated_and_plain"])
def test_gradients_reach_every_parameter(skip: str) -> None:
    net = HalsrNet(SMALL.model_copy(update={"skip": skip}), 3)
    net(torch.rand(2, 1, 32, 32)).square().sum().backward()
    silent = [name for name, held in net.named_parameters() if held.grad is None or not held.grad.abs().sum() > 0]
    assert silent == []


def test_a_batch_of_one_can_be_trained_on() -> None:
    HalsrNet(SMALL, 3).train()(torch.rand(1, 1, 32, 32)).sum().backward()


def test_the_parameter_counts_are_those_of_the_documentation() -> None:
    """The paper says 10.7 M; two 3x3 convolutions at 64...1024 alone have 18.8 M in the encoder."""
    paper = HalsrNet(PAPER.segment, 3)
    assert parameters(paper) == 28_044_931
    assert parameters(paper.encoder) == 18_846_016
    assert parameters(HalsrNet(HalsrConfig(widths=(32, 64, 128, 256, 512)), 3)) == 8_148_627
    assert parameters(HalsrNet(TUNED.segment, 4)) == 4_565_893


def test_dropout_is_active_in_training_only() -> None:
    net, image = HalsrNet(SMALL, 3), torch.rand(2, 1, 32, 32)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.0
    net.train()
    assert not torch.equal(net(image), net(image))
    net.eval()
    assert torch.equal(net(image), net(image))


def test_the_paper_drops_out_between_30_and_50_per_cent() -> None:
    rates = [module.p for module in HalsrNet(PAPER.segment, 3).encoder.modules() if isinstance(module, nn.Dropout)]
    assert rates == [0.30, 0.35, 0.40, 0.45, 0.50]


# --- attention gate, equations 2 to 5 ---------------------------------------------------------------------------------
def test_the_gate_follows_equations_2_to_5_on_numbers_by_hand() -> None:
    gate = AttentionGate(high=1, low=1, inner=1)
    filled(gate.high, 2.0, 0.0)  # F_H = 2 * 3 = 6
    filled(gate.low, -1.0, 1.0)  # F_L = -4 + 1 = -3
    filled(gate.weight, 0.5, -1.5)  # 0.5 * relu(6 - 3) - 1.5 = 0, and the sigmoid of 0 is one half
    out = gate(torch.full((1, 1, 2, 2), 3.0), torch.full((1, 1, 2, 2), 4.0), torch.Size((2, 2)))
    assert out.shape == (1, 2, 2, 2)
    assert torch.equal(out[:, 0], torch.full((1, 2, 2), 2.0))  # half of F_l
    assert torch.equal(out[:, 1], torch.full((1, 2, 2), 6.0))  # beside F_H


def test_the_gates_relu_cuts_negative_sums() -> None:
    gate = AttentionGate(high=1, low=1, inner=1)
    filled(gate.high, 1.0, 0.0)
    filled(gate.low, -1.0, 0.0)
    filled(gate.weight, 100.0, 0.0)
    out = gate(torch.full((1, 1, 1, 1), 1.0), torch.full((1, 1, 1, 1), 5.0), torch.Size((1, 1)))
    assert out[0, 0].item() == pytest.approx(2.5)  # relu(1 - 5) = 0, the sigmoid of 0 is one half, half of 5


def test_convolving_before_upsampling_is_what_the_equations_give_the_other_way_round() -> None:
    gate = AttentionGate(high=3, low=5, inner=2)
    high, low, size = torch.rand(1, 3, 4, 4), torch.rand(1, 5, 4, 4), torch.Size((8, 8))
    up = nn.Upsample(size=(8, 8), mode="bilinear")
    f_high, f_low = gate.high(up(high)), gate.low(up(low))
    f_sigma = torch.sigmoid(gate.weight(torch.relu(f_high + f_low)))
    torch.testing.assert_close(gate(high, low, size), torch.cat([f_sigma * up(low), f_high], dim=1))


# --- hybrid attention pooling, figure 5 -------------------------------------------------------------------------------
def test_atrous_pyramid_has_a_branch_for_every_rate_and_one_for_the_whole_image() -> None:
    pyramid = AtrousPyramid(3, 4, (1, 6, 12, 18))
    rates = [module.dilation for module in pyramid.branches.modules() if isinstance(module, nn.Conv2d)]
    assert rates == [(1, 1), (6, 6), (12, 12), (18, 18)]
    assert pyramid.fuse[0].in_channels == 5 * 4
    assert pyramid(torch.rand(2, 3, 7, 9)).shape == (2, 4, 7, 9)


def test_spatial_pyramid_at_level_one_is_the_mean_of_the_map() -> None:
    pyramid = SpatialPyramid(1, 1, (1,))
    filled(pyramid.levels[0][1], 1.0, 0.0)  # pyright: ignore[reportIndexIssue]
    maps = torch.arange(4.0).reshape(1, 1, 2, 2)
    assert torch.equal(pyramid(maps), torch.full((1, 1, 2, 2), 1.5))


def test_attention_only_weakens_and_keeps_shape() -> None:
    maps = torch.rand(2, 8, 5, 6)
    attended = Attended(8, 4, "channel_first")(maps)
    assert attended.shape == maps.shape
    assert bool((attended < maps).all())


def test_the_pooling_module_adds_the_input_by_a_1x1_convolution() -> None:
    module = HybridAttentionPooling(5, SMALL).eval()
    maps = torch.rand(1, 5, 8, 8)
    full = module(maps)
    nn.init.zeros_(module.direct.weight)
    nn.init.ones_(module.direct.bias)  # pyright: ignore[reportArgumentType]
    direct_as_one = module(maps)
    assert full.shape == (1, SMALL.hapm_width, 8, 8)
    assert bool((direct_as_one >= 1).all())  # a ReLU's output plus 1


# --- reconstruction, figure 6 -----------------------------------------------------------------------------------------
def test_the_reconstructed_map_holds_probabilities_at_full_size() -> None:
    module = Reconstruction(latent=8, ratio=4, n_classes=3, outputs=5)
    latent, size = torch.rand(2, 8, 2, 3), torch.Size((32, 48))
    probs = module.class_map(latent, size)
    assert probs.shape == (2, 3, 32, 48)
    torch.testing.assert_close(probs.sum(1), torch.ones(2, 32, 48))
    assert module(latent, size).shape == (2, 5, 32, 48)


def test_the_reconstructed_map_is_that_of_upsampling_first_as_figure_6_draws_it() -> None:
    module = Reconstruction(latent=8, ratio=4, n_classes=3, outputs=5)
    latent = torch.rand(1, 8, 2, 2)
    attended = latent * torch.sigmoid(module.attention(latent))
    scaled = attended * module.excite(attended.mean((2, 3)))[:, :, None, None]
    up = nn.Upsample(scale_factor=16, mode="bilinear")
    expected = torch.softmax(module.classes(up(scaled)), dim=1)
    torch.testing.assert_close(module.class_map(latent, torch.Size((32, 32))), expected)


def test_the_reconstruction_is_added_to_the_output_feature_map() -> None:
    net, image = HalsrNet(SMALL, 3).eval(), torch.rand(1, 1, 32, 32)
    nn.init.zeros_(net.reconstruction.widen.weight)
    nn.init.zeros_(net.reconstruction.widen.bias)  # pyright: ignore[reportArgumentType]
    without = net(image)
    nn.init.ones_(net.reconstruction.widen.bias)  # pyright: ignore[reportArgumentType]
    shift = net.head.weight.sum((1, 2, 3)).reshape(1, 3, 1, 1)  # one more in every feature channel
    torch.testing.assert_close(net(image), without + shift)


# --- the stage and the recipes ----------------------------------------------------------------------------------------
def test_infer_gives_probabilities_and_loss_its_two_terms() -> None:
    stage = HalsrStage(SMALL.model_copy(update={"window": BoxWindowConfig(size_px=32)}), PAPER.segment_fit)
    net, generator = stage.build(LEFT_VENTRICLE), torch.Generator()
    batch = collate([stage.augment(sample, None) for sample in stage.examples(a_study(), LEFT_VENTRICLE, None)])
    loss = stage.loss(net, batch, generator)
    assert loss.total.item() == pytest.approx(0.5 * loss.terms["bce"].item() + 0.5 * loss.terms["dice"].item())
    probs = stage.infer(net.eval(), batch, generator).probs
    assert probs is not None and probs.shape == (3, 3, 32, 32)
    torch.testing.assert_close(probs.sum(1), torch.ones(3, 32, 32))


@pytest.mark.parametrize("scheme", [ACDC, LEFT_VENTRICLE, EMIDEC], ids=lambda scheme: scheme.name)
def test_the_network_has_a_class_for_every_structure_of_the_scheme(scheme) -> None:
    net = HalsrStage(SMALL, PAPER.segment_fit).build(scheme)
    assert isinstance(net, HalsrNet)
    assert net.head.out_channels == len(scheme.structures) + 1


def test_a_mask_cut_to_the_box_comes_back_where_it_was() -> None:
    study = a_study()
    assert study.labels is not None
    box = np.array([9.0, 24.0, 27.0, 42.0])
    found = Found((0,), boxes=np.tile(box, (1, 3, 1)))
    stage = HalsrStage(PAPER.segment, PAPER.segment_fit)
    cut = list(stage.cut(study, found, [0]))
    drawn = study.labels.array[0] > 0
    pieces = []
    for sample, mask in zip(cut, drawn, strict=True):
        inside = through(sample.place.steps, mask.astype(np.float32)).astype(np.float32)
        pieces.append((sample, Piece(np.stack([1 - inside, inside, 0 * inside]), None, None)))
    probs = stage.paste(pieces, study, [0]).probs
    assert probs is not None and cut[0].image.shape == (1, 128, 128)
    back = probs[0, 1] > 0.5
    assert 2 * (back & drawn).sum() / (back.sum() + drawn.sum()) > 0.97


def test_the_box_fills_the_window_but_for_its_margin() -> None:
    window = BoxWindowConfig(size_px=128, margin=0.1)
    stage = HalsrStage(PAPER.segment.model_copy(update={"window": window}), PAPER.segment_fit)
    first = stage.augment(next(iter(stage.examples(a_study(), LEFT_VENTRICLE, None))), None)
    rows = np.flatnonzero(first.fields["labels"].array.any(axis=1))
    assert (np.ptp(rows) + 1) / 128 == pytest.approx(1 / 1.2, abs=0.06)


def test_without_a_locator_the_whole_slice_is_fitted_to_the_input() -> None:
    (stage,) = stages(PAPER.model_copy(update={"locate": None}))
    sample = next(iter(stage.cut(a_study(), None, [0])))
    corners = sample.place.restore_points(np.array([[0.0, 0.0], [127.0, 127.0]]))
    assert sample.image.shape == (1, 128, 128)
    np.testing.assert_allclose(corners.min(axis=0), [-10, 0], atol=0.5)  # 40 rows padded to 60
    np.testing.assert_allclose(corners.max(axis=0), [49, 59], atol=0.5)


def test_the_paper_recipe_is_table_2() -> None:
    fit = PAPER.segment_fit
    assert (fit.optimiser, fit.learning_rate, fit.betas, fit.epsilon) == ("adam", 1e-3, (0.9, 0.999), 1e-8)
    assert (fit.batch, PAPER.segment.bce_weight, PAPER.segment.dice_weight) == (32, 0.5, 0.5)
    assert fit.patience is not None  # early stopping
    assert METHOD.default_scheme is LEFT_VENTRICLE


def test_the_tuned_recipe_trains_as_the_u_nets_so_that_networks_are_compared() -> None:
    assert TUNED.segment_fit == unet.TUNED.segment_fit
    assert TUNED.segment.window == unet.TUNED.segment.crop
    assert TUNED.segment.widths == unet.TUNED.segment.widths
