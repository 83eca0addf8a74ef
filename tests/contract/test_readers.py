"""What every reader promises, run over a look-alike of every data set: known axes, grid, facts, labels, refusals, hash.

A new reader adds one line to `READERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from shortaxis.core.errors import ShortaxisError
from shortaxis.core.labels import SCHEMES
from shortaxis.core.study import Study
from tests.lookalike.acdc_tree import add_cine, make_acdc_tree
from tests.lookalike.dicom_sets import Cine
from tests.lookalike.emidec_tree import make_emidec_png, make_emidec_tree
from tests.lookalike.lvquan_files import make_lvquan18, make_lvquan19
from tests.lookalike.mmwhs_tree import make_mmwhs_tree
from tests.lookalike.mnms_tree import make_mnms2_tree, make_mnms_tree
from tests.lookalike.segment_files import segment_fields, write_segment
from tests.lookalike.sunnybrook_tree import make_sunnybrook

Read = Callable[[], Study]


@dataclass(frozen=True)
class Reader:
    """How a look-alike is made and read.

    Attributes:
        make: makes the data set below a folder and gives what reads its labelled case.
        image: a pattern for one image file, without which the case must be refused.
        mm: whether lengths in the plane are known; volumes are known where slices are spaced.
        ml: whether a voxel's volume is known.
    """

    make: Callable[[Path], Read]
    image: str
    mm: bool = True
    ml: bool = True


def acdc(root: Path) -> Read:
    from shortaxis.read.acdc import read_acdc_labelled

    folder = make_acdc_tree(root, 1)[0]
    return lambda: read_acdc_labelled(folder)


def acdc_cine(root: Path) -> Read:
    from shortaxis.read.acdc import read_acdc_labelled

    folder = make_acdc_tree(root, 1)[0]
    add_cine(folder)
    for frame in folder.glob("*frame??.nii.gz"):
        frame.unlink()
    return lambda: read_acdc_labelled(folder)


def sunnybrook(root: Path) -> Read:
    from shortaxis.read.sunnybrook import read_sunnybrook

    folders = make_sunnybrook(root, Cine(n_phases=8), 6, 2)
    return lambda: read_sunnybrook(*folders)


def labelled(root: Path) -> Read:
    from shortaxis.core.labels import MNMS
    from shortaxis.read.labelled import find_labelled, read_labelled_case

    make_mnms_tree(root)
    (case, _) = find_labelled(root)
    return lambda: read_labelled_case(case, MNMS)


def emidec(root: Path) -> Read:
    from shortaxis.read.emidec import emidec_case, read_emidec_labelled

    folder = make_emidec_tree(root)[1]
    return lambda: read_emidec_labelled(emidec_case(folder))


def emidec_png(root: Path) -> Read:
    from shortaxis.read.emidec import emidec_png_cases, read_emidec_labelled

    case = emidec_png_cases(make_emidec_png(root))[0]
    return lambda: read_emidec_labelled(case)


def mnms(root: Path) -> Read:
    from shortaxis.read.mnms import read_mnms_labelled

    folder = make_mnms_tree(root)
    return lambda: read_mnms_labelled(folder)


def mnms2(root: Path) -> Read:
    from shortaxis.read.mnms import read_mnms_labelled

    folder = make_mnms2_tree(root)
    return lambda: read_mnms_labelled(folder)


def mmwhs(root: Path) -> Read:
    from shortaxis.read.mmwhs import find_mmwhs, read_mmwhs_labelled

    case = next(case for case in find_mmwhs(make_mmwhs_tree(root)) if case.labels)
    return lambda: read_mmwhs_labelled(case)


def lvquan19(root: Path) -> Read:
    from shortaxis.read.lvquan import LvquanCase, read_lvquan_labelled

    path = make_lvquan19(root / "patient1.mat")
    return lambda: read_lvquan_labelled(LvquanCase("patient1", path))


def lvquan18(root: Path) -> Read:
    from shortaxis.read.lvquan import LvquanCase, read_lvquan_labelled

    path = make_lvquan18(root / "cardiac-dig.mat")
    return lambda: read_lvquan_labelled(LvquanCase("patient002", path, 1))


def mouse(root: Path) -> Read:
    from shortaxis.read.mouse import find_mouse, read_mouse

    write_segment(root / "m12_day7.mat", segment_fields())
    (case,) = find_mouse(root)
    return lambda: read_mouse(case)


def mouse_nifti(root: Path) -> Read:
    from shortaxis.pipeline import write_phantom
    from shortaxis.read.mouse import find_mouse, read_mouse
    from shortaxis.read.phantom_mouse import MouseRecipe

    write_phantom(MouseRecipe(frames=3), root / "m12" / "day7")
    (case,) = find_mouse(root)
    return lambda: read_mouse(case)


READERS = {
    "acdc": Reader(acdc, "training/*/*frame04.nii.gz"),
    "acdc-cine": Reader(acdc_cine, "training/*/*_4d.nii.gz"),
    "sunnybrook": Reader(sunnybrook, "dicoms/*/*.dcm"),
    "labelled": Reader(labelled, "Training/Labeled/*/*_sa.nii.gz"),
    "emidec": Reader(emidec, "Case_P001/Images/*.nii.gz"),
    "emidec-png": Reader(emidec_png, "images/Case_N006_slice001.png", mm=False, ml=False),
    "mnms": Reader(mnms, "Training/Labeled/*/*_sa.nii.gz"),
    "mnms2": Reader(mnms2, "dataset/001/001_SA_ES.nii.gz"),
    "mmwhs": Reader(mmwhs, "mr_train/*_image.nii.gz"),
    "lvquan19": Reader(lvquan19, "patient1.mat", ml=False),
    "lvquan18": Reader(lvquan18, "cardiac-dig.mat", ml=False),
    "mouse": Reader(mouse, "m12_day7.mat"),
    "mouse-nifti": Reader(mouse_nifti, "m12/day7/phantom.nii.gz"),
}


@pytest.fixture(scope="module", params=READERS)
def read(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Reader, Study]:
    reader = READERS[request.param]
    return reader, reader.make(tmp_path_factory.mktemp(request.param))()


def test_the_image_has_four_axes_that_agree_with_the_grid(read: tuple[Reader, Study]) -> None:
    _, study = read
    assert study.image.ndim == 4 and study.image.shape[1:] == study.grid.shape
    assert study.image.dtype.isnative and study.image.dtype.kind in "iuf" and np.isfinite(study.image).all()
    assert study.image.min() < study.image.max()


def test_the_grid_knows_lengths_or_says_that_it_does_not(read: tuple[Reader, Study]) -> None:
    reader, study = read
    assert study.grid.affine.shape == (4, 4) and abs(np.linalg.det(study.grid.affine)) > 1e-6
    assert (study.grid.pixel_mm is not None, study.grid.voxel_ml is not None) == (reader.mm, reader.ml)
    assert all(0 < mm < 20 for mm in (*(study.grid.spacing_mm or ()), *(study.grid.pixel_mm or ())))


def test_every_frame_answers_to_one_output_file(read: tuple[Reader, Study]) -> None:
    _, study = read
    assert sorted(frame for origin in study.origins for frame in origin.frames) == list(range(study.n_frames))
    assert all(origin.is_4d or len(origin.frames) == 1 for origin in study.origins)


def test_facts_are_known_or_none_and_phases_are_frames_of_the_study(read: tuple[Reader, Study]) -> None:
    _, study = read
    for index in (study.facts.ed_index, study.facts.es_index):
        assert index is None or 0 <= index < study.n_frames
    for amount in (study.facts.height_cm, study.facts.weight_kg, study.facts.frame_time_ms):
        assert amount is None or amount > 0


def test_labels_hold_numbers_of_their_own_scheme_and_nothing_that_nobody_drew(read: tuple[Reader, Study]) -> None:
    _, study = read
    labels = study.labels
    assert labels is not None and labels.array.dtype == np.uint8 and labels.array.shape == study.image.shape
    assert SCHEMES[labels.scheme.name] is labels.scheme
    assert set(np.unique(labels.array)) <= {0, *labels.scheme.codes}
    assert labels.annotated.shape == (*study.image.shape[:2], len(labels.scheme.structures))
    assert labels.annotated_frames() and not labels.array[~labels.annotated.any(axis=2)].any()


def test_where_both_phases_are_known_the_cavity_is_larger_at_end_diastole(read: tuple[Reader, Study]) -> None:
    _, study = read
    ed, es = study.facts.ed_index, study.facts.es_index
    if ed is None or es is None or study.labels is None:
        pytest.skip("the data set does not state both")
    code = next(code for code, name in study.labels.scheme.codes.items() if name == "lv_cavity")
    cavity = (study.labels.array == code).sum(axis=(1, 2, 3))
    assert cavity[ed] > cavity[es] > 0


@pytest.mark.parametrize("name", READERS)
def test_the_same_files_give_the_same_study_and_hash_and_a_missing_image_is_refused(name: str, tmp_path: Path) -> None:
    reader = READERS[name]
    read = reader.make(tmp_path)
    one, two = read(), read()
    assert one.sha256 == two.sha256 and len(one.sha256) == 64
    assert one.name == two.name and np.array_equal(one.image, two.image)
    sorted(tmp_path.glob(reader.image))[0].unlink()
    with pytest.raises(ShortaxisError):
        read()
