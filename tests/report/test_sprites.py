"""Pictures of a report show the right pixels and stay small."""

from __future__ import annotations

import base64

import cv2
import numpy as np
import pytest

from shortaxis.report.sprites import Box, heart_box, middle_slice, sprite_sheets, stored_box, to_grey, window_of


def decoded(sheet: str) -> np.ndarray:
    data = np.frombuffer(base64.b64decode(sheet), np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    assert picture is not None
    return picture


def test_every_frame_stands_in_its_tile() -> None:
    image = np.zeros((7, 2, 16, 24), np.int16)
    image += np.arange(7, dtype=np.int16)[:, None, None, None] * 30
    sprites = sprite_sheets(image, Box(0, 0, 16, 24))
    assert len(sprites.sheets) == 2
    sheet = decoded(sprites.sheets[1])
    assert sheet.ndim == 2
    for frame in range(7):
        row, col = divmod(frame, sprites.columns)
        tile = sheet[row * 16 : (row + 1) * 16, col * 24 : (col + 1) * 24]
        assert np.median(tile) == pytest.approx(255 * frame / 6, abs=3)


def test_a_part_of_the_image_is_cut_where_asked() -> None:
    image = np.zeros((1, 1, 40, 40), np.float32)
    image[..., 8:24, 16:40] = 1
    assert decoded(sprite_sheets(image, Box(8, 16, 24, 40)).sheets[0]).min() > 240


def test_one_bright_voxel_does_not_darken_the_heart() -> None:
    image = np.tile(np.arange(1000.0), 10)
    image[0] = 1e9
    low, high = window_of(image)
    assert low == pytest.approx(5, abs=1)
    assert high == pytest.approx(995, abs=1)


@pytest.mark.parametrize("image", [np.full((2, 2), 7), np.full((2, 2), np.nan), np.zeros((1, 1))])
def test_an_image_without_content_still_has_a_window(image: np.ndarray) -> None:
    low, high = window_of(image)
    assert high > low


def test_voxels_that_are_not_finite_are_black_or_white() -> None:
    grey = to_grey(np.array([np.nan, np.inf, -np.inf, 0.5]), (0.0, 1.0))
    assert grey.tolist() == [0, 255, 0, 128]


def test_the_view_is_the_labelled_heart_with_a_margin_inside_the_image() -> None:
    labels = np.zeros((2, 2, 100, 120), np.uint8)
    labels[0, 0, 40:60, 50:70] = 1
    labels[1, 1, 45:50, 60:80] = 2
    box = heart_box(labels, margin=0.5)
    assert box == Box(20, 35, 80, 95)  # 20 rows and 30 columns: half of 30 and half of 30 around the middle


def test_with_nothing_labelled_the_view_is_the_whole_image() -> None:
    assert heart_box(np.zeros((1, 3, 50, 60), np.uint8)) == Box(0, 0, 50, 60)


def test_a_study_too_heavy_for_one_page_is_stored_around_the_heart_alone() -> None:
    heart = Box(10, 10, 90, 90)
    assert stored_box((30, 10, 256, 216), heart) == Box(0, 0, 256, 216)
    assert stored_box((50, 20, 512, 512), heart) == heart


def test_the_middle_slice_is_the_middle_of_what_is_labelled() -> None:
    labels = np.zeros((9, 4, 4), np.uint8)
    assert middle_slice(labels) == 4
    labels[5:8] = 1
    assert middle_slice(labels) == 6
