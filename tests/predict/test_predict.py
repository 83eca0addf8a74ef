"""From fitted networks to labels on the study's own grid, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from shortaxis.core.compute import Compute
from shortaxis.core.errors import MemoryExhausted
from shortaxis.core.found import Found, Inferred, Piece
from shortaxis.core.labels import ACDC, MNMS, LabelScheme
from shortaxis.core.place import Place
from shortaxis.core.recipe import FitRecipe
from shortaxis.core.sample import Batch, Sample
from shortaxis.core.study import Note, Study
from shortaxis.predict import cine
from shortaxis.predict.cine import frames_at_once, segment_cine
from shortaxis.predict.run import BATCH, mean_of, run_stage
from shortaxis.prepare.heart_crop import HeartCropConfig, heart_steps, through
from shortaxis.prepare.restore import paste_slices
from tests.lookalike.ring_study import GREY, LV, MYOCARDIUM, RV, ring_study, stored_as
from tests.train.tiny import TinyNet, TinyStage

CPU = Compute("cpu", False)


@dataclass(frozen=True)
class ByGrey(TinyStage):
    """Knows the ring study's grey values: a perfect segmenter, whose pieces are whole slices."""

    def cut(self, study: Study, upstream: Found | None, frames: Sequence[int]) -> Iterable[Sample]:
        for frame in frames:
            for index in range(study.grid.shape[0]):
                yield Sample(study.image[frame, index][None].astype(np.float32), Place(frame, (index,)))

    def infer(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Inferred:
        return Inferred(probs=torch.softmax(net(batch.image), 1))


class GreyNet(nn.Module):
    """The nearer the grey value, the likelier the structure."""

    def __init__(self, sharpness: float = 0.05, order: tuple[int, ...] = (0, RV, MYOCARDIUM, LV)) -> None:
        super().__init__()
        self.sharpness, self.order = sharpness, order
        self.batches: list[int] = []

    def forward(self, image: Tensor) -> Tensor:
        self.batches.append(len(image))
        return torch.cat([-self.sharpness * (image - GREY[code]).abs() for code in self.order], 1)


@dataclass(frozen=True)
class Locator(TinyStage):
    """Always the same box; complains if it runs where it should not."""

    box: tuple[float, float, float, float] = (10.0, 8.0, 38.0, 40.0)
    forbidden: bool = False
    name: str = "locate"

    def cut(self, study: Study, upstream: Found | None, frames: Sequence[int]) -> Iterable[Sample]:
        assert not self.forbidden, "a box was given by hand"
        return ByGrey(self.fit).cut(study, upstream, frames)

    def infer(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Inferred:
        return Inferred(corners=torch.tensor(self.box).reshape(1, 2, 2).repeat(len(batch.image), 1, 1))

    def paste(self, pieces: Sequence[tuple[Sample, Piece]], study: Study, frames: Sequence[int]) -> Found:
        boxes = np.tile(np.array(self.box), (len(frames), study.grid.shape[0], 1))
        return Found(tuple(frames), boxes=boxes, notes=(Note("SA-W998", "located"),))


FIT = FitRecipe(steps=1, batch=1)
BY_GREY = ByGrey(FIT)


def as_it_is(labels: np.ndarray, scheme: LabelScheme) -> np.ndarray:
    return labels


def segmented(study: Study, nets: Sequence[nn.Module], scheme: LabelScheme = ACDC) -> cine.CineLabels:
    return segment_cine((BY_GREY,), {"tiny": nets}, study, scheme, as_it_is, CPU)


@pytest.mark.parametrize("study", [ring_study(n_frames=3), stored_as(ring_study(slices=1), True, True, False)])
def test_labels_lie_on_the_studys_grid_voxel_by_voxel(study: Study) -> None:
    found = segmented(study, [GreyNet()])
    assert study.labels is not None and found.labels.dtype == np.uint8
    np.testing.assert_array_equal(found.labels, study.labels.array)


def test_channels_are_structures_in_the_order_of_the_schemes_numbers() -> None:
    study = ring_study(scheme=MNMS)
    found = segmented(study, [GreyNet(order=(0, LV, MYOCARDIUM, RV))], MNMS)
    assert study.labels is not None
    np.testing.assert_array_equal(found.labels, study.labels.array)


def test_an_ensemble_is_the_mean_of_probabilities() -> None:
    one = Inferred(probs=torch.tensor([[0.9, 0.1]]))
    two = Inferred(probs=torch.tensor([[0.2, 0.8]]))
    mean = mean_of([one, two])
    assert mean.probs is not None and mean.variance is None and mean.corners is None
    torch.testing.assert_close(mean.probs, torch.tensor([[0.55, 0.45]]))
    assert mean_of([one]) is one


def test_the_variance_of_an_ensemble_is_that_of_all_its_samples_together() -> None:
    drawn = torch.tensor([[[0.9, 0.1], [0.7, 0.3]], [[0.2, 0.8], [0.4, 0.6]]])  # [member, sample, class] at one voxel
    answers = [
        Inferred(probs=samples.mean(0)[None], variance=samples.var(0, correction=0).mean()[None]) for samples in drawn
    ]
    variance = mean_of(answers).variance
    assert variance is not None
    torch.testing.assert_close(variance, drawn.flatten(0, 1).var(0, correction=0).mean()[None])


def test_members_that_are_each_sure_and_disagree_are_not_sure_together() -> None:
    sure = [Inferred(probs=torch.tensor([[p, 1 - p]]), variance=torch.tensor([0.0])) for p in (0.1, 0.9)]
    variance = mean_of(sure).variance
    assert variance is not None
    torch.testing.assert_close(variance, torch.tensor([0.16]))


def test_an_ensemble_of_networks_gives_the_mean_of_what_each_gives() -> None:
    study = ring_study()
    nets = [GreyNet(0.05), GreyNet(0.01)]
    both = run_stage(BY_GREY, nets, study, None, [0, 1], CPU)
    alone = [run_stage(BY_GREY, [net], study, None, [0, 1], CPU).probs for net in nets]
    assert both.probs is not None and alone[0] is not None and alone[1] is not None
    np.testing.assert_allclose(both.probs[:, 1:], (alone[0][:, 1:] + alone[1][:, 1:]) / 2, atol=1e-6)


def test_a_network_is_never_given_more_than_a_batch() -> None:
    net = GreyNet()
    run_stage(BY_GREY, [net], ring_study(n_frames=5, slices=7), None, range(5), CPU)
    assert sum(net.batches) == 35 and max(net.batches) == BATCH


def test_images_are_let_go_before_the_pieces_are_pasted(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []

    def paste(self: ByGrey, pieces: Sequence[tuple[Sample, Piece]], study: Study, frames: Sequence[int]) -> Found:
        held.extend(sample.image.size for sample, _ in pieces)
        return paste_slices(pieces, study, frames)

    monkeypatch.setattr(ByGrey, "paste", paste)
    run_stage(BY_GREY, [GreyNet()], ring_study(n_frames=2), None, range(2), CPU)
    assert held and not any(held)


def test_no_gradient_is_kept() -> None:
    net = TinyNet(1, 4, norm=True, dropout=0.5).eval()
    run_stage(BY_GREY, [net], ring_study(n_frames=1), None, [0], CPU)
    assert all(parameter.grad is None for parameter in net.parameters())


def test_memory_in_parts_gives_the_same_labels_as_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    study = ring_study(n_frames=7, slices=3)
    torch.manual_seed(0)
    stage, net = TinyStage(FIT, channels=1), TinyNet(1, 4, norm=True, dropout=0.3).eval()
    told: list[tuple[int, int]] = []

    def labels() -> cine.CineLabels:
        told.clear()
        return segment_cine(
            (stage,), {"tiny": [net]}, study, ACDC, as_it_is, CPU, report=lambda *progress: told.append(progress)
        )

    whole = labels()
    assert frames_at_once(study, 4) > 7
    for frames in (1, 2, 3):
        budget = 2 * frames * int(np.prod(study.grid.shape)) * 4 * 4
        monkeypatch.setattr(cine, "PROBABILITY_BUDGET_BYTES", budget)
        assert frames_at_once(study, 4) == frames
        parts = labels()
        np.testing.assert_array_equal(parts.labels, whole.labels)
        np.testing.assert_allclose(parts.certainty, whole.certainty, atol=1e-5)
        assert told == [(done, 7) for done in range(1, 8)]


def test_at_least_one_frame_is_done_however_small_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cine, "PROBABILITY_BUDGET_BYTES", 1)
    assert frames_at_once(ring_study(), 4) == 1


def test_a_locator_runs_first_and_its_boxes_and_notes_are_kept() -> None:
    study = ring_study(n_frames=3)
    found = segment_cine(
        (Locator(FIT), BY_GREY), {"locate": [GreyNet()], "tiny": [GreyNet()]}, study, ACDC, as_it_is, CPU
    )
    assert found.boxes is not None and found.boxes.shape == (3, 4, 4)
    np.testing.assert_array_equal(found.boxes[2, 1], [10, 8, 38, 40])
    assert [note.code for note in found.notes] == ["SA-W998"]


def test_a_box_given_by_hand_takes_the_locators_place() -> None:
    study = ring_study()
    boxes = np.tile(np.array([1.0, 2, 30, 33]), (2, 4, 1))
    found = segment_cine(
        (Locator(FIT, forbidden=True), BY_GREY),
        {"locate": [GreyNet()], "tiny": [GreyNet()]},
        study,
        ACDC,
        as_it_is,
        CPU,
        located=Found((0, 1), boxes=boxes),
    )
    assert found.boxes is boxes and found.notes == ()


def test_certainty_is_the_mean_probability_over_the_heart_and_nothing_where_there_is_none() -> None:
    probs = np.zeros((4, 2, 1, 3), np.float32)  # [class, slice, row, col]
    probs[:, 0, 0] = [[0.4, 0.1, 0.9], [0.6, 0.1, 0.1], [0.0, 0.8, 0.0], [0, 0, 0]]
    probs[0, 1] = 1.0
    labels = np.array([[[1, 2, 0]], [[0, 0, 0]]], np.uint8)
    certainty = cine._certainty(probs, labels)
    assert certainty[0] == pytest.approx((0.6 + 0.8) / 2)
    assert np.isnan(certainty[1])


def test_repair_sees_one_frame_in_the_schemes_numbers_and_its_word_counts() -> None:
    seen: list[tuple[tuple[int, ...], str]] = []

    def without_right_ventricle(labels: np.ndarray, scheme: LabelScheme) -> np.ndarray:
        seen.append((labels.shape, scheme.name))
        return np.where(labels == RV, 0, labels).astype(np.uint8)

    study = ring_study(n_frames=2)
    found = segment_cine((BY_GREY,), {"tiny": [GreyNet()]}, study, ACDC, without_right_ventricle, CPU)
    assert seen == [((4, 48, 44), "acdc")] * 2
    assert set(np.unique(found.labels)) == {0, MYOCARDIUM, LV}


def test_what_repair_erased_from_every_slice_has_no_certainty() -> None:
    found = segment_cine(
        (BY_GREY,), {"tiny": [GreyNet()]}, ring_study(), ACDC, lambda labels, scheme: np.zeros_like(labels), CPU
    )
    assert np.isnan(found.certainty).all()


def test_pixels_no_window_covered_are_background_with_certainty() -> None:
    study = ring_study(n_frames=1, rows=60, cols=60)
    stage = TinyStage(FIT, channels=1)
    net = TinyNet(1, 4, norm=False, dropout=0.0).eval()
    box = Found((0,), boxes=np.tile(np.array([0.0, 0, 9, 9]), (1, 4, 1)))
    found = run_stage(stage, [net], study, box, [0], CPU)
    assert found.probs is not None
    np.testing.assert_array_equal(found.probs[:, 0, :, 50:, 50:], 1)
    np.testing.assert_array_equal(found.probs[:, 1:, :, 50:, 50:], 0)


def test_variance_is_pasted_where_its_slice_lies() -> None:
    study = ring_study(n_frames=2, slices=2, rows=3, cols=4)
    pieces = [
        (
            Sample(np.zeros((1, 3, 4), np.float32), Place(frame, (index,))),
            Piece(np.full((2, 3, 4), 0.5, np.float32), None, np.full((3, 4), 10 * frame + index, np.float32)),
        )
        for frame in (1, 0)
        for index in (1, 0)
    ]
    found = paste_slices(pieces, study, [1, 0])
    assert found.variance is not None and found.frames == (1, 0)
    np.testing.assert_array_equal(found.variance[:, :, 0, 0], [[10, 11], [0, 1]])


def test_the_window_does_not_move_the_heart_by_a_pixel() -> None:
    """Cut, resampled and pasted back, the ring is still where it was: centroids within a fifth of a pixel."""
    study = ring_study(n_frames=1, rows=90, cols=84, spacing_mm=(8.0, 1.3, 1.7), centre=(50.0, 47.0))
    assert study.labels is not None
    config = HeartCropConfig(size_px=64, pixel_mm=1.5, reach=0)
    steps = heart_steps(study.grid, (40, 30, 60, 60), config, config.size_px)
    onehot = np.stack([study.labels.array[0, 0] == code for code in range(4)]).astype(np.float32)
    piece = Piece(np.asarray(through(steps, onehot), np.float32), None, None)
    found = paste_slices([(Sample(piece.probs, Place(0, (0,), steps)), piece)], study, [0])  # type: ignore[arg-type]
    assert found.probs is not None
    for code in (1, 2, 3):
        before = np.argwhere(onehot[code] > 0.5).mean(0)
        weights = found.probs[0, code, 0]
        after = (np.indices(weights.shape) * weights).sum((1, 2)) / weights.sum()
        np.testing.assert_allclose(after, before, atol=0.2)


def test_a_device_without_enough_memory_is_told_by_name_and_not_as_a_fault_of_ours() -> None:
    class Greedy(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    stage = ByGrey(FitRecipe(steps=1, batch=1))
    with pytest.raises(MemoryExhausted, match="the stage tiny of ring on cpu"):
        run_stage(stage, [Greedy()], ring_study(), None, [0], CPU)
