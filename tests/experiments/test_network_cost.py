"""Parameters and multiply-adds, counted by hand for a network of two convolutions and read off recipes of full width."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shortaxis.core.errors import LabelsMissing
from shortaxis.core.labels import ACDC
from shortaxis.core.recipe import FitRecipe
from shortaxis.experiments.network_cost import drawn_box, network_cost
from shortaxis.methods import foanet
from tests.lookalike.ring_study import ring_study
from tests.train.tiny import SIDE, TinyStage

TINY = TinyStage(FitRecipe(steps=1, batch=1), norm=False, channels=1)


def test_two_convolutions_by_hand() -> None:
    cost = network_cost(TINY, ACDC, ring_study(slices=5), None)
    # 3x3 from 1 channel to 6, and from 6 to 4 classes, each with a bias; 12 x 12 pixels.
    assert cost.parameters == (9 * 1 * 6 + 6) + (9 * 6 * 4 + 4)
    assert cost.input_shape == (1, SIDE, SIDE)
    assert cost.multiply_adds == SIDE * SIDE * (9 * 1 * 6 + 9 * 6 * 4)
    assert cost.samples == 5 and cost.per_slice == cost.multiply_adds


def test_the_tuned_foanet_has_the_multiply_adds_of_its_page() -> None:
    stage = foanet.stages(foanet.TUNED)[-1]
    cost = network_cost(stage, ACDC, ring_study(slices=2), drawn_box(ring_study()))
    assert cost.input_shape == (3, 96, 96) and cost.parameters == 3_639_228
    assert f"{cost.per_slice / 1e9:.2f}" == "1.04"


def test_the_drawn_box_holds_all_that_is_drawn_and_no_more() -> None:
    study = ring_study()
    assert study.labels is not None
    found = drawn_box(study)
    assert found.boxes is not None and found.boxes.shape == (study.n_frames, study.grid.shape[0], 4)
    first_row, first_col, last_row, last_col = (int(value) for value in found.boxes[0, 0])
    inside = study.labels.array[..., first_row : last_row + 1, first_col : last_col + 1]
    assert inside.any() and (inside > 0).sum() == (study.labels.array > 0).sum()
    assert inside[..., 0, :].any() and inside[..., -1, :].any() and inside[..., 0].any() and inside[..., -1].any()
    with pytest.raises(LabelsMissing):
        drawn_box(replace(study, labels=None))
