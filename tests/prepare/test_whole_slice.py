"""A whole slice becomes a square input, its displacement undone on the way in and put back on the way out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shortaxis.core.errors import LabelsMissing
from shortaxis.core.labels import ACDC
from shortaxis.core.study import Study
from shortaxis.prepare.align import SliceShifts
from shortaxis.prepare.augment import AugmentConfig
from shortaxis.prepare.whole_slice import WholeSliceConfig, cut_whole_slices, vary_whole_slice, whole_slice_examples
from tests.lookalike.ring_study import ring_study

SHIFTS = ((0.0, 0.0), (4.0, -3.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0))


@pytest.fixture(autouse=True)
def known_shifts(monkeypatch: pytest.MonkeyPatch) -> None:
    """How displacements are found is tested with align.py; here they are known, one number for every slice."""

    def align_study(study: Study) -> tuple[Study, SliceShifts]:
        return study, SliceShifts(tuple(SHIFTS[: study.grid.shape[0]]))

    monkeypatch.setattr("shortaxis.prepare.whole_slice.align_study", align_study)


def displaced(rows: int = 64, cols: int = 64) -> Study:
    """A ring study whose second slice sits 4 rows lower and 3 columns to the left of the others."""
    study = ring_study(
        n_frames=1, slices=6, rows=rows, cols=cols, centre=(rows / 2, cols / 2), spacing_mm=(8.0, 2.0, 2.0)
    )
    assert study.labels is not None

    def moved(stack: np.ndarray) -> np.ndarray:
        planes = [np.roll(stack[0, index], (int(row), int(col)), (0, 1)) for index, (row, col) in enumerate(SHIFTS)]
        return np.stack(planes)[None]

    return replace(study, image=moved(study.image), labels=replace(study.labels, array=moved(study.labels.array)))


def test_a_displaced_slice_is_moved_back_before_it_is_cut() -> None:
    cut = list(whole_slice_examples(displaced(), ACDC, WholeSliceConfig(size_px=64)))
    kept = list(whole_slice_examples(displaced(), ACDC, WholeSliceConfig(size_px=64, misalignment="kept")))
    inside = slice(8, -8)  # what leaves the plane is lost at its border
    for index, (row, col) in enumerate(SHIFTS):
        back = np.roll(kept[index].image[0], (-int(row), -int(col)), (0, 1))
        np.testing.assert_array_equal(cut[index].image[0, inside, inside], back[inside, inside])
    assert np.abs(cut[1].image[0] - kept[1].image[0])[inside, inside].max() > 50  # of grey values to 235


def test_the_displacements_of_a_study_are_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    study, asked = displaced(), []

    def counted(study: Study) -> tuple[Study, SliceShifts]:
        asked.append(study)
        return study, SliceShifts(SHIFTS)

    monkeypatch.setattr("shortaxis.prepare.whole_slice.align_study", counted)
    for _ in range(3):
        assert len(list(cut_whole_slices(study, [0], WholeSliceConfig(size_px=32)))) == 6
    assert len(asked) == 1


@pytest.mark.parametrize("fit", ["pad", "stretch"])
@pytest.mark.parametrize("size", [(64, 64), (50, 71)])
def test_what_is_found_on_the_input_comes_back_onto_the_sources_pixels(fit: str, size: tuple[int, int]) -> None:
    study = displaced(*size)
    assert study.labels is not None
    config = WholeSliceConfig(size_px=4 * max(size), fit=fit)  # pyright: ignore[reportArgumentType]
    for sample in whole_slice_examples(study, ACDC, config):
        restored = sample.place.restore(sample.fields["labels"].array, "nearest")
        np.testing.assert_array_equal(restored, study.labels.array[0, sample.place.slices[0]])


def test_padding_keeps_the_aspect_and_stretching_fills_the_square() -> None:
    study = ring_study(n_frames=1, slices=1, rows=40, cols=80)
    padded, stretched = (
        next(iter(whole_slice_examples(study, ACDC, WholeSliceConfig(size_px=80, fit=fit, misalignment="kept"))))
        for fit in ("pad", "stretch")
    )
    assert padded.image.shape == stretched.image.shape == (1, 80, 80)
    assert not padded.image[0, :20].any() and not padded.image[0, 60:].any()
    assert stretched.image[0].any(axis=1).all()
    heart = [np.ptp(np.argwhere(sample.fields["labels"].array), axis=0) + 1 for sample in (padded, stretched)]
    assert heart[1][0] == pytest.approx(2 * heart[0][0], abs=1) and heart[1][1] == heart[0][1]


def test_examples_prepared_without_variation_are_what_prediction_cuts() -> None:
    study, config = displaced(), WholeSliceConfig(size_px=48)
    examples = list(whole_slice_examples(study, ACDC, config))
    for example, sample in zip(examples, cut_whole_slices(study, [0], config), strict=True):
        for rng in (None, np.random.default_rng(0)):  # the paper names no variation
            np.testing.assert_allclose(vary_whole_slice(example, rng, config).image, sample.image, atol=1e-6)
    varied = WholeSliceConfig(size_px=48, augment=AugmentConfig())
    one, other = (vary_whole_slice(examples[0], np.random.default_rng(seed), varied) for seed in (1, 2))
    assert np.abs(one.image - other.image).max() > 0.1


def test_a_study_without_labels_gives_no_examples() -> None:
    with pytest.raises(LabelsMissing):
        list(whole_slice_examples(replace(ring_study(), labels=None), ACDC, WholeSliceConfig()))
