"""A comparison's data: no scan on two sides, not in another data set either, and the same ones whenever it goes on."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import shortaxis
from shortaxis.core.errors import CannotResume, LeakingSplit
from shortaxis.core.labels import ACDC
from shortaxis.experiments.compare.folds import read_split
from shortaxis.experiments.compare.patients import phantom_cases
from shortaxis.experiments.compare.plan import Entry, Plan
from shortaxis.experiments.compare.run import compare
from shortaxis.experiments.compare.same_data import DATA, STAGES, refuse_copies, refuse_other_data
from shortaxis.jobs.training_cases import training_cases
from shortaxis.train.folds import Fold, split_by_patient
from shortaxis.train.run import without_known_copies
from tests.lookalike.acdc_tree import make_acdc_tree


def copied(folder: Path, source: Path, name: str) -> None:
    """A patient's images once more: as float32, packed otherwise, under another name. The labels are those of `name`."""
    for path in sorted(source.glob("*_frame??.nii.gz")):
        image = nib.load(path)
        other = nib.Nifti1Image(np.asarray(image.dataobj, np.float32), None, image.header)  # pyright: ignore
        other.header.set_data_dtype(np.float32)
        target = folder / name / path.name.replace(source.name, name)
        target.write_bytes(gzip.compress(other.to_bytes(), 1))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Four patients, of whom the fourth is the first under another name."""
    folders = make_acdc_tree(tmp_path / "acdc", 4)
    copied(folders[3].parent, folders[0], "patient004")
    return tmp_path / "acdc"


def test_a_copy_is_refused_before_anything_is_trained(tree: Path, tmp_path: Path) -> None:
    cases = training_cases(tree, "acdc", ACDC)
    folds = split_by_patient([case.patient for case in cases], {}, 4, seed=0)
    with pytest.raises(LeakingSplit, match=r"patient001.*patient004|patient004.*patient001"):
        refuse_copies(cases, folds, ACDC)
    plan = Plan((Entry("unet", "unet"),), tree, "acdc", tmp_path / "out", which="all", folds=4, device="cpu")
    with pytest.raises(LeakingSplit):
        compare(plan)
    assert not (tmp_path / "out/stages").exists()


def test_copies_on_one_side_of_every_fold_that_is_run_are_none(tree: Path) -> None:
    cases = training_cases(tree, "acdc", ACDC)
    kept = Fold(("patient002", "patient003"), ("patient001", "patient004"))
    assert len(refuse_copies(cases, [kept], ACDC)) == 4


def test_a_copy_in_another_data_set_is_refused_where_it_was_trained_on(tree: Path, tmp_path: Path) -> None:
    make_acdc_tree(tmp_path / "own", 2, seed=5)
    copied(tmp_path / "own/training", tree / "training/patient002", "patient002")
    cases = training_cases(tree, "acdc", ACDC)
    trained = Fold(("patient002", "patient003"), ("patient001",))
    with pytest.raises(LeakingSplit, match=r"patient002 \(patient acdc: patient002, tested on in acdc\)"):
        refuse_copies(cases, [trained], ACDC, [("acdc", tmp_path / "own")])
    held_out = Fold(("patient001", "patient003"), ("patient002",))
    refuse_copies(cases, [held_out], ACDC, [("acdc", tmp_path / "own")])


def test_a_folder_goes_on_with_the_data_it_was_begun_with_alone(tmp_path: Path) -> None:
    seen = refuse_copies(phantom_cases(3), [Fold(("phantom-0", "phantom-1"), ("phantom-2",))], ACDC)
    refuse_other_data(tmp_path, seen)
    refuse_other_data(tmp_path, seen)
    refuse_other_data(tmp_path, seen[:1])  # another fold, of whom some are known
    with pytest.raises(CannotResume, match="labels of phantom-1"):
        refuse_other_data(tmp_path, [seen[0], replace(seen[1], labels=b"drawn otherwise")])
    with pytest.raises(CannotResume, match="phantom-2"):
        refuse_other_data(tmp_path, [replace(seen[2], planes=frozenset({b"another scan"}))])


def test_another_version_does_not_go_on_in_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = refuse_copies(phantom_cases(2), [Fold(("phantom-0",), ("phantom-1",))], ACDC)
    refuse_other_data(tmp_path, seen)
    monkeypatch.setattr("shortaxis.experiments.compare.same_data.__version__", "9.0")
    with pytest.raises(CannotResume, match=shortaxis.__version__):
        refuse_other_data(tmp_path, seen)


@pytest.mark.parametrize("text", ["", "[]", '{"program": "1"}', json.dumps({"program": "1", "cases": 3})])
def test_a_note_of_the_data_that_cannot_be_read_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / DATA).write_text(text)
    with pytest.raises(CannotResume):
        refuse_other_data(tmp_path, [])


def test_stages_without_a_note_of_what_they_were_trained_on_are_refused(tmp_path: Path) -> None:
    (tmp_path / STAGES).mkdir()
    with pytest.raises(CannotResume, match=DATA):
        refuse_other_data(tmp_path, [])


@pytest.mark.realdata
def test_acdcs_one_scan_under_two_names_is_the_only_one_in_its_folds(data_root: Path) -> None:
    cases = training_cases(data_root / "acdc/training", "acdc", ACDC)
    pair = [case for case in cases if case.scan]
    assert [case.name for case in pair] == ["patient074", "patient076"]
    one, other = (case.read() for case in pair)
    assert np.array_equal(one.image, other.image)
    refuse_copies(cases, [without_known_copies(fold, cases) for fold in read_split("acdc-5")], ACDC)
    with pytest.raises(LeakingSplit, match="16 planes"):
        refuse_copies(cases, read_split("acdc-5"), ACDC)
