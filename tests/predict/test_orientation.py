"""Which way up the heart is: the header is believed until the picture says otherwise, clearly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from shortaxis.core.compute import Compute
from shortaxis.core.found import Found, Inferred, Piece
from shortaxis.core.labels import ACDC, LabelScheme
from shortaxis.core.method import Loss
from shortaxis.core.place import Place
from shortaxis.core.recipe import FitRecipe
from shortaxis.core.sample import Batch, Sample
from shortaxis.core.study import Study
from shortaxis.predict.orientation import DISAGREES, seen_as, settle_orientation
from shortaxis.prepare.orient import Orient, orient_to_display
from tests.lookalike.ring_study import ring_study

CPU = Compute("cpu", bfloat16=False)
WAYS = list(product((False, True), repeat=3))


@dataclass(frozen=True)
class OneWayUp:
    """A stage that finds whole hearts in one orientation, and in the others on a share of the slices, less surely."""

    likes: Orient
    elsewhere: float = 0.0
    certainty: float = 0.9  # of the orientation it likes
    certainty_elsewhere: float = 0.9
    apart_elsewhere: int = 0  # so many rows lie between what it finds in the others
    fit: FitRecipe = FitRecipe(steps=1, batch=1)
    name: str = "segment"

    def build(self, scheme: LabelScheme) -> nn.Module:
        return nn.Identity()

    def cut(self, study: Study, upstream: Found | None, frames: Sequence[int]) -> Iterator[Sample]:
        yield Sample(np.zeros((1, 2, 2), np.float32), Place(frames[0], (0,)))

    def examples(self, study: Study, scheme: LabelScheme, upstream: Found | None) -> Iterator[Sample]:
        return self.cut(study, upstream, [0])

    def augment(self, sample: Sample, rng: np.random.Generator | None) -> Sample:
        return sample

    def loss(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Loss:
        return Loss(batch.image.sum())

    def infer(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Inferred:
        return Inferred(probs=batch.image)

    def paste(self, pieces: Sequence[tuple[Sample, Piece]], study: Study, frames: Sequence[int]) -> Found:
        slices = study.grid.shape[0]
        liked = orient_to_display(study.grid) == self.likes
        whole = slices if liked else round(self.elsewhere * slices)
        apart = 4 if liked else 4 + self.apart_elsewhere
        probs = np.zeros((1, 4, *study.grid.shape), np.float32)
        probs[:, 0] = 0.5
        for code in (1, 2, 3):
            first = apart * code
            probs[0, code, :whole, first : first + 4, :8] = self.certainty if liked else self.certainty_elsewhere
        return Found(tuple(frames), probs=probs)


def another_way(study: Study) -> Orient:
    """Not the header's."""
    header = orient_to_display(study.grid)
    return Orient(header.shape, header.transpose, header.flip_rows, not header.flip_cols)


def settled(study: Study, stage: OneWayUp) -> tuple[Study, int]:
    shown, notes = settle_orientation([stage], {"segment": [nn.Identity()]}, study, ACDC, CPU)
    assert notes in ((), (DISAGREES,))
    return shown, len(notes)


@pytest.mark.parametrize("way", WAYS)
def test_a_study_can_be_shown_in_each_of_the_eight_ways(way: tuple[bool, bool, bool]) -> None:
    shown = seen_as(ring_study(), *way)
    assert orient_to_display(shown.grid) == Orient(shown.grid.shape[1:], *way)


def test_a_header_under_which_whole_hearts_are_found_is_believed() -> None:
    study = ring_study()
    assert settled(study, OneWayUp(orient_to_display(study.grid))) == (study, 0)


@pytest.mark.parametrize("way", WAYS)
def test_where_only_another_way_shows_a_whole_heart_that_way_is_taken_and_noted(way: tuple[bool, bool, bool]) -> None:
    study = ring_study()
    liked = Orient((study.grid.shape[1], study.grid.shape[2]), *way)
    shown, noted = settled(study, OneWayUp(liked))
    assert orient_to_display(shown.grid) == liked
    assert noted == (liked != orient_to_display(study.grid))
    np.testing.assert_array_equal(shown.image, study.image)


def test_a_way_that_is_hardly_better_is_not_taken() -> None:
    study = ring_study()
    nowhere = Orient((1, 1), True, True, True)
    assert settled(study, OneWayUp(nowhere, elsewhere=0.0)) == (study, 0)
    assert settled(study, OneWayUp(nowhere, elsewhere=0.5)) == (study, 0)


def test_pieces_that_do_not_touch_are_no_whole_heart() -> None:
    study = ring_study()
    liked = another_way(study)
    shown, noted = settled(study, OneWayUp(liked, elsewhere=1.0, apart_elsewhere=2))
    assert (orient_to_display(shown.grid), noted) == (liked, 1)


def test_where_the_network_doubts_a_whole_heart_a_way_that_leaves_clearly_less_doubt_is_taken() -> None:
    study = ring_study()
    liked = another_way(study)
    doubted = OneWayUp(liked, elsewhere=1.0, certainty=0.88, certainty_elsewhere=0.85)  # 0.12 of 0.15 left: four fifths
    shown, noted = settled(study, doubted)
    assert (orient_to_display(shown.grid), noted) == (liked, 1)
    hardly = OneWayUp(
        liked, elsewhere=1.0, certainty=0.87, certainty_elsewhere=0.85
    )  # 0.13 of 0.15: nearly nine tenths
    assert settled(study, hardly) == (study, 0)


def test_a_whole_heart_of_which_the_network_is_sure_is_believed_though_another_way_is_surer() -> None:
    study = ring_study()
    sure = OneWayUp(another_way(study), elsewhere=1.0, certainty=0.99, certainty_elsewhere=0.89)
    assert settled(study, sure) == (study, 0)


def test_a_way_that_shows_more_of_the_heart_but_less_surely_is_not_taken() -> None:
    study = ring_study()
    less_sure = OneWayUp(another_way(study), elsewhere=0.5, certainty=0.8, certainty_elsewhere=0.85)
    assert settled(study, less_sure) == (study, 0)
