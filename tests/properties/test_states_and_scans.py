"""Checkpoints and models come back bit by bit; the order of a scan's files on disk means nothing."""

from __future__ import annotations

import random
import shutil

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from shortaxis.core.errors import ShortaxisError
from shortaxis.core.labels import ACDC
from shortaxis.files.bundle import Bundle, load_bundle, save_bundle
from shortaxis.read.dicom.study import read_dicom
from shortaxis.train.state import State, load_state, save_state
from tests.lookalike.dicom_sets import Cine, every_file, make_ge, make_siemens

KEYS = st.text("abcxyz.", min_size=1, max_size=8)
TENSORS = st.dictionaries(
    KEYS,
    hnp.arrays(np.float32, hnp.array_shapes(max_dims=3, max_side=4), elements=st.floats(-1e4, 1e4, width=16)),
    min_size=1, max_size=3,
)  # fmt: skip
IDENTITY = {"recipe": {"steps": 3}, "cases": ["a", "b"], "scheme": "acdc"}


@given(TENSORS, TENSORS, st.integers(0, 10**9), st.lists(st.floats(0, 1e3), max_size=4))
def test_a_state_of_training_comes_back_bit_by_bit(tmp_path_factory, net, moments, step, losses):
    folder = tmp_path_factory.getbasetemp() / "state"
    shutil.rmtree(folder, ignore_errors=True)
    as_tensors = {key: torch.from_numpy(value) for key, value in net.items()}
    optimiser = {f"0.{key}": torch.from_numpy(value) for key, value in moments.items()}
    state = State(step, as_tensors, optimiser, validation_losses=losses, best_loss=min(losses, default=None))
    save_state(folder, state, IDENTITY)
    again = load_state(folder, IDENTITY)
    assert again is not None and again.step == step and again.validation_losses == losses
    assert again.best_loss == state.best_loss and not again.average and not again.best
    for ours, theirs in ((again.net, as_tensors), (again.optimiser, optimiser)):
        assert set(ours) == set(theirs) and all(torch.equal(ours[key], theirs[key]) for key in ours)
    with pytest.raises(ShortaxisError, match="SA-E066"):
        load_state(folder, {**IDENTITY, "scheme": "mnms"})


@given(st.lists(TENSORS, min_size=1, max_size=3), st.dictionaries(st.sampled_from(["licence", "citation"]), KEYS))
def test_a_model_file_holds_every_fold_s_weights_to_the_bit_that_half_precision_keeps(tmp_path_factory, folds, card):
    path = tmp_path_factory.getbasetemp() / "model.safetensors"
    members = [{"segment": {key: torch.from_numpy(value) for key, value in fold.items()}} for fold in folds]
    given_ = Bundle("unet", "tuned", {"segment": {}}, ACDC, members, card)
    sha256 = save_bundle(path, given_)
    again = load_bundle(path)
    assert again.sha256 == sha256 and again.card == card and again.scheme.codes == ACDC.codes
    for ours, theirs in zip(again.members, members, strict=True):
        assert set(ours["segment"]) == set(theirs["segment"])
        assert all(torch.equal(ours["segment"][key], theirs["segment"][key]) for key in ours["segment"])


@given(st.integers(0, 10**6), st.sampled_from([make_siemens, make_ge]))
@settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow])
def test_a_scan_s_files_in_any_order_under_any_name_are_the_same_cine(tmp_path_factory, seed, make):
    root = tmp_path_factory.mktemp("scan")
    cine = Cine(n_phases=8, n_slices=3)
    make(root / "original", cine)
    rng = random.Random(seed)
    files = every_file(root / "original")
    numbers = rng.sample(range(10**6), len(files))
    for path, number in zip(files, numbers, strict=True):
        target = root / "shuffled" / str(number % 3) / f"{number}{rng.choice(['', '.dcm', '.IMA'])}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    (ours,), (theirs,) = read_dicom(root / "shuffled"), read_dicom(root / "original")
    np.testing.assert_array_equal(ours.image, theirs.image)
    np.testing.assert_array_equal(ours.image, cine.truth())
    np.testing.assert_array_equal(ours.grid.affine, theirs.grid.affine)
    assert ours.name == theirs.name and ours.sha256 == theirs.sha256 and ours.facts == theirs.facts
