"""What readers drew is no error: the rules of thumb leave the reference labels of ACDC alone."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from shortaxis.read.acdc import find_acdc, read_acdc_labelled
from shortaxis.repair.apex import drop_false_apex
from shortaxis.repair.atria import drop_atria


@pytest.mark.realdata
def test_no_reference_frame_of_acdc_loses_a_slice_to_the_atria_or_the_apex() -> None:
    for folder in find_acdc(Path(os.environ["SHORTAXIS_DATA"]) / "acdc" / "training"):
        study = read_acdc_labelled(folder)
        assert study.labels is not None
        for frame in (study.facts.ed_index, study.facts.es_index):
            assert frame is not None
            labels, scheme = study.labels.array[frame], study.labels.scheme
            kept = drop_false_apex(drop_atria(labels, scheme), scheme)
            np.testing.assert_array_equal(kept, labels, err_msg=folder.name)
