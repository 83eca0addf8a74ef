"""The uncertainty U-Net: its sizes, its passes, its loss, its samples, and the case they end in."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from shortaxis.core.compute import Compute
from shortaxis.core.errors import BadConfiguration, WrongKindOfScan
from shortaxis.core.labels import ACDC, EMIDEC, LabelScheme
from shortaxis.core.modality import with_modality
from shortaxis.core.recipe import FitRecipe
from shortaxis.core.sample import Batch, collate
from shortaxis.core.study import Facts
from shortaxis.files.bundle import Bundle, load_bundle, save_bundle
from shortaxis.jobs.models import Model, ready_model, sampling_model
from shortaxis.jobs.segment import segment_study, with_facts
from shortaxis.jobs.segment_cohort import SegmentOptions, segment_cohort
from shortaxis.losses.uncertainty import class_samples, image_uncertainty, mean_and_variance, segmentation_loss
from shortaxis.methods.baselines.unet import TUNED as UNET_TUNED
from shortaxis.methods.baselines.unet import UNet
from shortaxis.methods.uncertainty_unet import (
    IN_PLANE,
    IN_SPACE,
    METHOD,
    PAPER,
    TUNED,
    Plan,
    SliceWise,
    UncertaintyConfig,
    UncertaintyStage,
    UncertaintyUNet,
    drop,
    stages,
)
from shortaxis.predict.run import run_stage
from shortaxis.prepare.heart_crop import HeartCropConfig
from shortaxis.prepare.heart_volume import HeartVolumeConfig
from tests.lookalike.ring_study import ring_study

CPU = Compute("cpu", False)
FIT = FitRecipe(steps=2, batch=2)
SMALL = UncertaintyConfig(
    window=HeartVolumeConfig(plane=HeartCropConfig(size_px=32, pixel_mm=2.0, room_px=4, grey="stack"), depth=4),
    plan=Plan(widths=(4, 6, 8), strides=((1, 2, 2), (2, 2, 2)), kernels=(IN_PLANE, IN_SPACE, IN_SPACE)),
    passes=3,
)


def n_parameters(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def small_net(config: UncertaintyConfig = SMALL, classes: int = 4) -> UncertaintyUNet:
    torch.manual_seed(0)
    return UncertaintyUNet(config, classes)


def small_batch(seed: int = 0) -> Batch:
    labels = torch.randint(0, 4, (2, 4, 16, 16), generator=seeded(seed + 1))
    drawn = torch.ones_like(labels)
    drawn[1, 3] = 0
    return Batch(torch.randn(2, 1, 4, 16, 16, generator=seeded(seed)), {"labels": labels, "drawn": drawn}, {})


def multiply_adds(net: nn.Module, image: Tensor, *passes: object) -> int:
    """Of the convolutions alone, counted from their inputs and outputs."""
    counted: list[int] = []

    def count(layer: nn.Module, taken: tuple[Tensor, ...], given: Tensor) -> None:
        window = int(np.prod(layer.kernel_size))  # type: ignore[arg-type]
        rises = isinstance(layer, nn.ConvTranspose2d | nn.ConvTranspose3d)
        counted.append(window * (taken[0].numel() * layer.out_channels if rises else given.numel() * layer.in_channels))  # type: ignore[operator]

    kinds = (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)
    hooks = [layer.register_forward_hook(count) for layer in net.modules() if isinstance(layer, kinds)]
    with torch.no_grad():
        net(image, *passes)
    for hook in hooks:
        hook.remove()
    return sum(counted)


# --- the network ------------------------------------------------------------------------------------------------------
def test_parameters_at_full_width_are_those_of_the_documentation() -> None:
    text = (Path(__file__).parents[2] / "docs/papers/uncertainty-unet.md").read_text("utf-8")
    nnunet = PAPER.segment.model_copy(update={"plan": "nnunet_plan"})
    for config in (PAPER.segment, nnunet, TUNED.segment):
        with torch.device("meta"):
            net = UncertaintyUNet(config, 4)
        assert f"{n_parameters(net):,}" in text
    assert n_parameters(UncertaintyUNet(TUNED.segment, 4)) == 2_582_484


def test_encoder_and_decoder_have_eight_convolution_layers_each() -> None:
    with torch.device("meta"):
        net = UncertaintyUNet(PAPER.segment, 4)
    layers = [sum(isinstance(part, SliceWise) for part in side.modules()) for side in (net.encoder, net.decoder)]
    assert layers == [8 + 2, 8]  # the bottleneck's two stand in between


def test_a_tuned_step_costs_less_than_two_and_a_half_times_the_tuned_unets_multiply_adds() -> None:
    ours = multiply_adds(UncertaintyUNet(TUNED.segment, 4), torch.zeros(1, 1, 12, 96, 96), 2, seeded(0))
    channels = 2 * UNET_TUNED.segment.crop.reach + 1
    theirs = multiply_adds(UNet(channels, 4, UNET_TUNED.segment.widths), torch.zeros(1, channels, 96, 96))
    assert ours * TUNED.segment_fit.batch < 2.5 * theirs * UNET_TUNED.segment_fit.batch


@pytest.mark.parametrize("stride", [(1, 1, 1), (1, 2, 2)])
def test_a_kernel_of_one_slice_computed_slice_by_slice_is_the_3d_convolution(stride: tuple[int, int, int]) -> None:
    layer = SliceWise(3, 5, IN_PLANE, stride, (0, 1, 1))
    maps = torch.randn(2, 3, 4, 9, 8)
    torch.testing.assert_close(layer(maps), nn.Conv3d.forward(layer, maps))


@pytest.mark.parametrize("size", [(4, 16, 16), (5, 17, 19), (1, 16, 12)])
def test_logits_have_the_size_of_the_image_also_at_odd_sizes(size: tuple[int, int, int]) -> None:
    assert small_net()(torch.randn(2, 1, *size), 3, seeded(0)).shape == (3, 2, 4, *size)


def test_the_nnunet_plan_is_a_named_variant() -> None:
    config = PAPER.overlaid({"segment": {"plan": "nnunet_plan"}}).segment
    with torch.device("meta"):
        assert len(UncertaintyUNet(config, 4).encoder) == 6


# --- dropout and passes -----------------------------------------------------------------------------------------------
def test_dropout_zeroes_a_tenth_and_keeps_the_mean() -> None:
    dropped = drop(torch.ones(4, 10, 8, 16, 16), 0.1, "voxels", seeded(0))
    assert float((dropped == 0).float().mean()) == pytest.approx(0.1, abs=0.005)
    assert float(dropped.mean()) == pytest.approx(1.0, abs=0.01)
    channels = drop(torch.ones(50, 40, 2, 2, 2), 0.1, "channels", seeded(0))
    assert torch.equal(channels.amax((2, 3, 4)), channels.amin((2, 3, 4)))


def test_dropout_stands_in_the_bottleneck_and_the_level_beside_it_on_both_sides() -> None:
    with torch.device("meta"):
        net = UncertaintyUNet(PAPER.segment, 4)
    rates = [[level.first.rate, level.second.rate] for level in (*net.encoder, *net.decoder)]  # type: ignore[union-attr]
    assert rates == [[0.0] * 2] * 3 + [[0.1] * 2] * 2 + [[0.1] * 2] + [[0.0] * 2] * 3


def test_what_is_computed_once_gives_the_same_samples_as_whole_passes() -> None:
    net, image = small_net().eval(), small_batch().image
    once = net(image, 2, seeded(5))
    twice = net(torch.cat([image, image]), 1, seeded(5))  # every level runs for each pass, on the same draws
    torch.testing.assert_close(once, twice.squeeze(0).unflatten(0, (2, 2)))


def test_passes_differ_and_the_same_generator_gives_them_again() -> None:
    net, image = small_net().eval(), small_batch().image
    one, again, other = net(image, 3, seeded(1)), net(image, 3, seeded(1)), net(image, 3, seeded(2))
    assert torch.equal(one, again) and not torch.equal(one, other)
    assert not torch.equal(one[0], one[1])


def test_without_a_generator_dropout_is_off() -> None:
    net, image = small_net().eval(), small_batch().image
    without = small_net(SMALL.model_copy(update={"dropout": 0.0})).eval()
    without.load_state_dict(net.state_dict())
    torch.testing.assert_close(net(image), without(image, 1, seeded(0)))


# --- the loss ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("alpha", [3.0, 5.0])
def test_equation_5_is_dice_and_cross_entropy_and_alpha_times_the_uncertainty(alpha: float) -> None:
    config = SMALL.model_copy(update={"alpha": alpha})
    net, batch = small_net().train(), small_batch()
    counted = batch.fields["drawn"].bool()
    logits = net(batch.image, 3, seeded(4))
    dice, entropy = segmentation_loss(logits, batch.fields["labels"], counted, "sigmoid")
    uncertainty = image_uncertainty(mean_and_variance(class_samples(logits, "sigmoid"))[1], counted)
    loss = UncertaintyStage(config, FIT).loss(net, batch, seeded(4))
    torch.testing.assert_close(loss.total, dice + entropy + alpha * uncertainty)
    torch.testing.assert_close(loss.terms["uncertainty"], uncertainty)
    assert float(uncertainty.detach()) > 0


def test_alpha_zero_is_the_baseline_of_one_pass() -> None:
    config = SMALL.model_copy(update={"alpha": 0.0})
    net, batch = small_net().train(), small_batch()
    loss = UncertaintyStage(config, FIT).loss(net, batch, seeded(4))
    logits = net(batch.image, 1, seeded(4))
    dice, entropy = segmentation_loss(logits, batch.fields["labels"], batch.fields["drawn"].bool(), "sigmoid")
    torch.testing.assert_close(loss.total, dice + entropy)
    assert set(loss.terms) == {"dice", "cross_entropy"}


def test_every_parameter_gets_a_gradient() -> None:
    net = small_net().train()
    UncertaintyStage(SMALL, FIT).loss(net, small_batch(), seeded(0)).total.backward()
    assert [name for name, value in net.named_parameters() if value.grad is None or not value.grad.any()] == []


def test_the_uncertainty_term_alone_can_be_learnt_away() -> None:
    """Only the variance is minimised: it falls, so its gradient points where the equation says."""
    net, batch = small_net().train(), small_batch()
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    found = []
    for _ in range(8):
        logits = net(batch.image, 4, seeded(3))
        uncertainty = mean_and_variance(class_samples(logits, "sigmoid"))[1].mean()
        optimiser.zero_grad()
        uncertainty.backward()
        optimiser.step()
        found.append(float(uncertainty.detach()))
    assert found[-1] < 0.8 * found[0]


@pytest.mark.parametrize("outputs", ["sigmoid", "softmax"])
def test_one_case_can_be_learnt_by_heart(outputs: str) -> None:
    config = SMALL.model_copy(update={"outputs": outputs, "passes": 2})
    stage, study = UncertaintyStage(config, FIT), ring_study(n_frames=1)
    batch = collate([stage.augment(sample, None) for sample in stage.examples(study, ACDC, None)])
    net = small_net(config).train()
    optimiser = torch.optim.Adam(net.parameters(), 3e-2)
    for step in range(60):
        loss = stage.loss(net, batch, seeded(step))
        optimiser.zero_grad()
        loss.total.backward()
        optimiser.step()
    found = run_stage(stage, [net.eval()], study, None, [0], CPU)
    assert found.probs is not None and study.labels is not None
    right = found.probs[0].argmax(0) == study.labels.array[0]
    assert right[study.labels.array[0] > 0].mean() > 0.8


# --- prediction by samples --------------------------------------------------------------------------------------------
def test_prediction_is_one_plain_pass_unless_samples_are_asked_for() -> None:
    stage, study = UncertaintyStage(SMALL, FIT), ring_study(n_frames=1)
    net = small_net().eval()
    plain = run_stage(stage, [net], study, None, [0], CPU)
    assert plain.variance is None and plain.samples is None
    sampled = run_stage(stage.sampling(4), [net], study, None, [0], CPU)
    assert sampled.samples is not None and sampled.samples.shape == (1, 4, *study.grid.shape)
    assert sampled.variance is not None and sampled.variance.max() > 0


def test_draws_differ_from_chunk_to_chunk_and_come_again() -> None:
    stage, study = UncertaintyStage(SMALL, FIT).sampling(3), ring_study(n_frames=2)
    study.image[1] = study.image[0]
    net = small_net().eval()
    one, two, again = (run_stage(stage, [net], study, None, [frame], CPU).variance for frame in (0, 1, 0))
    assert one is not None and two is not None and again is not None
    assert not np.array_equal(one, two)  # the same picture, other draws
    np.testing.assert_array_equal(one, again)


def test_members_of_an_ensemble_lay_their_samples_side_by_side() -> None:
    stage, study = UncertaintyStage(SMALL, FIT).sampling(3), ring_study(n_frames=1)
    found = run_stage(stage, [small_net().eval()] * 2, study, None, [0], CPU)
    assert found.samples is not None and found.samples.shape[1] == 6


# --- recipes, bundles, cases ------------------------------------------------------------------------------------------
def test_the_paper_recipe_is_the_papers() -> None:
    segment, fit = PAPER.segment, PAPER.segment_fit
    assert (segment.dropout, segment.negative_slope, segment.passes, segment.alpha) == (0.1, 0.01, 5, 3.0)
    assert (segment.dice_weight, segment.ce_weight, segment.outputs) == (1.0, 1.0, "sigmoid")
    assert segment.window.plane.pixel_mm == 1.458 and PAPER.locate is None
    assert (fit.optimiser, fit.nesterov, fit.momentum, fit.learning_rate) == ("sgd", True, 0.99, 0.01)
    assert (fit.batch, fit.schedule, fit.steps) == (5, "polynomial", 1000 * 250)
    assert [stage.name for stage in stages(PAPER)] == ["segment"]
    assert [stage.name for stage in stages(TUNED)] == ["locate", "segment"]


def model_of(scheme: LabelScheme, path: Path, **card: object) -> Model:
    """An untrained model of the paper recipe at tiny width, as a file read back."""
    recipe = PAPER.overlaid({"segment": json.loads(SMALL.model_dump_json())})
    net = small_net(classes=len(scheme.structures) + 1)
    members = [{"segment": net.state_dict()}]
    save_bundle(path, Bundle("uncertainty-unet", "paper", json.loads(recipe.model_dump_json()), scheme, members, card))
    return ready_model(path, CPU)


def test_a_bundle_keeps_which_parts_make_the_myocardium(tmp_path: Path) -> None:
    model_of(EMIDEC, tmp_path / "m.safetensors")
    assert load_bundle(tmp_path / "m.safetensors").scheme.unions == EMIDEC.unions


def test_samples_are_refused_where_a_method_has_none(tmp_path: Path) -> None:
    model = model_of(ACDC, tmp_path / "m.safetensors")
    with pytest.raises(BadConfiguration, match="at least 2"):
        sampling_model(model, 1)
    with pytest.raises(BadConfiguration, match="leave out --mc-samples"):
        sampling_model(replace(model, stages=(object(),)), 5)


def test_a_single_frame_must_say_its_modality_to_a_method_for_both(tmp_path: Path) -> None:
    model, study = model_of(EMIDEC, tmp_path / "m.safetensors"), ring_study(n_frames=1)
    with pytest.raises(WrongKindOfScan, match="--modality lge"):
        segment_study(study, model, CPU)
    with pytest.raises(WrongKindOfScan, match="late enhancement, as this model"):
        segment_study(with_facts(study, Facts(modality="cine")), model, CPU)
    with pytest.raises(WrongKindOfScan, match="late enhancement, as this model"):
        segment_study(ring_study(n_frames=2), model, CPU)  # several frames: a cine
    with pytest.raises(WrongKindOfScan, match="as --modality says"):
        with_facts(with_facts(study, Facts(modality="lge")), Facts(modality="cine"))
    taken = with_modality(study, METHOD.accepts.modalities - {"lge"})
    assert taken.facts.modality == "cine" and [note.code for note in taken.notes] == ["SA-W119"]
    assert not with_modality(ring_study(n_frames=2), METHOD.accepts.modalities).notes


def test_late_enhancement_ends_in_infarct_uncertainty_and_the_word_experimental(tmp_path: Path) -> None:
    model = sampling_model(model_of(EMIDEC, tmp_path / "m.safetensors", experimental="made of pictures"), 3)
    study = with_facts(ring_study(n_frames=1, rows=32, cols=32, centre=(16, 16)), Facts(modality="lge"))
    measures = segment_study(study, model, CPU).measures
    assert {"infarct_volume_ml", "infarct_mass_g", "infarct_percent", "no_reflow_percent"} <= set(measures["infarct"])
    assert measures["uncertainty"]["n_samples"] == 3 and measures["uncertainty"]["image_variance"] > 0
    assert "infarct_dice_within_samples" in measures["uncertainty"]
    assert any("experimental: made of pictures" in note["text"] for note in measures["notes"])
    assert measures["experimental"] == "made of pictures"


@pytest.mark.parametrize(("low", "noted"), [(0.0, False), (1.0, True)])
def test_what_counts_as_little_certainty_is_the_models_own(low: float, noted: bool, tmp_path: Path) -> None:
    model = model_of(EMIDEC, tmp_path / "m.safetensors", low_heart_probability=low)
    torch.nn.init.constant_(model.nets["segment"][0].head.bias[1:2], 1.0)  # an untrained network that finds a heart
    study = with_facts(ring_study(n_frames=1, rows=32, cols=32, centre=(16, 16)), Facts(modality="lge"))
    measures = segment_study(study, model, CPU).measures
    assert measures["certainty"]["heart_probability"] is not None
    assert ("SA-W116" in {note["code"] for note in measures["notes"]}) == noted


def test_a_variance_map_is_written_on_the_scans_own_grid(tmp_path: Path) -> None:
    model_of(ACDC, tmp_path / "m.safetensors", experimental="a test")
    study = ring_study(n_frames=1)
    affine = np.diag([2.0, 2.0, 8.0, 1.0])
    nib.Nifti1Image(study.image[0].transpose(2, 1, 0), affine).to_filename(tmp_path / "scan.nii.gz")
    options = SegmentOptions(
        model=str(tmp_path / "m.safetensors"), device="cpu", mc_samples=2, facts=Facts(modality="cine")
    )
    result = segment_cohort([tmp_path / "scan.nii.gz"], tmp_path / "out", options)
    assert result.done == ["scan"] and "experimental a test" in result.terms.lower().replace(":", "")
    for name in ("scan_labels.nii.gz", "scan_variance.nii.gz"):
        assert b"EXPERIMENTAL" in nib.load(tmp_path / "out/scan" / name).header["descrip"].item()
    assert json.loads((tmp_path / "out/scan/manifest.json").read_text())["model"]["card"]["experimental"] == "a test"
    assert "a test" in (tmp_path / "out/measures.csv").read_text("utf-8")
    variance = nib.load(tmp_path / "out/scan/scan_variance.nii.gz")
    assert variance.get_data_dtype() == np.float32 and variance.shape == study.image.shape[:0:-1]
    np.testing.assert_array_equal(variance.affine, affine)
    assert np.asarray(variance.dataobj).max() > 0
    written = json.loads((tmp_path / "out/scan/measures.json").read_text())
    assert written["uncertainty"]["lv_dice_within_samples"] is not None or written["reasons"]
    assert "Monte-Carlo samples" in (tmp_path / "out/scan/report.html").read_text("utf-8")
