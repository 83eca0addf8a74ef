"""Anatomy goes by name: numbers are translated by hand here, once."""

from __future__ import annotations

import numpy as np
import pytest

from shortaxis.core.errors import BadConfiguration, UnknownName
from shortaxis.core.labels import (
    ACDC,
    EMIDEC,
    LEFT_VENTRICLE,
    MNMS,
    SCHEMES,
    Labels,
    LabelScheme,
    Structure,
    scheme_named,
)

ALL = np.arange(4, dtype=np.uint8)
EMIDEC_ALL = np.arange(5, dtype=np.uint8)


def test_acdc_and_mnms_number_the_ventricles_the_other_way_round() -> None:
    np.testing.assert_array_equal(ACDC.translate(ALL, MNMS), [0, 3, 2, 1])
    np.testing.assert_array_equal(MNMS.translate(ALL, ACDC), [0, 3, 2, 1])
    np.testing.assert_array_equal(ACDC.translate(ALL, ACDC), ALL)


def test_a_structure_the_target_lacks_becomes_background() -> None:
    np.testing.assert_array_equal(ACDC.translate(ALL, LEFT_VENTRICLE), [0, 0, 2, 1])
    np.testing.assert_array_equal(LEFT_VENTRICLE.translate(ALL[:3], ACDC), [0, 3, 2])


def test_scar_counts_as_myocardium_where_only_that_is_known() -> None:
    np.testing.assert_array_equal(EMIDEC.translate(EMIDEC_ALL, ACDC), [0, 3, 2, 2, 2])
    np.testing.assert_array_equal(EMIDEC.translate(EMIDEC_ALL, LEFT_VENTRICLE), [0, 1, 2, 2, 2])
    np.testing.assert_array_equal(EMIDEC.translate(EMIDEC_ALL, EMIDEC), EMIDEC_ALL)


def test_a_translation_keeps_shape_and_is_uint8() -> None:
    labels = np.zeros((2, 3, 4, 5), np.int64)
    assert ACDC.translate(labels, MNMS).shape == labels.shape and ACDC.translate(labels, MNMS).dtype == np.uint8


def test_a_union_is_the_sum_of_its_parts() -> None:
    np.testing.assert_array_equal(EMIDEC.mask(EMIDEC_ALL, Structure.MYOCARDIUM), [False, False, True, True, True])
    np.testing.assert_array_equal(EMIDEC.mask(EMIDEC_ALL, Structure.INFARCT), [False, False, False, True, False])
    np.testing.assert_array_equal(ACDC.mask(ALL, Structure.MYOCARDIUM), [False, False, True, False])
    assert EMIDEC.has(Structure.MYOCARDIUM) and not EMIDEC.has(Structure.RV_CAVITY)


@pytest.mark.parametrize(("scheme", "structure"), [(ACDC, Structure.INFARCT), (EMIDEC, Structure.MYOCARDIUM)])
def test_a_stranger_or_a_union_has_no_number(scheme: LabelScheme, structure: Structure) -> None:
    with pytest.raises(KeyError):
        scheme.code_of(structure)


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=lambda scheme: scheme.name)
def test_structures_stand_in_the_order_of_their_numbers_from_one(scheme: LabelScheme) -> None:
    assert list(scheme.codes) == list(range(1, len(scheme.codes) + 1))
    assert [scheme.code_of(structure) for structure in scheme.structures] == list(scheme.codes)
    shuffled = LabelScheme("x", dict(sorted(scheme.codes.items(), reverse=True)))
    assert shuffled.structures == scheme.structures


def test_a_scheme_is_found_by_its_name_or_refused_with_the_known_ones() -> None:
    assert scheme_named("mnms") is MNMS
    with pytest.raises(UnknownName, match="acdc, mnms, lv, emidec, myocardium"):
        scheme_named("brats")


def test_what_was_drawn_is_known_per_frame_slice_and_structure() -> None:
    labels = Labels.complete(np.zeros((3, 2, 4, 4), np.uint8), ACDC)
    assert labels.annotated.shape == (3, 2, 3) and labels.annotated_frames() == (0, 1, 2)
    labels.annotated[1] = False
    labels.annotated[2, :, 1:] = False
    assert labels.annotated_frames() == (0, 2)


def test_a_whole_that_the_other_scheme_numbers_only_by_its_parts_is_refused_not_dropped() -> None:
    with pytest.raises(BadConfiguration, match="a number for myocardium"):
        ACDC.translate(np.array([2], np.uint8), EMIDEC)
