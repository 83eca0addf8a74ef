"""DADU: every equation against a restatement in loops and on numbers by hand; what each option and ablation changes."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from shortaxis.core.compute import Compute
from shortaxis.core.errors import BadConfiguration, WrongDimensions
from shortaxis.core.found import Found
from shortaxis.core.labels import ACDC
from shortaxis.core.recipe import FitRecipe
from shortaxis.core.sample import Batch
from shortaxis.losses.structure_dice import dsc_loss, structure_probs
from shortaxis.methods.baselines import unet
from shortaxis.methods.dadu import (
    EPOCH,
    METHOD,
    PAPER,
    TUNED,
    DaduConfig,
    DaduNet,
    DaduStage,
    DenseBlock,
    Edges,
    Outputs,
    Skip,
    stages,
)
from shortaxis.methods.dual_attention import ChannelAttention, DualAttention, SpatialAttention
from shortaxis.predict.run import run_stage
from shortaxis.prepare.whole_slice import WholeSliceConfig
from tests.lookalike.ring_study import ring_study

SMALL = DaduConfig(widths=(4, 6, 8, 10), window=WholeSliceConfig(size_px=32))
FIT = FitRecipe(steps=2, batch=2)


def small(**changes: Any) -> DaduConfig:
    return SMALL.model_copy(update=changes)


def net_of(config: DaduConfig, seed: int = 0) -> DaduNet:
    torch.manual_seed(seed)
    return DaduNet(config, 1, 3)


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def maps(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def parameters(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


# --- 4.2: channel attention, equations 3 to 6 -------------------------------------------------------------------------
def looped_channel(encoder: Tensor, decoder: Tensor, weights: Tensor) -> Tensor:
    """M^Ch by equations 3 to 6, a number at a time; w_c is column c, or one number at its own place."""
    batch, channels, rows, cols = encoder.shape
    out = torch.zeros(batch, channels, 1, 1)
    for b in range(batch):
        merged = []
        for c in range(channels):
            per_branch = []
            for branch in (encoder, decoder):
                values = [float(branch[b, c, i, j]) for i in range(rows) for j in range(cols)]
                per_branch.append(sum(values) / len(values) + max(values))  # eq. 3, 4
            merged.append(sum(per_branch))  # eq. 5
        for k in range(channels):
            total = 0.0
            for c in range(channels):  # eq. 6: w_1 M_1 + ... + w_C M_C, each w_c a vector of which k is one entry
                w = float(weights[k, c]) if weights.dim() == 2 else float(weights[c]) * (c == k)
                total += w * merged[c]
            out[b, k] = sigmoid(total)
    return out


@pytest.mark.parametrize("weights", ["vectors", "numbers"])
def test_channel_attention_is_equations_3_to_6(weights: Any) -> None:
    attention = ChannelAttention(3, weights)
    assert attention.weights is not None
    nn.init.normal_(attention.weights)
    encoder, decoder = maps(2, 3, 4, 5, seed=1), maps(2, 3, 4, 5, seed=2)
    expected = looped_channel(encoder, decoder, attention.weights.detach())
    torch.testing.assert_close(attention(encoder, decoder).detach(), expected)


def test_channel_attention_on_numbers_by_hand() -> None:
    attention = ChannelAttention(1, "vectors")
    assert attention.weights is not None
    nn.init.constant_(attention.weights, 0.5)
    encoder = torch.tensor([[[[0.0, 1.0], [1.0, 2.0]]]])  # average 1, maximum 2: M^ChE = 3
    decoder = torch.tensor([[[[-5.0, -3.0], [-3.0, -1.0]]]])  # average -3, maximum -1: M^ChD = -4
    assert attention(encoder, decoder).item() == pytest.approx(sigmoid(0.5 * -1.0))


def test_algorithm_2_weighs_no_channel_before_the_sigmoid() -> None:
    attention = ChannelAttention(3, "none")
    encoder, decoder = maps(2, 3, 4, 5, seed=1), maps(2, 3, 4, 5, seed=2)
    torch.testing.assert_close(attention(encoder, decoder), looped_channel(encoder, decoder, torch.ones(3)))
    assert list(attention.parameters()) == []


def test_a_fresh_channel_attention_prefers_no_channel() -> None:
    fresh = ChannelAttention(4, "vectors")(maps(2, 4, 3, 3), maps(2, 4, 3, 3, seed=1))
    torch.testing.assert_close(fresh, torch.full((2, 4, 1, 1), 0.5))


# --- 4.3: spatial attention, equations 7 to 10 ------------------------------------------------------------------------
def three_maps(branch: Tensor, one: nn.Module) -> Tensor:
    """Average, 1x1 convolution and maximum over the channels of a map [channel, row, col], a pixel at a time."""
    assert isinstance(one, nn.Conv2d) and one.bias is not None
    channels, rows, cols = branch.shape
    three = torch.zeros(3, rows, cols)
    for i, j in np.ndindex(rows, cols):
        values = [float(branch[c, i, j]) for c in range(channels)]
        three[0, i, j] = sum(values) / channels
        three[1, i, j] = one.bias.item() + sum(one.weight[0, c].item() * v for c, v in enumerate(values))
        three[2, i, j] = max(values)
    return three


def seven_by_seven(three: Tensor, seven: nn.Module, step: int) -> Tensor:
    """A 7x7 convolution of three maps to one, `step` pixels between its taps, zero beyond the border."""
    assert isinstance(seven, nn.Conv2d) and seven.bias is not None
    _, rows, cols = three.shape
    out = torch.full((rows, cols), seven.bias.item())
    for i, j, m, u, v in np.ndindex(rows, cols, 3, 7, 7):
        r, s = i + (u - 3) * step, j + (v - 3) * step
        if 0 <= r < rows and 0 <= s < cols:
            out[i, j] += seven.weight[0, m, u, v].item() * float(three[m, r, s])
    return out


def looped_spatial(attention: SpatialAttention, encoder: Tensor, decoder: Tensor, kernel: str) -> Tensor:
    """M^Sp of one sample by equations 7 to 10, or by algorithm 3 without a kernel."""
    total = torch.zeros(encoder.shape[2:])
    for branch, one, seven in zip((encoder, decoder), attention.one, attention.seven, strict=True):
        three = three_maps(branch[0], one)
        total += three.sum(0) if kernel == "none" else seven_by_seven(three, seven, 2 if "dilated" in kernel else 1)
    return torch.sigmoid(total)[None, None]


@pytest.mark.parametrize("kernel", ["7x7", "7x7_dilated", "none"])
def test_spatial_attention_is_equations_7_to_10_or_algorithm_3(kernel: Any) -> None:
    torch.manual_seed(0)
    attention = SpatialAttention(2, kernel)
    encoder, decoder = maps(1, 2, 5, 6, seed=1), maps(1, 2, 5, 6, seed=2)
    expected = looped_spatial(attention, encoder, decoder, kernel)
    torch.testing.assert_close(attention(encoder, decoder).detach(), expected, atol=1e-5, rtol=1e-4)


def test_spatial_attention_without_the_7x7_on_numbers_by_hand() -> None:
    attention = SpatialAttention(2, "none")
    for one in attention.one:
        assert isinstance(one, nn.Conv2d) and one.bias is not None
        nn.init.constant_(one.weight, 0.5)
        nn.init.constant_(one.bias, -1.0)
    encoder = torch.tensor([1.0, 3.0]).reshape(1, 2, 1, 1)  # average 2, 1x1 0.5 * 4 - 1 = 1, maximum 3: 6
    decoder = torch.tensor([-4.0, -2.0]).reshape(1, 2, 1, 1)  # average -3, 1x1 -3 - 1 = -4, maximum -2: -9
    assert attention(encoder, decoder).item() == pytest.approx(sigmoid(6 - 9))


# --- 4.1: the dual attention block, equations 1 and 2, algorithm 1 ----------------------------------------------------
@pytest.mark.parametrize("products", ["equations", "algorithm_1"])
def test_dual_attention_weighs_by_channel_then_by_place(products: Any) -> None:
    torch.manual_seed(1)
    block = DualAttention(3, "vectors", "7x7", products)
    assert block.channel.weights is not None
    nn.init.normal_(block.channel.weights)
    encoder, decoder = maps(1, 3, 4, 4, seed=3), maps(1, 3, 4, 4, seed=4)
    around = sigmoid if products == "algorithm_1" else float
    by_channel = looped_channel(encoder, decoder, block.channel.weights.detach())
    weighed = [torch.zeros_like(encoder), torch.zeros_like(decoder)]
    for branch, out in zip((encoder, decoder), weighed, strict=True):
        for c in range(3):
            for i in range(4):
                for j in range(4):
                    out[0, c, i, j] = around(float(by_channel[0, c]) * float(branch[0, c, i, j]))  # eq. 1
    by_place = looped_spatial(block.spatial, weighed[0], weighed[1], "7x7")
    expected = torch.zeros_like(encoder)
    for c in range(3):
        for i in range(4):
            for j in range(4):
                expected[0, c, i, j] = around(float(by_place[0, 0, i, j]) * float(weighed[0][0, c, i, j]))  # eq. 2
    torch.testing.assert_close(block(encoder, decoder).detach(), expected, atol=1e-5, rtol=1e-4)


# --- edges ------------------------------------------------------------------------------------------------------------
SLOPES = {
    "sobel": (
        ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
        ((-1, -2, -1), (0, 0, 0), (1, 2, 1)),
    ),
    "laplacian": (((0, 1, 0), (1, -4, 1), (0, 1, 0)),),
}


@pytest.mark.parametrize(("operator", "scale"), [("sobel", 8), ("laplacian", 4)])
def test_edges_are_the_operators_magnitude_with_the_border_repeated(operator: Any, scale: int) -> None:
    image = maps(2, 3, 5, 4, seed=5)
    expected = torch.zeros_like(image)
    for b, c, i, j in np.ndindex(2, 3, 5, 4):
        squares = 0.0
        for kernel in SLOPES[operator]:
            slope = sum(
                kernel[u][v] / scale * float(image[b, c, min(max(i + u - 1, 0), 4), min(max(j + v - 1, 0), 3)])
                for u in range(3)
                for v in range(3)
            )
            squares += slope**2
        expected[b, c, i, j] = math.sqrt(squares + 1e-6)
    torch.testing.assert_close(Edges(operator)(image), expected, atol=1e-6, rtol=1e-4)


def test_a_slope_of_two_per_pixel_has_an_edge_of_two_and_a_flat_map_none() -> None:
    ramp = (2.0 * torch.arange(6.0)).expand(1, 1, 5, 6)
    edges = Edges("sobel")(ramp)
    torch.testing.assert_close(edges[..., 1:-1], torch.full((1, 1, 5, 4), 2.0))
    assert Edges("sobel")(torch.full((1, 1, 5, 5), 7.0)).max() < 2e-3


def test_the_gradient_of_a_flat_maps_edges_is_finite() -> None:
    flat = torch.zeros(1, 2, 5, 5, requires_grad=True)
    Edges("sobel")(flat).sum().backward()
    assert flat.grad is not None and torch.isfinite(flat.grad).all()


def test_edges_come_from_the_encoders_map_and_are_added_to_it() -> None:
    skip = Skip(2, small(attention="none")).eval()  # batch norm at rest divides by sqrt(1 + 1e-5)
    encoder, decoder = maps(1, 2, 6, 6, seed=6), maps(1, 2, 6, 6, seed=7)
    out = skip(encoder, decoder)
    torch.testing.assert_close(out[:, :2], encoder + Edges("sobel")(encoder) / math.sqrt(1 + 1e-5))
    assert torch.equal(out[:, 2:], decoder)


# --- dense blocks -----------------------------------------------------------------------------------------------------
def test_every_dense_layer_reads_the_input_and_all_layers_before_it() -> None:
    block = DenseBlock(3, 8, 3).eval()
    reads = [layer[0].in_channels for layer in block.layers]  # pyright: ignore[reportIndexIssue]
    gives = [layer[0].out_channels for layer in block.layers]  # pyright: ignore[reportIndexIssue]
    assert gives == [2, 3, 3] and reads == [3, 3 + 2, 3 + 2 + 3]
    image = maps(1, 3, 5, 5)
    first = block.layers[0](image)
    second = block.layers[1](torch.cat([image, first], 1))
    third = block.layers[2](torch.cat([image, first, second], 1))
    torch.testing.assert_close(block(image), torch.cat([first, second, third], 1) + block.link(image))


# --- the loss: equations 11 and 12 ------------------------------------------------------------------------------------
def test_dsc_loss_is_equation_12_of_each_structure_over_the_batch() -> None:
    logits = maps(2, 3, 4, 5, seed=8)
    labels = torch.randint(0, 4, (2, 4, 5), generator=torch.Generator().manual_seed(9))
    scores = []
    for s in range(3):
        both = found = drawn = 0.0
        for b, i, j in np.ndindex(2, 4, 5):
            p, y = sigmoid(float(logits[b, s, i, j])), float(labels[b, i, j] == s + 1)
            both, found, drawn = both + p * y, found + p, drawn + y
        scores.append((2 * both + 0.5) / (found + drawn + 0.5))
    assert dsc_loss(logits, labels, 0.5).item() == pytest.approx(1 - sum(scores) / 3, abs=1e-6)


def test_dsc_loss_on_numbers_by_hand() -> None:
    logits = torch.tensor([[[[0.0, 0.0, 0.0, 0.0]]]])  # one half everywhere; 2 * 1 / (2 + 2) = one half
    labels = torch.tensor([[[1, 1, 0, 0]]])
    assert dsc_loss(logits, labels, 0.0).item() == pytest.approx(0.5)
    assert dsc_loss(logits, torch.zeros_like(labels), 1.0).item() == pytest.approx(1 - 1 / 3)  # absent: 1 / (2 + 1)


class Told(nn.Module):
    """Answers what it was told to."""

    def __init__(self, outputs: Outputs) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, image: Tensor) -> Outputs:
        del image
        return self.outputs


@pytest.mark.parametrize("objective", ["dsc", "dice_ce"])
def test_the_loss_is_equation_11(objective: Any) -> None:
    stage = DaduStage(small(objective=objective), FIT)
    answers = [maps(1, 4, 4, 4, seed=seed) for seed in range(3)]
    labels = torch.randint(0, 4, (1, 4, 4), generator=torch.Generator().manual_seed(3))
    eta = torch.tensor([0.5, 0.25])
    batch = Batch(torch.zeros(1, 1, 4, 4), {"labels": labels}, {})
    whole = stage.loss(Told(Outputs(answers[0], (answers[1], answers[2]), eta)), batch, torch.Generator())
    alone = [stage.loss(Told(Outputs(answer, (), eta)), batch, torch.Generator()).total.item() for answer in answers]
    assert whole.total.item() == pytest.approx(alone[0] + 0.5 * alone[1] + 0.25 * alone[2], abs=1e-6)
    assert {name: float(term) for name, term in whole.terms.items()} == pytest.approx(
        {"final": alone[0], "auxiliary_1": alone[1], "eta_1": 0.5, "auxiliary_2": alone[2], "eta_2": 0.25}, abs=1e-6
    )


@pytest.mark.parametrize("smooth", [0.5, 1.0])
def test_smooth_is_that_of_either_objectives_dice(smooth: float) -> None:
    labels = torch.tensor([[[1, 1, 0, 0]]])
    batch = Batch(torch.zeros(1, 1, 1, 4), {"labels": labels}, {})

    def total(objective: str, n_logits: int) -> float:
        answer = Told(Outputs(torch.zeros(1, n_logits, 1, 4), (), torch.ones(0)))
        return (
            DaduStage(small(objective=objective, smooth=smooth), FIT)
            .loss(answer, batch, torch.Generator())
            .total.item()
        )

    by_hand = 1 - (2 * 1 + smooth) / (2 + 2 + smooth)  # one half at each of four pixels, two of them drawn
    assert total("dsc", 1) == pytest.approx(by_hand)
    assert total("dice_ce", 2) == pytest.approx(by_hand + math.log(2))


def test_every_decoder_level_answers_at_full_size_in_training_and_the_last_alone_afterwards() -> None:
    net, image = net_of(SMALL), torch.rand(2, 1, 24, 40)
    outputs = net.train()(image)
    assert outputs.final.shape == (2, 3, 24, 40)
    assert [logits.shape for logits in outputs.auxiliary] == [(2, 3, 24, 40)] * 2  # four levels, the last is the final
    assert net.eval()(image).auxiliary == ()


def test_a_learned_eta_starts_as_configured_and_never_falls_below_its_floor() -> None:
    net, image = net_of(small(eta=0.5, eta_floor=0.1)), torch.zeros(1)
    torch.testing.assert_close(net.eta(image), torch.tensor([0.5, 0.5]))
    optimiser = torch.optim.SGD([net.excess], lr=100.0)  # pyright: ignore[reportArgumentType]
    for _ in range(50):
        optimiser.zero_grad()
        net.eta(image).sum().backward()  # a loss of 1 on each path
        optimiser.step()
    assert (net.eta(image) >= 0.1).all() and (net.eta(image) < 0.11).all()


def test_a_fixed_eta_is_no_parameter() -> None:
    net = net_of(small(supervision="fixed_eta", eta=0.3))
    assert "excess" not in dict(net.named_parameters())
    torch.testing.assert_close(net.eta(torch.zeros(1)), torch.tensor([0.3, 0.3]))


def test_the_floor_is_of_a_learned_eta_alone() -> None:
    fixed = PAPER.overlaid({"segment": {"supervision": "fixed_eta", "eta": 0.05}}).segment
    small_net = net_of(small(supervision=fixed.supervision, eta=fixed.eta))
    torch.testing.assert_close(small_net.eta(torch.zeros(1)), torch.tensor([0.05, 0.05]))


# --- probabilities ----------------------------------------------------------------------------------------------------
def test_probabilities_are_those_of_independent_structures_given_that_no_two_share_a_pixel() -> None:
    logits = maps(1, 2, 1, 3, seed=11)
    probs = structure_probs(logits)
    for j in range(3):
        p, q = (sigmoid(float(logits[0, s, 0, j])) for s in range(2))
        none, first, second = (1 - p) * (1 - q), p * (1 - q), (1 - p) * q  # both at once is ruled out
        expected = np.array([none, first, second]) / (none + first + second)
        np.testing.assert_allclose(probs[0, :, 0, j], expected, rtol=1e-5)


def test_a_pixel_is_background_exactly_where_no_sigmoid_exceeds_one_half() -> None:
    logits = torch.tensor([[-0.1, 0.1, 2.0], [-3.0, -3.0, 3.0]]).reshape(1, 2, 1, 3)
    assert structure_probs(logits).argmax(1).flatten().tolist() == [0, 1, 2]


# --- ablations, options, sizes ----------------------------------------------------------------------------------------
def names_of(config: DaduConfig) -> set[str]:
    return {name for name, _ in net_of(config).named_parameters()}


@pytest.mark.parametrize(
    ("change", "gone"),
    [
        ({"attention": "none"}, ".attention."),
        ({"edges": "none"}, ".edges."),
        ({"supervision": "none"}, "auxiliary."),
    ],
)
def test_an_ablation_takes_away_its_own_part_and_nothing_else(change: dict[str, Any], gone: str) -> None:
    whole, without = names_of(SMALL), names_of(small(**change))
    assert without < whole
    assert all(gone in name or (gone == "auxiliary." and name == "excess") for name in whole - without)
    assert not any(gone in name for name in without)


@pytest.mark.parametrize(
    "change",
    [
        {"attention": "none"},
        {"edges": "none"},
        {"edges": "laplacian"},
        {"channel_weights": "numbers"},
        {"channel_weights": "none"},
        {"spatial_kernel": "7x7_dilated"},
        {"spatial_kernel": "none"},
        {"products": "algorithm_1"},
    ],
)
def test_each_option_changes_the_answer_of_otherwise_equal_weights(change: dict[str, Any]) -> None:
    one, other = net_of(SMALL).eval(), net_of(small(**change), seed=1).eval()
    for net in (one, other):
        for skip in net.skips:
            for name, parameter in skip.named_parameters():
                if "channel.weights" in name:
                    nn.init.constant_(parameter, 0.1)
    shared = {name: value for name, value in one.state_dict().items() if name in other.state_dict()}
    fitting = {name: value for name, value in shared.items() if value.shape == other.state_dict()[name].shape}
    other.load_state_dict(fitting, strict=False)
    image = maps(1, 1, 32, 32, seed=12)
    assert (one(image).final - other(image).final).abs().max() > 1e-5


def test_supervision_changes_the_loss_and_not_the_answer() -> None:
    with_paths, without = net_of(SMALL).train(), net_of(small(supervision="none")).train()
    without.load_state_dict({k: v for k, v in with_paths.state_dict().items() if k in without.state_dict()})
    image = maps(2, 1, 32, 32)
    assert torch.equal(with_paths(image).final, without(image).final)
    assert len(with_paths(image).auxiliary) == 2 and without(image).auxiliary == ()


@pytest.mark.parametrize("size", [(8, 8), (33, 50), (17, 9)])
def test_there_is_an_answer_for_every_pixel_at_odd_sizes(size: tuple[int, int]) -> None:
    assert net_of(SMALL).eval()(torch.rand(2, 1, *size)).final.shape == (2, 3, *size)


@pytest.mark.parametrize(
    "config", [SMALL, small(spatial_kernel="none", channel_weights="numbers"), small(edges="laplacian")]
)
def test_gradients_reach_every_parameter(config: DaduConfig) -> None:
    stage, labels = DaduStage(config, FIT), torch.randint(0, 4, (2, 32, 32), generator=torch.Generator().manual_seed(0))
    net = stage.build(ACDC).train()
    batch = Batch(maps(2, 1, 32, 32), {"labels": labels}, {})
    stage.loss(net, batch, torch.Generator()).total.backward()
    assert [name for name, held in net.named_parameters() if held.grad is None or not held.grad.any()] == []


def test_an_image_smaller_than_the_deepest_level_is_refused() -> None:
    with pytest.raises(WrongDimensions, match="at least 8 rows"):
        net_of(SMALL)(torch.rand(1, 1, 7, 32))


@pytest.mark.parametrize(
    "change",
    [
        {"edges": "canny"},
        {"eta": 0.0},
        {"eta": 0.05},  # below the floor
        {"eta_floor": 0.0},
        {"dense_layers": 0},
        {"widths": [8]},
        {"attention": "channel"},
        {"window": {"fit": "squeeze"}},
    ],
)
def test_settings_that_mean_nothing_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadConfiguration):
        PAPER.overlaid({"segment": change})


# --- the stage on studies, and the recipes ----------------------------------------------------------------------------
def test_the_paper_recipe_says_that_slices_were_aligned() -> None:
    stage, study = DaduStage(SMALL, FIT), ring_study(n_frames=1)
    net = stage.build(ACDC).eval()
    found: Found = run_stage(stage, [net], study, None, [0], Compute("cpu", False))
    assert [note.code for note in found.notes] == ["SA-W030"]
    kept = DaduStage(small(window=WholeSliceConfig(size_px=32, misalignment="kept")), FIT)
    assert run_stage(kept, [net], study, None, [0], Compute("cpu", False)).notes == ()


def test_the_paper_looks_at_whole_slices_and_the_tuned_recipe_at_the_unets_window() -> None:
    assert [stage.name for stage in stages(PAPER)] == ["segment"]
    assert [stage.name for stage in stages(TUNED)] == ["locate", "segment"]
    assert TUNED.segment.window == unet.TUNED.segment.crop
    assert TUNED.segment_fit == unet.TUNED.segment_fit and TUNED.locate == unet.TUNED.locate
    assert PAPER.segment.window == WholeSliceConfig(size_px=256, fit="pad", misalignment="corrected", augment=None)


@pytest.mark.parametrize("locate", [{}, {"input_size": 64, "aggregate": "study"}])
def test_a_locator_before_whole_slices_which_would_pass_over_its_box_is_refused(locate: dict[str, Any]) -> None:
    with pytest.raises(BadConfiguration, match="segment: .*whole slice.*locate at none"):
        PAPER.overlaid({"locate": locate})
    for none in (None, "none"):
        assert [stage.name for stage in stages(PAPER.overlaid({"locate": none}))] == ["segment"]
        assert [stage.name for stage in stages(TUNED.overlaid({"locate": none}))] == ["segment"]  # a crop may be alone


def test_the_paper_recipe_is_the_papers() -> None:
    fit = PAPER.segment_fit
    assert (fit.optimiser, fit.learning_rate, fit.batch, fit.keep) == ("adam", 1e-3, 10, "best")
    assert fit.validate_every == EPOCH and fit.steps == 100 * EPOCH
    assert METHOD.default_scheme is ACDC


@pytest.mark.realdata
@pytest.mark.skipif("SHORTAXIS_DATA" not in os.environ, reason="SHORTAXIS_DATA is not set")
def test_an_epoch_is_four_fifths_of_acdcs_training_slices_in_batches_of_ten() -> None:
    import nibabel

    from shortaxis.read.acdc import find_acdc

    folders = [
        folder for folder in find_acdc(Path(os.environ["SHORTAXIS_DATA"]) / "acdc") if folder.name <= "patient100"
    ]
    slices = sum(nibabel.load(path).shape[2] for folder in folders for path in folder.glob("*_gt.nii*"))  # pyright: ignore
    assert (len(folders), slices) == (100, 1902)
    assert round(slices * 0.8 / 10) == EPOCH


def test_the_parameter_counts_are_those_of_the_documentation() -> None:
    paper, tuned = (DaduStage(recipe.segment, recipe.segment_fit).build(ACDC) for recipe in (PAPER, TUNED))
    assert parameters(paper) == 5_146_455
    assert parameters(tuned) == 3_044_984


def kept_for_backward_gb(config: DaduConfig) -> float:
    """What a training step on a batch of ten 256 x 256 slices keeps for the way back, in 10^9 bytes; nothing is computed."""
    held: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        held[storage._cdata] = storage.nbytes()
        return tensor

    with torch.device("meta"):
        net = DaduNet(config, 1, 3).train()
        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            outputs = net(torch.empty(10, 1, 256, 256))
    assert outputs.final.shape == (10, 3, 256, 256)
    return sum(held.values()) / 1e9


def test_the_chosen_widths_fit_the_papers_4_gb_and_twice_as_wide_would_not() -> None:
    assert kept_for_backward_gb(PAPER.segment) == pytest.approx(3.0, abs=0.1)
    wide = PAPER.segment.model_copy(update={"widths": (64, 128, 256, 512, 1024)})
    assert kept_for_backward_gb(wide) == pytest.approx(6.1, abs=0.1)


@pytest.mark.parametrize("recipe", [PAPER, TUNED], ids=["paper", "tuned"])
def test_a_recipe_survives_being_written_into_a_model_file(recipe: Any) -> None:
    assert recipe.overlaid(json.loads(recipe.model_dump_json())) == recipe


def test_bfloat16_answers_lie_near_float32s() -> None:
    stage, image = DaduStage(SMALL, FIT), maps(2, 1, 32, 32)
    net = stage.build(ACDC)
    for _ in range(20):  # running statistics of its own maps, as after training
        net.train()(image)
    batch = Batch(image, {}, {})
    with torch.inference_mode():
        exact = stage.infer(net.eval(), batch, torch.Generator()).probs
        with torch.autocast("cpu", torch.bfloat16):
            rough = stage.infer(net, batch, torch.Generator()).probs
    assert exact is not None and rough is not None and rough.dtype == torch.float32
    assert (exact - rough).abs().max() < 0.03
