"""FOANet is the published one where it says so: layers, parameters, boxes, recipes, and weights from ImageNet's VGG16."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from shortaxis.core.compute import Compute
from shortaxis.core.errors import BadConfiguration, BadWeights, MissingFile
from shortaxis.core.labels import ACDC, LEFT_VENTRICLE
from shortaxis.core.recipe import FitRecipe
from shortaxis.core.sample import collate
from shortaxis.experiments.compare.quick import SMALL, laid_over
from shortaxis.files.tensors import load_tensors
from shortaxis.methods.baselines.unet import UNetConfig, UNetStage
from shortaxis.methods.foanet import (
    METHOD,
    PAPER,
    TABLE_I,
    TUNED,
    FoaNet,
    FoaRecipe,
    LocateConfig,
    LocateStage,
    NetConfig,
    Part2,
    SegmentConfig,
    SegmentStage,
    stages,
    up_convolution,
)
from shortaxis.methods.vgg16 import load_vgg16
from shortaxis.predict.run import run_stage
from shortaxis.prepare.focus_window import FocusWindowConfig
from shortaxis.prepare.slice_window import SliceWindowConfig
from shortaxis.train.encoder import starts_from_encoder
from shortaxis.train.loop import FitRun, fit
from tests.lookalike.ring_study import ring_study

TINY, K = (2, 3, 4, 4, 4), (2, 2, 2, 2, 2)
FIT = FitRecipe(steps=2, batch=1)
TORCHVISION = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]  # vgg16().features' convolutions


def tiny(part: str = "part2", **changes: object) -> NetConfig:
    return NetConfig.model_validate({"part": part, "widths": TINY, "specialised": K, **changes})


def parameters(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


# --- layers -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("part", ["part1", "part2"])
def test_the_base_is_vgg16_under_torchvisions_names(part: str) -> None:
    net = FoaNet(tiny(part), 3)
    convolutions = [name for name, held in net.named_modules() if isinstance(held, nn.Conv2d) and "features" in name]
    assert convolutions == [f"features.{index}" for index in TORCHVISION]
    assert [name for name, held in net.features.named_children() if isinstance(held, nn.MaxPool2d)] == [
        "4", "9", "16", "23",
    ]  # fmt: skip


def test_part_2_is_three_dilated_convolutions_in_the_deep_stages() -> None:
    net = FoaNet(tiny("part2"), 3)
    dilated = [name for name, held in net.named_modules() if isinstance(held, nn.Conv2d) and held.dilation == (2, 2)]
    own = [f"parts.{stage}.{which}.0" for stage in (2, 3, 4) for which in ("second", "third")]
    assert sorted(dilated) == sorted(["features.14", "features.21", "features.28", *own])
    plain = FoaNet(tiny("part1"), 3)
    assert all(held.dilation == (1, 1) for held in plain.modules() if isinstance(held, nn.Conv2d))


def test_part_2_hands_on_its_last_map_and_concatenates_all_three() -> None:
    torch.manual_seed(0)
    part, maps = Part2(4, "none"), torch.randn(1, 4, 6, 6)
    last, joined = part(maps)
    assert joined.shape == (1, 12, 6, 6)
    torch.testing.assert_close(joined[:, :4], maps)
    torch.testing.assert_close(joined[:, 4:8], part.second(maps))
    torch.testing.assert_close(joined[:, 8:], last)


def test_a_dilated_convolution_reads_every_second_pixel() -> None:
    part, maps = Part2(1, "none"), torch.zeros(1, 1, 7, 7)
    maps[0, 0, 3, 3] = 1.0
    convolution = part.second[0]
    assert isinstance(convolution, nn.Conv2d)
    seen = (convolution(maps) - convolution(torch.zeros_like(maps)))[0, 0].detach()
    for row in range(7):
        for col in range(7):
            reached = row in (1, 3, 5) and col in (1, 3, 5)
            expected = convolution.weight.detach()[0, 0, 2 - row // 2, 2 - col // 2] if reached else torch.zeros(())
            assert float(seen[row, col]) == pytest.approx(float(expected), abs=1e-6)


def test_an_up_convolution_is_a_1x1_at_every_pixel_of_the_enlarged_map() -> None:
    torch.manual_seed(0)
    narrow, maps = nn.Conv2d(3, 2, 1), torch.randn(1, 3, 4, 5)
    found, bias = up_convolution(maps, narrow, 2, torch.Size((7, 9))), narrow.bias
    assert bias is not None
    slow = torch.zeros(1, 2, 7, 9)
    for row in range(7):
        for col in range(9):  # bilinear by hand, pixel centres at (i + 0.5) / 2 - 0.5
            a, b = max((row + 0.5) / 2 - 0.5, 0.0), max((col + 0.5) / 2 - 0.5, 0.0)
            r, c = min(int(a), 3), min(int(b), 4)
            r1, c1 = min(r + 1, 3), min(c + 1, 4)
            value = (1 - a + r) * ((1 - b + c) * maps[0, :, r, c] + (b - c) * maps[0, :, r, c1])
            value = value + (a - r) * ((1 - b + c) * maps[0, :, r1, c] + (b - c) * maps[0, :, r1, c1])
            slow[0, :, row, col] = narrow.weight[:, :, 0, 0] @ value + bias
    torch.testing.assert_close(found, slow, rtol=1e-4, atol=1e-5)


def test_the_side_maps_are_combined_linearly() -> None:
    net, image = FoaNet(tiny(), 3), torch.randn(1, 3, 16, 16)
    held: list[Tensor] = []

    def note(layer: nn.Module, inputs: object, out: Tensor) -> None:
        held.append(out)

    handles = [layer.register_forward_hook(note) for layer in net.specialised]
    logits = net(image)
    assert [maps.shape for maps in held] == [(1, 2, 16, 16)] * 5
    torch.testing.assert_close(logits, net.combine(torch.cat(held, 1)))
    for handle in handles:
        handle.remove()


@pytest.mark.parametrize("size", [(16, 16), (37, 53), (1, 1), (9, 64)])
@pytest.mark.parametrize("part", ["part1", "part2"])
def test_any_input_shape_is_answered_at_its_own_size(part: str, size: tuple[int, int]) -> None:
    assert FoaNet(tiny(part), 3)(torch.zeros(2, 3, *size)).shape == (2, 3, *size)


@pytest.mark.parametrize("config", [tiny("part1"), tiny("part2"), tiny("part2", norm="batch", fuse=3)])
def test_gradients_reach_every_parameter(config: NetConfig) -> None:
    torch.manual_seed(2)
    net = FoaNet(config.model_copy(update={"widths": (8,) * 5, "specialised": (8,) * 5}), 3)
    (net(torch.randn(2, 3, 48, 48)) * torch.randn(2, 3, 48, 48)).sum().backward()
    assert [name for name, held in net.named_parameters() if held.grad is None or not held.grad.any()] == []


def test_parameters_at_full_width_are_as_stated() -> None:
    """By hand, with K = 16: VGG16's 14,714,688; Part 2's six further convolutions; the sides; the 1x1 to classes."""
    widths, vgg = (64, 128, 256, 512, 512), 14_714_688
    sides = 9 * 64 * 16 + 16 + 4 * (9 * 16 * 16 + 16)  # 3x3 of stage 1 from its own 64 maps, of the others from K
    narrow_1 = sum(16 * width + 16 for width in widths[1:])
    narrow_2 = 16 * 128 + 16 + sum(16 * 3 * width + 16 for width in widths[2:])
    part_2 = 2 * (9 * 256 * 256 + 256) + 4 * (9 * 512 * 512 + 512)
    locate, segment = stages(PAPER)
    assert parameters(locate.build(LEFT_VENTRICLE)) == vgg + sides + narrow_1 + 80 * 2 + 2 == 14_755_954
    net_2 = vgg + part_2 + sides + narrow_2 + 80 * 3 + 3
    assert parameters(segment.build(LEFT_VENTRICLE)) == net_2 == 25_416_387
    tuned = [parameters(stage.build(ACDC)) for stage in stages(TUNED)]
    assert tuned == [84_970, 3_639_228]


# --- ImageNet's weights -----------------------------------------------------------------------------------------------
def vgg_tensors(net: nn.Module) -> dict[str, Tensor]:
    base = {name: torch.randn_like(value) for name, value in net.state_dict().items() if name.startswith("features.")}
    return {**base, "classifier.0.weight": torch.zeros(2, 2)}


@pytest.mark.parametrize("part", ["part1", "part2"])
def test_imagenets_weights_fill_the_base_and_nothing_else(part: str) -> None:
    net = FoaNet(tiny(part), 3)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    tensors = vgg_tensors(net)
    load_vgg16(net, tensors)
    for name, value in net.state_dict().items():
        torch.testing.assert_close(value, tensors.get(name, before[name]))


def test_every_differing_key_is_listed() -> None:
    net = FoaNet(tiny(), 3)
    tensors = vgg_tensors(net)
    del tensors["features.10.bias"]
    tensors["features.3.weight"] = torch.zeros(1)
    tensors["features.0.weight"] = torch.zeros(64, 3, 3, 3)
    with pytest.raises(BadWeights) as refused:
        load_vgg16(net, tensors)
    assert refused.value.found.split("; ") == [
        "features.0.weight: (64, 3, 3, 3) instead of (2, 3, 3, 3)",
        "features.10.bias: missing",
        "features.3.weight: unknown",
    ]


def test_both_stages_start_from_an_encoder_and_all_else_from_the_seeds_draw(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    locate, segment = LocateStage(LocateConfig(net=tiny("part1")), FIT), SegmentStage(SegmentConfig(net=tiny()), FIT)
    save_file(vgg_tensors(locate.build(ACDC)), tmp_path / "vgg.safetensors")
    tensors = load_tensors(tmp_path / "vgg.safetensors")
    starts = starts_from_encoder((locate, segment), ACDC, tensors)
    assert set(starts) == {"locate", "segment"}
    held = FitRun(tmp_path / "run", Compute("cpu", False), {}, workers=0, stop=lambda: True)
    examples = list(segment.examples(ring_study(), ACDC, None))
    frozen = SegmentStage(segment.config, FIT.model_copy(update={"steps": 1, "learning_rate": 0.0}))
    drawn = fit(frozen, ACDC, examples[:1], [], held).net
    for name, value in starts["segment"].items():
        torch.testing.assert_close(value, tensors[name] if name.startswith("features.") else drawn[name])


def test_an_encoder_for_stages_that_have_whole_weights_is_refused_and_not_left_out_in_silence() -> None:
    locate, segment = LocateStage(LocateConfig(net=tiny("part1")), FIT), SegmentStage(SegmentConfig(net=tiny()), FIT)
    tensors = vgg_tensors(locate.build(ACDC))
    whole = {"locate": locate.build(ACDC).state_dict(), "segment": segment.build(ACDC).state_dict()}
    with pytest.raises(BadConfiguration, match="both for locate and segment"):
        starts_from_encoder((locate, segment), ACDC, tensors, whole)
    starts = starts_from_encoder((locate, segment), ACDC, tensors, {"locate": whole["locate"]})
    assert starts["locate"] is whole["locate"]
    torch.testing.assert_close(starts["segment"]["features.0.weight"], tensors["features.0.weight"])


def test_a_method_without_an_encoder_and_a_file_that_is_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="--encoder-weights"):
        starts_from_encoder((UNetStage(UNetConfig(widths=(2, 4)), FIT),), ACDC, {})
    with pytest.raises(MissingFile):
        load_tensors(tmp_path / "none.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"\x07" * 40)
    with pytest.raises(BadWeights, match="convert-weights"):
        load_tensors(tmp_path / "broken.safetensors")


# --- stages -----------------------------------------------------------------------------------------------------------
class Bright(nn.Module):
    """Says object where the green channel, the slice itself, is bright."""

    def forward(self, image: Tensor) -> Tensor:
        bright = (image[:, 1] > 2.0).float()
        return torch.stack([0.5 - bright, bright], 1)


def test_the_box_is_the_biggest_of_the_slices_boxes_around_their_largest_pieces() -> None:
    study = ring_study(rows=64, cols=64, centre=(32.0, 36.0))
    study.image[...] = 0
    study.image[0, 1, 30:37, 20:25] = 100
    study.image[1, 2, 28:33, 22:41] = 100
    study.image[1, 2, 2:4, 60:63] = 100  # a second, smaller piece in a slice that has the heart
    stage = LocateStage(LocateConfig(net=tiny("part1")), FIT)
    found = run_stage(stage, [Bright()], study, None, [0, 1], Compute("cpu", False))
    assert found.boxes is not None and found.boxes.shape == (2, 4, 4)
    np.testing.assert_allclose(found.boxes, np.broadcast_to([28, 20, 36, 40], (2, 4, 4)))


def test_where_nothing_is_located_the_whole_image_is_taken_and_said_to_be() -> None:
    study = ring_study()
    study.image[...] = 0
    study.image[0, 0, 0, 0] = 1  # not constant
    stage = LocateStage(LocateConfig(net=tiny("part1")), FIT)

    class Nothing(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            return torch.stack([torch.ones_like(image[:, 0]), torch.zeros_like(image[:, 0])], 1)

    found = run_stage(stage, [Nothing()], study, None, [0, 1], Compute("cpu", False))
    assert [note.code for note in found.notes] == ["SA-W113"] and found.boxes is not None
    np.testing.assert_array_equal(found.boxes[0, 0], [0, 0, 47, 43])


def test_the_locator_learns_one_object_and_looks_at_as_many_frames_as_it_is_told() -> None:
    study = ring_study(n_frames=6, slices=2)
    stage = LocateStage(LocateConfig(net=tiny("part1"), frames_at_most=3), FIT)
    sample = next(iter(stage.examples(study, ACDC, None)))
    assert set(np.unique(sample.fields["labels"].array)) == {0, 1}
    assert [s.place.frame for s in stage.cut(study, None, list(range(6)))] == [0, 0, 2, 2, 4, 4]
    assert [s.place.frame for s in stage.cut(study, None, [5, 1])] == [5, 5, 1, 1]


def test_one_case_can_be_learnt_by_heart() -> None:
    """Forty steps on four slices: the hybrid loss falls to a third."""
    torch.manual_seed(0)
    config = SegmentConfig(
        net=NetConfig(part="part2", widths=(8, 8, 8, 8, 8), specialised=(8, 4, 4, 4, 4), norm="batch", fuse=8),
        window=FocusWindowConfig(pixel_mm=3.0, jitter_px=0.0),
        loss=TUNED.segment.loss,
    )
    stage = SegmentStage(config, FIT)
    batch = collate([stage.augment(sample, None) for sample in stage.examples(ring_study(n_frames=1), ACDC, None)])
    net = stage.build(ACDC).train()
    optimiser = torch.optim.Adam(net.parameters(), 0.01)
    losses = []
    for _ in range(40):
        loss = stage.loss(net, batch, torch.Generator()).total
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 3


# --- recipes ----------------------------------------------------------------------------------------------------------
def test_the_papers_optimiser() -> None:
    for fitted in (PAPER.locate_fit, PAPER.segment_fit):
        assert (fitted.optimiser, fitted.batch, fitted.learning_rate, fitted.schedule) == ("adam", 1, 0.002, "constant")
        assert (fitted.betas, fitted.epsilon, fitted.weight_decay) == ((0.9, 0.999), 0.001, 0.0)
        assert fitted.steps == 10 * 45 * 20 and fitted.validate_every == 45 * 20


@pytest.mark.parametrize("name", TABLE_I)
def test_every_configuration_of_table_1_is_a_change_of_the_paper_recipe(name: str) -> None:
    recipe = PAPER.overlaid(TABLE_I[name])
    built = stages(recipe)
    letters = name.split(": ")[-1].split(" + ")
    segment = recipe.segment
    assert len(built) == (1 if letters[0] == "B" and "L" not in letters else 2)
    assert segment.net.part == ("part2" if letters[0] == "BLP" else "part1")
    wanted = {"cce", "ssim", "dice"} if "CSD" in letters else {part.lower() for part in letters} & {"cce", "ssim"}
    wanted |= {"dice"} if "DC" in letters else set()
    assert {term for term in ("cce", "ssim", "dice") if getattr(segment.loss, term)} == wanted
    if len(built) == 2:
        assert isinstance(segment.window, FocusWindowConfig)
        assert (segment.window.focus is not None) == ("FOA" in letters)


def test_what_is_left_out_is_called_none_in_a_configuration() -> None:
    recipe = PAPER.overlaid({"locate": "none"})
    assert recipe.locate is None and len(stages(recipe)) == 1
    for base in (PAPER, TUNED):
        assert getattr(base.overlaid({"segment": {"window": {"focus": "none"}}}).segment.window, "focus", 1) is None


def test_without_a_locator_whole_slices_are_seen_at_the_size_that_was_chosen() -> None:
    for window in (SliceWindowConfig(), SliceWindowConfig(size_px=128)):
        recipe = PAPER.model_copy(
            update={"locate": None, "segment": PAPER.segment.model_copy(update={"window": window})}
        )
        (segmenter,) = stages(recipe)
        assert isinstance(segmenter, SegmentStage) and segmenter.config.window == window


ROW_A = TABLE_I["a: B + CCE"]


@pytest.mark.parametrize("base", [PAPER, TUNED], ids=["paper", "tuned"])
@pytest.mark.parametrize("focus", [{}, {"segment": {"window": {"focus": "none"}}}], ids=["as it is", "none"])
def test_without_a_locator_the_recipes_own_window_gives_way_to_plain_whole_slices(
    base: FoaRecipe, focus: dict[str, Any]
) -> None:
    (segmenter,) = stages(base.overlaid({"locate": None, "segment_fit": {"batch": 1}, **focus}))
    assert isinstance(segmenter, SegmentStage) and segmenter.config.window == SliceWindowConfig()
    assert segmenter.config.net == base.segment.net


@pytest.mark.parametrize(
    ("base", "window", "named"),
    [
        (PAPER, {"focus": 0.5}, "window.focus"),
        (PAPER, {"pixel_mm": 1.0}, "window.pixel_mm"),
        (PAPER, {"extension_px": 0.0, "flip_chance": 0.0}, "window.extension_px, window.flip_chance would"),
        (PAPER, {"focus": None, "jitter_px": 1.0}, "slices are seen, where window.jitter_px would"),
        (TUNED, {"focus": 1.0}, "window.focus"),
        (TUNED, {"crop": {"fill": 0.5}}, "window.crop.fill"),
        (TUNED, {"crop": {"augment": {"noise": 0.0}}}, "window.crop.augment"),
    ],
)
@pytest.mark.parametrize("none", [None, "none"])
def test_a_setting_of_a_window_that_is_not_cut_without_a_locator_is_refused_by_name(
    base: FoaRecipe, window: dict[str, Any], named: str, none: str | None
) -> None:
    assert base.overlaid({"segment": {"window": window}})  # it means something where a heart is located
    with pytest.raises(BadConfiguration, match=f"segment: .*{named}"):
        base.overlaid({"locate": none, "segment": {"window": window}})


def test_which_planes_are_the_colours_holds_without_a_locator_too() -> None:
    (segmenter,) = stages(PAPER.overlaid({"locate": None, "segment": {"window": {"successive": "slices"}}}))
    assert isinstance(segmenter, SegmentStage)
    assert segmenter.config.window == SliceWindowConfig(successive="slices")


@pytest.mark.parametrize("base", [PAPER, TUNED], ids=["paper", "tuned"])
def test_row_a_is_the_stage_it_always_was(base: FoaRecipe) -> None:
    (segmenter,) = stages(base.overlaid(ROW_A).overlaid({"segment_fit": {"batch": 1}}))
    net = base.segment.net.model_copy(update={"part": "part1"})
    loss = base.segment.loss.model_copy(update={"cce": 1.0, "ssim": 0.0, "dice": 0.0})
    fit = base.segment_fit.model_copy(update={"batch": 1})
    assert segmenter == SegmentStage(SegmentConfig(net=net, window=SliceWindowConfig(), loss=loss), fit)


def test_a_quick_comparison_still_runs_every_row_of_table_1() -> None:
    small = SMALL["foanet"]
    for name, row in TABLE_I.items():
        changes = laid_over(laid_over(small, {"segment_fit": {"batch": 1}}), row)
        assert len(stages(TUNED.overlaid(changes))) == (1 if row is ROW_A else 2), name


@pytest.mark.parametrize("reach", [0, 2])
def test_a_crop_of_any_other_number_of_planes_than_the_three_colours_is_refused(reach: int) -> None:
    with pytest.raises(BadConfiguration, match=rf"segment: .*window.crop.reach \({reach}\) must be 1"):
        TUNED.overlaid({"segment": {"window": {"crop": {"reach": reach}}}})


def test_a_batch_of_windows_that_differ_in_size_is_refused() -> None:
    for key in ("locate_fit", "segment_fit"):
        with pytest.raises(BadConfiguration, match=f"{key}.batch = 4"):
            stages(PAPER.overlaid({key: {"batch": 4}}))
    assert [stage.name for stage in stages(TUNED)] == ["locate", "segment"]
    assert set(METHOD.repairs) == {"paper", "tuned"}
