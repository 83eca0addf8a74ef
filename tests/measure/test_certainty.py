"""How sure the network was: over the heart's pixels, of the less sure phase."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shortaxis.measure.certainty import LOW, NOTE, certainty_in, heart_probability

NAN = np.nan


def labels_of(*counts: tuple[int, ...]) -> np.ndarray:
    """[frame, slice, 1, 10] with so many heart pixels in each slice."""
    return np.array([[[[1] * n + [0] * (10 - n)] for n in frame] for frame in counts], np.uint8)


def measures(ed: int | None, es: int | None) -> dict[str, Any]:
    return {"phases": {"ed_index": ed, "es_index": es}, "notes": [], "reasons": {}}


def test_slices_count_by_their_pixels_and_the_lower_frame_stands() -> None:
    certainty = np.array([[0.9, 0.98], [0.99, NAN]])
    labels = labels_of((2, 6), (4, 0))
    assert heart_probability(certainty, labels, [0]) == pytest.approx((2 * 0.9 + 6 * 0.98) / 8)
    assert heart_probability(certainty, labels, [0, 1]) == pytest.approx(0.96)


def test_frames_between_the_phases_do_not_count() -> None:
    certainty = np.array([[0.96], [0.5], [0.95]])
    told = certainty_in(measures(0, 2), certainty, labels_of((3,), (3,), (3,)))
    assert told["certainty"]["heart_probability"] == pytest.approx(0.95) and told["notes"] == []


def test_a_low_one_is_noted_and_without_phases_all_frames_are_looked_at() -> None:
    told = certainty_in(measures(None, None), np.array([[0.96], [LOW - 0.01]]), labels_of((3,), (3,)))
    assert told["notes"] == [{"code": "SA-W116", "text": NOTE.text}]


def test_a_model_may_have_its_own_idea_of_low() -> None:
    def noted(low: float) -> bool:
        return bool(certainty_in(measures(None, None), np.array([[0.92]]), labels_of((3,)), low)["notes"])

    assert (noted(0.921), noted(0.92), noted(LOW)) == (True, False, True)


def test_without_a_heart_it_is_undefined_with_a_reason() -> None:
    told = certainty_in(measures(None, None), np.array([[NAN]]), labels_of((0,)))
    assert told["certainty"]["heart_probability"] is None
    assert told["reasons"] == {"certainty.heart_probability": "no heart was found"}
