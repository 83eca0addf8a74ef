"""3D Attention M-net: the gate against loops, the network's promises, the stage's losses and windows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from shortaxis.core.compute import Compute
from shortaxis.core.found import Found
from shortaxis.core.labels import ACDC, LEFT_VENTRICLE, MYOCARDIUM_ALONE, SCHEMES
from shortaxis.core.recipe import FitRecipe
from shortaxis.core.sample import Sample, collate
from shortaxis.losses.contour_refining import combined_loss
from shortaxis.methods.attention_mnet import (
    METHOD,
    PAPER,
    TUNED,
    AttentionMNet,
    AttentionMNetConfig,
    AttentionMNetRecipe,
    AttentionMNetStage,
    DualAttentionGate,
    resize,
)
from shortaxis.prepare.heart_crop import HeartCropConfig
from shortaxis.prepare.heart_volume import HeartVolumeConfig, SliceBlock, cut_volumes, vary_volume, volume_examples
from shortaxis.read.phantom_mouse import MouseRecipe, make_mouse_phantom
from shortaxis.repair.components import keep_heart
from shortaxis.train.loop import FitRun, fit, validate
from tests.lookalike.ring_study import MYOCARDIUM, ring_study

WINDOW = HeartVolumeConfig(plane=HeartCropConfig(size_px=32, pixel_mm=2.0, room_px=4, grey="stack"), depth=4)
SMALL = AttentionMNetConfig(
    window=WINDOW, input_width=2, widths=(4, 4, 6, 8), blocks=2, blocks_across=1, pool=(1, 2, 2),
    gate_kernel=(3, 5, 5), gate_ratio=2, fuse_width=4, fuse_reduced=3,
)  # fmt: skip
FIT = FitRecipe(steps=2, batch=2, learning_rate=1e-2, validate_every=1)
STAGE = AttentionMNetStage(SMALL, FIT)


def parameters(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


# --- the gate ---------------------------------------------------------------------------------------------------------
def weights_of(module: nn.Module) -> tuple[np.ndarray, np.ndarray]:
    assert isinstance(module, nn.Conv3d) and module.bias is not None
    return module.weight.detach().numpy().astype(float), module.bias.detach().numpy().astype(float)


def loop_spatial(maps: np.ndarray, mixed: nn.Module, look: nn.Module) -> np.ndarray:
    """One side of figure 3c for maps [C, S, H, W], voxel by voxel."""
    (w1, b1), (w, b) = weights_of(mixed), weights_of(look)
    channels, *shape = maps.shape
    summary = np.zeros((3, *shape))
    for place in np.ndindex(*shape):
        column = [maps[(c, *place)] for c in range(channels)]
        one = sum(w1[0, c, 0, 0, 0] * column[c] for c in range(channels)) + b1[0]
        summary[(slice(None), *place)] = max(column), sum(column) / channels, one
    result = np.full(shape, b[0])
    for place in np.ndindex(*shape):
        for tap in np.ndindex(3, *w.shape[2:]):
            at = tuple(p + t - k // 2 for p, t, k in zip(place, tap[1:], w.shape[2:], strict=True))
            if all(0 <= a < n for a, n in zip(at, shape, strict=True)):
                result[place] += w[(0, *tap)] * summary[(tap[0], *at)]
    return result


def loop_channel(maps: np.ndarray, of_mean: nn.Module, of_max: nn.Module) -> np.ndarray:
    (wm, bm), (wx, bx) = weights_of(of_mean), weights_of(of_max)
    flat = maps.reshape(len(maps), -1)
    return np.array(
        [
            sum(wm[h, c, 0, 0, 0] * flat[c].mean() + wx[h, c, 0, 0, 0] * flat[c].max() for c in range(len(maps)))
            + bm[h]
            + bx[h]
            for h in range(len(bm))
        ]
    )


def test_the_gates_two_maps_are_what_loops_give() -> None:
    torch.manual_seed(0)
    gate = DualAttentionGate(4, (3, 3, 5), 2)
    encoder, decoder = torch.randn(2, 4, 2, 3, 4), torch.randn(2, 4, 2, 3, 4)
    spatial, channel = (weights.detach().numpy() for weights in gate.weights(encoder, decoder))
    wide, bias = weights_of(gate.widen)
    for b in range(2):
        sides = (encoder[b].numpy(), decoder[b].numpy())
        total, hidden = np.zeros((2, 3, 4)), np.zeros(2)
        for maps, at, through in zip(sides, gate.spatial, gate.channel, strict=True):
            total += loop_spatial(maps, at.mixed, at.look)  # type: ignore[arg-type]
            hidden += loop_channel(maps, through.of_mean, through.of_max)  # type: ignore[arg-type]
        np.testing.assert_allclose(spatial[b, 0], 1 / (1 + np.exp(-total)), atol=1e-5)
        widened = wide[:, :, 0, 0, 0] @ hidden + bias
        np.testing.assert_allclose(channel[b, :, 0, 0, 0], 1 / (1 + np.exp(-widened)), atol=1e-5)
    torch.testing.assert_close(gate(encoder, decoder), encoder * torch.tensor(spatial) * torch.tensor(channel))


def test_a_gate_that_knows_nothing_lets_a_quarter_through() -> None:
    """Both sigmoids of 0 are 1/2, in parallel."""
    gate = DualAttentionGate(3, (3, 3, 3), 2)
    for parameter in gate.parameters():
        nn.init.zeros_(parameter)
    maps = torch.rand(1, 3, 2, 4, 4)
    torch.testing.assert_close(gate(maps, maps), maps / 4)


def test_the_gate_keeps_batch_places_apart() -> None:
    gate = DualAttentionGate(2, (3, 3, 3), 2)
    maps = torch.rand(2, 2, 2, 4, 4)
    torch.testing.assert_close(gate(maps, maps)[:1], gate(maps[:1], maps[:1]))


# --- the network ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("shape", [(4, 32, 32), (1, 16, 16), (5, 27, 33), (9, 20, 18)])
@pytest.mark.parametrize("pool", [(1, 2, 2), (2, 2, 2)])
def test_there_is_a_logit_for_every_structure_and_voxel_at_any_size(
    shape: tuple[int, int, int], pool: tuple[int, int, int]
) -> None:
    net = AttentionMNet(SMALL.model_copy(update={"pool": pool}), 3).eval()
    fused, *sides = net(torch.rand(2, 1, *shape))
    assert fused.shape == (2, 3, *shape) and len(sides) == 3
    for level, side in enumerate(sides, 1):
        assert side.shape[1] == 3 and side.shape[3] == -(-shape[1] // 2**level)


def test_gradients_reach_every_parameter() -> None:
    net = AttentionMNet(SMALL, 2)
    sum(logits.square().sum() for logits in net(torch.rand(2, 1, 4, 32, 32))).backward()  # type: ignore[union-attr]
    silent = [name for name, held in net.named_parameters() if held.grad is None or not held.grad.abs().sum() > 0]
    assert silent == []


@pytest.mark.parametrize(
    ("widths", "fusion", "count"),
    [
        ((32, 64, 128, 256), 96, 24_667_244),
        ((32, 64, 128, 256), 64, 24_114_124),
        ((32, 64, 128, 256), 32, 23_616_300),
        ((16, 32, 64, 128), 96, 6_725_892),
        ((64, 128, 256, 512), 96, 94_970_364),
    ],
)
def test_one_sequence_of_widths_meets_the_published_count(widths: tuple[int, ...], fusion: int, count: int) -> None:
    """Table I: 24,657,034; the figures of docs/papers/attention-mnet.md."""
    with torch.device("meta"):
        net = AttentionMNet(AttentionMNetConfig(widths=widths, fuse_width=fusion), 1)
    assert parameters(net) == count
    assert (abs(count / 24_657_034 - 1) < 1e-3) == (widths[0] == 32 and fusion == 96)


def test_the_tuned_network_is_small() -> None:
    with torch.device("meta"):
        assert parameters(AttentionMNet(TUNED.segment, 3)) < 3_000_000


def test_slices_are_seen_together_and_yet_each_has_its_answer() -> None:
    net = AttentionMNet(SMALL, 1).eval()
    one = torch.rand(1, 1, 4, 32, 32)
    other = one.clone()
    other[:, :, 3] += 5
    assert not torch.allclose(net(one)[0][:, :, 2], net(other)[0][:, :, 2])


def test_the_input_reaches_every_level_by_the_left_leg() -> None:
    net = AttentionMNet(SMALL, 1)
    assert [block[0][0].in_channels for block in net.encoder] == [2, 4 + 2, 4 + 2, 6 + 2]  # type: ignore[index]


def test_resizing_with_the_same_slices_is_trilinear_too() -> None:
    maps = torch.rand(2, 3, 5, 4, 6)
    size = torch.Size((5, 9, 12))
    expected = nn.functional.interpolate(maps, size, mode="trilinear", align_corners=False)
    torch.testing.assert_close(resize(maps, size), expected)


# --- the stage --------------------------------------------------------------------------------------------------------
def batch_of(stage: AttentionMNetStage, scheme_name: str = "acdc") -> list[Sample]:
    return [stage.augment(sample, None) for sample in stage.examples(ring_study(), SCHEMES[scheme_name], None)]


def test_the_loss_is_the_weighted_sum_over_four_outputs() -> None:
    net = STAGE.build(ACDC).eval()
    batch = collate(batch_of(STAGE))
    loss = STAGE.loss(net, batch, torch.Generator())
    fields, expected = batch.fields, 0.0
    for weight, logits in zip((1.0, 0.5, 0.5, 0.5), net(batch.image), strict=True):
        full = nn.functional.interpolate(logits, batch.image.shape[2:], mode="trilinear", align_corners=False)
        part, terms = combined_loss(full, fields["labels"], fields["drawn"], fields["weights"], (1.0, 1.0, 3.0))
        expected += weight * float(part.detach())
        if weight == 1.0:
            assert float(loss.terms["generalised_dice"]) == pytest.approx(terms["generalised_dice"].item(), rel=1e-5)
    assert float(loss.total) == pytest.approx(expected, rel=1e-5)


def test_without_the_distance_loss_no_weights_are_made() -> None:
    stage = AttentionMNetStage(SMALL.model_copy(update={"distance_weight": 0.0}), FIT)
    batch = collate(batch_of(stage))
    assert set(batch.fields) == {"labels", "drawn"}
    assert set(stage.loss(stage.build(ACDC), batch, torch.Generator()).terms) == {"generalised_dice", "cross_entropy"}


def test_the_weight_map_is_made_once_and_moves_with_the_labels() -> None:
    example = next(iter(STAGE.examples(ring_study(), ACDC, None)))
    assert example.fields["weights"].array.shape == (3, *example.fields["labels"].array.shape)
    for rng in (None, np.random.default_rng(2)):
        moved = STAGE.augment(example, rng)
        for channel, code in enumerate(ACDC.codes):
            inside = moved.fields["labels"].array == code
            weights = moved.fields["weights"].array[channel]
            assert weights[inside].mean() > 0.95 and weights[~inside].mean() < 0.3


def test_distance_counts_slices_by_their_thickness_or_not_at_all() -> None:
    study = ring_study(spacing_mm=(8.0, 2.0, 2.0))
    assert study.labels is not None
    array = study.labels.array.copy()
    array[:, 2] = 0  # nothing drawn in one slice
    study = replace(study, labels=replace(study.labels, array=array))
    flat = AttentionMNetStage(SMALL.model_copy(update={"distance": "2d"}), FIT)
    solid = next(iter(STAGE.examples(study, ACDC, None))).fields["weights"].array
    plane = next(iter(flat.examples(study, ACDC, None))).fields["weights"].array
    assert not plane[:, 2].any()
    assert float(solid[:, 2].max()) == pytest.approx(1 / (1 + 8.0 / 2.0), rel=1e-2)  # four pixels away


def test_the_weight_map_is_of_the_whole_reference_though_a_block_holds_none_of_it() -> None:
    study = ring_study(spacing_mm=(8.0, 2.0, 2.0), slices=8)
    assert study.labels is not None
    array = study.labels.array.copy()
    array[:, 4:] = 0  # the reference ends where the second block of four slices begins
    study = replace(study, labels=replace(study.labels, array=array))
    first, second, *_ = STAGE.examples(study, ACDC, None)
    assert first.fields["labels"].array.any() and not second.fields["labels"].array.any()
    nearest = [float(second.fields["weights"].array[:, at].max()) for at in range(4)]
    pixels = [8.0 / 2.0 * away for away in (1, 2, 3, 4)]
    assert nearest == pytest.approx([1 / (1 + distance) for distance in pixels], rel=1e-2)


def test_the_plateau_follows_the_generalised_dice_of_the_fused_output(tmp_path: Path) -> None:
    examples = list(STAGE.examples(ring_study(), LEFT_VENTRICLE, None))
    compute = Compute("cpu", False)
    state = fit(STAGE, LEFT_VENTRICLE, examples, examples, FitRun(tmp_path, compute, {}, workers=0))
    net = STAGE.build(LEFT_VENTRICLE)
    net.load_state_dict(state.net)
    terms = validate(STAGE, net, examples, compute)
    assert state.validation_losses[-1] == pytest.approx(terms["generalised_dice"], rel=1e-5)
    assert terms["loss"] > terms["generalised_dice"]


@pytest.mark.parametrize(("name", "balance"), [("myocardium", "classes"), ("acdc", "none")])
def test_one_case_can_be_learnt_by_heart(name: str, balance: str) -> None:
    """The published head and loss on one structure, ours on three."""
    torch.manual_seed(0)
    window = WINDOW.model_copy(update={"depth": 2})
    changes = {"window": window, "balance": balance, "blocks": 1, "gate_kernel": (1, 3, 3)}
    stage = AttentionMNetStage(SMALL.model_copy(update=changes), FIT)
    examples = stage.examples(ring_study(n_frames=1, slices=2), SCHEMES[name], None)
    batch, net = collate([stage.augment(sample, None) for sample in examples]), stage.build(SCHEMES[name]).train()
    optimiser = torch.optim.Adam(net.parameters(), 0.02)
    for _ in range(100):
        optimiser.zero_grad()
        stage.loss(net, batch, torch.Generator()).total.backward()
        optimiser.step()
    probs = stage.infer(net, batch, torch.Generator()).probs
    labels = batch.fields["labels"]
    assert probs is not None
    for code in range(1, probs.shape[1]):
        found, drawn = probs.argmax(1) == code, labels == code
        assert 2 * (found & drawn).sum() / (found.sum() + drawn.sum()) > 0.85


# --- windows, recipes -------------------------------------------------------------------------------------------------
def test_a_mouse_is_seen_at_the_published_voxel() -> None:
    study = ring_study(slices=8, spacing_mm=(0.8, 0.1307, 0.1307), rows=100, cols=100, centre=(50, 50))
    (sample,) = cut_volumes(study, None, [0], PAPER.segment.window)
    block = sample.place.steps[-1]
    assert sample.image.shape == (1, 36, 96, 96)
    assert isinstance(block, SliceBlock) and block.factor == 5 and block.held.all()


def test_a_dilated_mouse_heart_is_seen_at_the_published_voxel_too() -> None:
    """A ventricle of 7.6 mm, more than half of the window's 12.5 mm; without its species it would be scaled."""
    study = ring_study(slices=8, spacing_mm=(0.8, 0.51, 0.51))
    stage, pixel_px = AttentionMNetStage(PAPER.segment, FIT), 0.51 / 0.1307
    for species, expected in (("mouse", 15 * pixel_px), (None, 48)):
        known = replace(study, facts=replace(study.facts, species=species))
        sample = next(iter(stage.examples(known, MYOCARDIUM_ALONE, None)))
        rows = np.flatnonzero(sample.fields["labels"].array.any(axis=(0, 2)))
        assert rows[-1] - rows[0] + 1 == pytest.approx(expected, abs=2)
        found = Found((0,), boxes=np.tile(np.array([14.0, 12.0, 28.0, 26.0]), (1, 8, 1)))
        (block,) = {
            step for step in next(iter(stage.cut(known, found, [0]))).place.steps if isinstance(step, SliceBlock)
        }
        assert (block.factor == 5) == (species == "mouse")


def test_a_human_heart_is_seen_with_voxels_scaled_to_it() -> None:
    """A ventricle of about 70 mm takes half the window; slices 10 mm apart come out near 0.16 / 0.1307 of a pixel."""
    study = ring_study(slices=10, spacing_mm=(10.0, 4.3, 4.3))
    sample = next(iter(AttentionMNetStage(PAPER.segment, FIT).examples(study, MYOCARDIUM_ALONE, None)))
    labels = sample.fields["labels"].array
    rows = np.flatnonzero(labels.any(axis=(0, 2)))
    assert 44 <= rows[-1] - rows[0] + 1 <= 50
    block = sample.place.steps[-1]
    pixel_mm = 15 * 4.3 / 48
    assert isinstance(block, SliceBlock) and block.factor == round(10 / pixel_mm / (0.16 / 0.1307))


def test_the_paper_recipe_is_the_papers() -> None:
    fit_recipe, config = PAPER.segment_fit, PAPER.segment
    assert (fit_recipe.learning_rate, fit_recipe.batch, fit_recipe.steps / fit_recipe.validate_every) == (1e-4, 8, 150)
    assert (fit_recipe.plateau_patience, fit_recipe.plateau_factor, fit_recipe.plateau_min_delta) == (8, 0.5, 1e-4)
    assert (config.dice_weight, config.entropy_weight, config.distance_weight) == (1, 1, 3)
    assert config.level_weights == (1, 0.5, 0.5, 0.5) and config.blocks == config.blocks_across == 4
    assert METHOD.default_scheme is MYOCARDIUM_ALONE and "mouse" in METHOD.accepts.species


def test_a_ring_without_a_cavity_in_the_scheme_stays_a_ring() -> None:
    study = ring_study()
    assert study.labels is not None
    ring = (study.labels.array[0] == MYOCARDIUM).astype(np.uint8)
    np.testing.assert_array_equal(keep_heart(ring, MYOCARDIUM_ALONE), ring)


def test_laid_over_the_tuned_recipe_a_mouses_pixel_makes_its_ventricle_many_pixels_wide_and_keeps_it_whole() -> None:
    study = make_mouse_phantom(MouseRecipe(frames=2)).study

    def widest_px(recipe: AttentionMNetRecipe) -> int:
        window = recipe.segment.window
        sample = next(iter(volume_examples(study, LEFT_VENTRICLE, window)))
        drawn = np.asarray(vary_volume(sample, None, window).fields["labels"].array, int) > 0  # [slice, row, col]
        assert drawn.any(axis=(1, 2)).sum() >= 7 and drawn.shape[0] == window.depth  # every slice of the stack, at once
        rows = np.flatnonzero(drawn.any(axis=(0, 2)))
        assert rows[0] > 0 and rows[-1] < drawn.shape[1] - 1
        return int(np.ptp(rows)) + 1

    assert widest_px(TUNED) < 8
    mice = METHOD.recipe_for("tuned", "mouse")
    assert isinstance(mice, AttentionMNetRecipe)
    assert mice.segment.window.plane.pixel_mm == PAPER.segment.window.plane.pixel_mm
    assert widest_px(mice) > 40
