"""Every method keeps the same promises to the engines."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from shortaxis.core.compute import Compute
from shortaxis.core.found import Found
from shortaxis.core.labels import ACDC, EMIDEC, LEFT_VENTRICLE, MNMS, MYOCARDIUM_ALONE, LabelScheme
from shortaxis.core.method import Stage
from shortaxis.core.recipe import FitRecipe
from shortaxis.core.sample import Sample, collate
from shortaxis.core.study import Study
from shortaxis.methods import method_names
from shortaxis.methods.attention_mnet import AttentionMNetConfig, AttentionMNetStage
from shortaxis.methods.baselines import (
    attention_unet,
    basic_unet,
    deepmedic,
    fcn_3d,
    nnunet_plan,
    non_local_unet,
    resunet,
    resunet_plus_plus,
    segnet,
    u_segnet,
    unet_3d,
    unet_plus_plus,
)
from shortaxis.methods.baselines.network import Network
from shortaxis.methods.baselines.plain_segmenter import PlainConfig, PlainStage
from shortaxis.methods.baselines.plain_volumes import PlainVolumeConfig, PlainVolumeStage
from shortaxis.methods.baselines.unet import UNetConfig, UNetStage
from shortaxis.methods.dadu import DaduConfig, DaduStage
from shortaxis.methods.foanet import LocateConfig, LocateStage, NetConfig, SegmentConfig, SegmentStage
from shortaxis.methods.halsrnet import HalsrConfig, HalsrStage
from shortaxis.methods.roi_regression import RoiRegressionConfig, RoiRegressionStage
from shortaxis.methods.uncertainty_unet import IN_PLANE, IN_SPACE, Plan, UncertaintyConfig, UncertaintyStage
from shortaxis.predict.cine import segment_cine
from shortaxis.predict.run import run_stage
from shortaxis.prepare.box_window import BoxWindowConfig
from shortaxis.prepare.focus_crop import FocusCropConfig
from shortaxis.prepare.focus_window import FocusWindowConfig
from shortaxis.prepare.heart_crop import HeartCropConfig
from shortaxis.prepare.heart_volume import HeartVolumeConfig
from shortaxis.prepare.whole_slice import WholeSliceConfig
from shortaxis.train.loop import FitRun, fit
from tests.lookalike.ring_study import reorder, ring_study, stored_as

CPU = Compute("cpu", False)
FIT = FitRecipe(steps=2, batch=4, learning_rate=1e-2, validate_every=1)
SMALL_CROP = HeartCropConfig(size_px=32, pixel_mm=2.0, room_px=4)


@dataclass(frozen=True)
class Case:
    """One stage under test, and the boxes it is given where a locator would run before it."""

    stage: Stage
    locates: bool = False
    everywhere: bool = False  # answers for the whole slice, with or without a located heart


ROI = RoiRegressionConfig(
    input_size=32, widths=(4, 4, 8, 8), dense_width=8, reduce_widths=(8, 8, 8), global_width=8, head_widths=(8, 8)
)
HALSR = HalsrConfig(
    window=BoxWindowConfig(size_px=32, room_px=2), widths=(4, 4, 8, 8, 8), pooling_width=4, hapm_width=4
)
MNET = AttentionMNetConfig(
    window=HeartVolumeConfig(plane=SMALL_CROP, depth=8, slice_px=2.0),
    input_width=2,
    widths=(2, 2, 3, 4),
    blocks=2,
    blocks_across=1,
    gate_kernel=(1, 3, 3),
    gate_ratio=2,
    fuse_width=4,
)
UNCERTAINTY = UncertaintyConfig(
    window=HeartVolumeConfig(plane=SMALL_CROP, depth=4),
    plan=Plan(widths=(4, 6, 8), strides=((1, 2, 2), (2, 2, 2)), kernels=(IN_PLANE, IN_SPACE, IN_SPACE)),
    passes=2,
)
FOA_WIDTHS, FOA_K = (2, 3, 4, 4, 4), (2, 2, 2, 2, 2)
FOA_LOCATE = LocateConfig(net=NetConfig(part="part1", widths=FOA_WIDTHS, specialised=FOA_K))
FOA_SEGMENT = SegmentConfig(
    net=NetConfig(part="part2", widths=FOA_WIDTHS, specialised=FOA_K), window=FocusWindowConfig(pixel_mm=2.0)
)
FOA_TUNED = SegmentConfig(
    net=NetConfig(part="part2", widths=FOA_WIDTHS, specialised=FOA_K, norm="batch", fuse=4),
    window=FocusCropConfig(crop=SMALL_CROP),
)
DADU = DaduConfig(window=SMALL_CROP, widths=(4, 6, 8), objective="dice_ce")
DADU_WHOLE = DaduConfig(window=WholeSliceConfig(size_px=32), widths=(4, 6, 8))


def plain(network: Network, *widths: int) -> Case:
    return Case(PlainStage(network, PlainConfig(widths=widths, window=SMALL_CROP), FIT))


def plain_volume(network: Network, *widths: int, depth: int = 4) -> Case:
    window = HeartVolumeConfig(plane=SMALL_CROP, depth=depth)
    return Case(PlainVolumeStage(network, PlainVolumeConfig(widths=widths, window=window), FIT))


WHOLE = PlainConfig(widths=(4, 6), window=BoxWindowConfig(size_px=32, of="slice", room_px=0))
BASELINES = {
    "deepmedic": plain_volume(deepmedic.NETWORK, 3, 4, 6),
    "fcn-3d": plain_volume(fcn_3d.NETWORK, 2, 3, 4),
    "non-local-unet": plain(non_local_unet.NETWORK, 4, 6, 8),
    "resunet-plus-plus": plain(resunet_plus_plus.NETWORK, 4, 6, 8, 8),
    "segnet": plain(segnet.NETWORK, 4, 6),
    "segnet-whole-slice": Case(PlainStage(segnet.NETWORK, WHOLE, FIT), everywhere=True),
    "u-segnet": plain(u_segnet.NETWORK, 4, 6),
}
MONAI_BASELINES = {
    "attention-unet": plain(attention_unet.NETWORK, 4, 6, 8),
    "basic-unet": plain(basic_unet.NETWORK, 2, 2, 3, 3, 4),
    "nnunet-plan-2d": plain(nnunet_plan.NETWORK_2D, 4, 6, 8),
    "nnunet-plan-3d": plain_volume(nnunet_plan.NETWORK_3D, 3, 4, 6, 6),
    "resunet": plain(resunet.NETWORK, 4, 6, 8),
    "unet-3d": plain_volume(unet_3d.NETWORK, 2, 2, 3, 3, 4, depth=16),
    "unet-plus-plus": plain(unet_plus_plus.NETWORK, 2, 2, 3, 3, 4),
}

CASES = {
    "dadu": Case(DaduStage(DADU, FIT)),
    "dadu-whole-slice": Case(DaduStage(DADU_WHOLE, FIT), everywhere=True),
    "halsrnet-locate": Case(RoiRegressionStage(ROI, FIT), locates=True),
    "halsrnet-segment": Case(HalsrStage(HALSR, FIT)),
    "attention-mnet": Case(AttentionMNetStage(MNET, FIT)),
    "unet": Case(UNetStage(UNetConfig(widths=(4, 8), crop=SMALL_CROP), FIT)),
    "foanet-locate": Case(LocateStage(FOA_LOCATE, FIT), locates=True),
    "foanet-segment": Case(SegmentStage(FOA_SEGMENT, FIT)),
    "foanet-tuned": Case(SegmentStage(FOA_TUNED, FIT)),
    "uncertainty-unet": Case(UncertaintyStage(UNCERTAINTY, FIT)),
    "uncertainty-unet-sampling": Case(UncertaintyStage(UNCERTAINTY, FIT).sampling(3)),
    **BASELINES,
    **(MONAI_BASELINES if find_spec("monai") else {}),
}
SEGMENTERS = [name for name, case in CASES.items() if not case.locates]
SCHEMES = (ACDC, MNMS, LEFT_VENTRICLE, MYOCARDIUM_ALONE)  # the last: one structure, 3D Attention M-net's own
every_stage = pytest.mark.parametrize("name", CASES)
every_segmenter = pytest.mark.parametrize("name", SEGMENTERS)


def built(stage: Stage, scheme: LabelScheme = ACDC) -> nn.Module:
    torch.manual_seed(1)
    net = stage.build(scheme)
    for parameter in net.parameters():  # a fresh head may answer all the same everywhere
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=0.3)
    return net.eval()


def boxes_of(study: Study, box: Sequence[float]) -> Found:
    tiled = np.tile(np.array(box, float), (study.n_frames, study.grid.shape[0], 1))
    return Found(tuple(range(study.n_frames)), boxes=tiled)


def found_by(stage: Stage, study: Study, upstream: Found | None = None, frames: Sequence[int] | None = None) -> Found:
    chosen = range(study.n_frames) if frames is None else frames
    return run_stage(stage, [built(stage)], study, upstream, list(chosen), CPU)


def refuse_nonsense(found: Found, study: Study, frames: Sequence[int], locates: bool) -> None:
    """What holds for every answer on every study."""
    slices, rows, cols = study.grid.shape
    assert found.frames == tuple(frames)
    if locates:
        assert found.boxes is not None and found.boxes.shape == (len(frames), slices, 4)
        assert np.isfinite(found.boxes).all()
        assert (found.boxes[..., :2] <= found.boxes[..., 2:]).all()
        middle = (found.boxes[..., :2] + found.boxes[..., 2:]) / 2
        assert (middle > -rows).all() and (middle < 2 * max(rows, cols)).all()
        return
    assert found.probs is not None and found.probs.dtype == np.float32
    assert found.probs.shape[0] == len(frames) and found.probs.shape[2:] == study.grid.shape
    assert found.probs.min() >= 0 and found.probs.max() <= 1 + 1e-6
    np.testing.assert_allclose(found.probs.sum(1), 1, atol=1e-5)
    if found.variance is not None:
        assert found.variance.shape == (len(frames), *study.grid.shape)
        assert found.variance.min() >= 0


@every_stage
@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)
def test_examples_become_a_finite_loss_whose_gradient_reaches_the_network(name: str, scheme: LabelScheme) -> None:
    stage, study = CASES[name].stage, ring_study()
    before = study.image.copy()
    examples = list(stage.examples(study, scheme, None))
    for rng in (None, np.random.default_rng(3)):
        batch = collate([stage.augment(sample, rng) for sample in examples[:4]])
        assert batch.image.dtype == torch.float32
        net = stage.build(scheme).train()
        loss = stage.loss(net, batch, torch.Generator().manual_seed(0))
        assert loss.total.dim() == 0 and torch.isfinite(loss.total)
        loss.total.backward()
        without = [key for key, value in net.named_parameters() if value.grad is None or not value.grad.any()]
        assert len(without) < len(list(net.parameters())) / 2, f"no gradient reaches {without}"
    np.testing.assert_array_equal(study.image, before)


@every_stage
def test_examples_and_variations_are_the_same_every_time(name: str) -> None:
    stage, study = CASES[name].stage, ring_study()

    def images() -> list[NDArray[np.float32]]:
        samples = list(stage.examples(study, ACDC, None))
        return [stage.augment(sample, np.random.default_rng(5)).image for sample in samples]

    for one, other in zip(images(), images(), strict=True):
        np.testing.assert_array_equal(one, other)


@every_stage
def test_augmenting_leaves_the_cached_example_untouched(name: str) -> None:
    stage = CASES[name].stage
    sample = next(iter(stage.examples(ring_study(), ACDC, None)))
    image, fields = sample.image.copy(), {key: held.array.copy() for key, held in sample.fields.items()}
    stage.augment(sample, np.random.default_rng(0))
    np.testing.assert_array_equal(sample.image, image)
    for key, array in fields.items():
        np.testing.assert_array_equal(sample.fields[key].array, array)


@every_stage
def test_two_steps_of_training_change_the_weights(name: str, tmp_path: Path) -> None:
    stage = CASES[name].stage
    examples = list(stage.examples(ring_study(), ACDC, None))
    state = fit(stage, ACDC, examples, examples[:2], FitRun(tmp_path, CPU, {"run": name}, workers=0))
    torch.manual_seed(0)
    assert state.step == FIT.steps and len(state.validation_losses) == 2
    fresh = stage.build(ACDC).state_dict()
    assert set(state.net) == set(fresh)
    assert any(not torch.equal(value, fresh[key]) for key, value in state.net.items())


STUDIES = {
    "coarse": ring_study(spacing_mm=(10.0, 3.0, 3.0)),
    "fine": ring_study(spacing_mm=(5.0, 0.8, 0.8)),
    "oblong pixels": ring_study(spacing_mm=(8.0, 1.2, 2.4)),
    "one slice": ring_study(slices=1),
    "one frame": ring_study(n_frames=1),
    "many slices": ring_study(n_frames=1, slices=11),
    "mirrored": stored_as(ring_study(), False, True, False),
    "transposed": stored_as(ring_study(), True, False, True),
    "a heart at the edge": ring_study(centre=(4.0, 40.0)),
}


@every_stage
@pytest.mark.parametrize("kind", STUDIES)
def test_answers_lie_on_the_studys_own_grid(name: str, kind: str) -> None:
    case, study = CASES[name], STUDIES[kind]
    before = study.image.copy()
    refuse_nonsense(found_by(case.stage, study), study, range(study.n_frames), case.locates)
    np.testing.assert_array_equal(study.image, before)


@every_stage
def test_a_part_of_the_frames_is_answered_in_the_order_asked(name: str) -> None:
    case, study = CASES[name], ring_study(n_frames=4)
    found = found_by(case.stage, study, frames=[3, 1])
    refuse_nonsense(found, study, [3, 1], case.locates)
    if case.locates or "sampling" in name:
        return  # a locator may look at all frames at once; Monte-Carlo passes draw in the order of the samples
    whole = found_by(case.stage, study)
    assert found.probs is not None and whole.probs is not None
    np.testing.assert_allclose(found.probs, whole.probs[[3, 1]], atol=1e-5)  # a convolution's order of sums


@every_stage
@pytest.mark.parametrize("way", [(False, True, False), (False, False, True), (True, False, False), (True, True, True)])
def test_the_same_heart_stored_in_another_order_gets_the_same_answer(name: str, way: tuple[bool, bool, bool]) -> None:
    case, study = CASES[name], ring_study()
    other = stored_as(study, *way)
    one, two = found_by(case.stage, study), found_by(case.stage, other)
    if not case.locates:
        assert one.probs is not None and two.probs is not None
        np.testing.assert_allclose(two.probs, reorder(one.probs, *way).astype(np.float32), atol=1e-5)
        return
    assert one.boxes is not None and two.boxes is not None
    np.testing.assert_allclose(
        two.boxes, [[moved_box(box, study, way) for box in frame] for frame in one.boxes], atol=1e-3
    )


def moved_box(box: NDArray[np.float64], study: Study, way: tuple[bool, bool, bool]) -> NDArray[np.float64]:
    """A box as `stored_as` moves it: flipped, then transposed."""
    transpose, flip_rows, flip_cols = way
    _, rows, cols = study.grid.shape
    corners = box.reshape(2, 2).copy()
    if flip_rows:
        corners[:, 0] = rows - 1 - corners[:, 0]
    if flip_cols:
        corners[:, 1] = cols - 1 - corners[:, 1]
    corners = corners[:, ::-1] if transpose else corners
    return np.concatenate([corners.min(0), corners.max(0)])


@every_segmenter
def test_an_unknown_spacing_is_no_obstacle_once_the_heart_is_located(name: str) -> None:
    study = ring_study(spacing_mm=None)
    found = found_by(CASES[name].stage, study, boxes_of(study, (16, 8, 32, 34)))
    refuse_nonsense(found, study, range(study.n_frames), locates=False)


@every_segmenter
def test_what_lies_far_from_the_located_heart_is_background(name: str) -> None:
    if CASES[name].everywhere:
        return
    study = ring_study(rows=120, cols=120)
    found = found_by(CASES[name].stage, study, boxes_of(study, (10, 10, 30, 30)))
    assert found.probs is not None
    np.testing.assert_array_equal(found.probs[:, 0, :, 80:, 80:], 1)
    assert (found.probs[:, 0, :, 15:25, 15:25] < 1).any()


@every_stage
@pytest.mark.parametrize("scheme", [LEFT_VENTRICLE, EMIDEC, MYOCARDIUM_ALONE], ids=lambda scheme: scheme.name)
def test_a_network_of_another_scheme_has_as_many_classes_on_the_same_grid(name: str, scheme: LabelScheme) -> None:
    case, study = CASES[name], ring_study()
    found = run_stage(case.stage, [built(case.stage, scheme)], study, None, [0], CPU)
    refuse_nonsense(found, study, [0], case.locates)
    if found.probs is not None:
        assert found.probs.shape[1] == len(scheme.structures) + 1


@every_stage
def test_answers_are_the_same_every_time(name: str) -> None:
    case, study = CASES[name], ring_study(n_frames=1)
    one, two = found_by(case.stage, study), found_by(case.stage, study)
    for key in ("probs", "boxes", "variance"):
        first, second = getattr(one, key), getattr(two, key)
        assert (first is None) == (second is None)
        if first is not None:
            np.testing.assert_array_equal(first, second)


def test_monte_carlo_passes_give_a_variance_on_the_grid() -> None:
    found = found_by(UncertaintyStage(UNCERTAINTY, FIT).sampling(3), ring_study())
    assert found.variance is not None and found.variance.max() > 1e-5
    assert found.samples is not None and found.samples.shape == (2, 3, *ring_study().grid.shape)


def test_two_stages_run_as_a_method() -> None:
    study = ring_study(n_frames=3)
    locate, segment = CASES["foanet-locate"].stage, CASES["foanet-segment"].stage
    nets = {"locate": [built(locate)], "segment": [built(segment), copy.deepcopy(built(segment))]}
    result = segment_cine((locate, segment), nets, study, ACDC, lambda labels, scheme: labels, CPU)
    assert result.labels.shape == study.image.shape and result.labels.dtype == np.uint8
    assert result.boxes is not None and result.boxes.shape == (3, 4, 4)


@every_stage
def test_a_stage_can_be_told_another_recipe(name: str) -> None:
    stage = CASES[name].stage
    assert isinstance(stage.fit, FitRecipe) and stage.name


def test_every_method_of_the_table_is_held_to_the_contract() -> None:
    held = {*CASES, *MONAI_BASELINES}
    assert [name for name in method_names() if not {name, f"{name}-segment"} & held] == []


def test_no_engine_knows_a_methods_name() -> None:
    import shortaxis

    root = Path(shortaxis.__file__).parent
    words = {*method_names(), "foanet", "dadu", "mnet", "halsr", "roi_regression"} - {"unet"} | {"UNet", "methods."}
    engines = [
        *root.glob("train/*.py"),
        *root.glob("predict/*.py"),
        *root.glob("core/*.py"),
        *root.glob("prepare/*.py"),
    ]
    named = {(file.name, word) for file in engines for word in words if word in file.read_text("utf-8")}
    assert named == set()


def test_samples_are_made_lazily() -> None:
    """A cine of 3,000 frames must not be cut before the first is answered."""
    study = ring_study(n_frames=3)
    for case in CASES.values():
        samples = case.stage.cut(study, None, [0, 1, 2])
        first = next(iter(samples))
        assert isinstance(first, Sample) and first.place.frame == 0
