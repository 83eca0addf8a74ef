"""LVQuan18 and LVQuan19 (Xue et al., Medical Image Analysis 2018): one mid-cavity slice of 20 frames, and its indices.

LVQuan19 has a file per patient (`patient1.mat`) with `image`, `endo`, `epi` [row, col, frame], 256 or 512 wide, and
`pix_spacing`; LVQuan18 has all 145 in one (`cardiac-dig.mat`), 80 x 80 crops one after the other, as `images_LV`, `endo_LV`,
`epi_LV`, with the scan's pixels `pix_spa` [patient, 1] and `ratio_resize_inverse` [frame, patient], by how much a crop's
pixel is larger than these; without the ratio the crops' pixel size is not known. Both have the indices `areas` (cavity,
myocardium), `dims` (IS-AL, I-A, IL-AS), `rwt` (IS, I, IL, AL, A, AS) and `lv_phase` (1 in systole). There is no published
table of units: whether areas are pixels, square millimetres or shares of the picture is told from the masks' own areas
(`unit_of`).

`endo` is filled to the endocardium and `epi` to the epicardium; what lies between is myocardium (scheme `lv`). A single
slice has no distance to the next: its pixels may be known in millimetres, its voxels' volume is not.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import BadPatientFacts, BadSpacing, DamagedFile, LabelsMissing, NoStudy
from shortaxis.core.labels import LEFT_VENTRICLE, Labels, Structure
from shortaxis.core.study import Facts, Grid, Note, Origin, Study
from shortaxis.files.child import Value
from shortaxis.files.intake import read_bytes
from shortaxis.files.mat import BUDGET_BYTES, read_mat
from shortaxis.files.names import output_name
from shortaxis.files.voxels import finite_voxels, refuse_constant
from shortaxis.read.folders import walk

N_FRAMES = 20
CONVENTION = "papillary muscles are not counted as myocardium"
ONE_SLICE = Note("SA-W045", "A single slice: areas and lengths can be stated, volumes and masses cannot.")
Unit = Literal["pixels", "millimetres", "share of the picture"]
UNIT_TOLERANCE = 0.1  # of the areas' ratio to the masks': contours filled by another rule differ by a few percent
RATIO_TOLERANCE = 0.01  # of one patient's crops: a study has one pixel size
_PATIENT = re.compile(r"patient_?\d+\.mat$", re.IGNORECASE)
_ALL = re.compile(r"cardiac-dig.*\.mat$", re.IGNORECASE)
_NAMES = {"image": "images_LV", "endo": "endo_LV", "epi": "epi_LV"}  # LVQuan19's -> LVQuan18's


@dataclass(frozen=True)
class LvquanCase:
    """One patient: a file, and which of its patients, counted from 0."""

    name: str
    path: Path
    index: int = 0


@dataclass(frozen=True, eq=False)
class LvIndices:
    """The data set's own indices of one patient, by frame; None in millimetres where the pixel size is not known.

    Attributes:
        unit: how the file states them.
        areas_mm2: [frame, 2], cavity and myocardium.
        dims_mm: [frame, 3], cavity diameters IS-AL, I-A, IL-AS.
        rwt_mm: [frame, 6], wall thickness IS, I, IL, AL, A, AS.
        systole: [frame].
    """

    unit: Unit
    areas_mm2: NDArray[np.float64] | None
    dims_mm: NDArray[np.float64] | None
    rwt_mm: NDArray[np.float64] | None
    systole: NDArray[np.bool_]


def find_lvquan(root: Path) -> list[LvquanCase]:
    """The patients of every `patientN.mat` and `cardiac-dig.mat` at or below `root`, by path.

    Raises MissingFile or Unreadable, and what `read_mat` raises for a file of many patients.
    """
    cases = []
    for _, files in walk(root):
        for path in files:
            if _PATIENT.match(path.name):
                cases.append(LvquanCase(path.stem, path))
            elif _ALL.match(path.name):
                n_patients = _planes(path, "image").shape[0] // N_FRAMES
                cases += [LvquanCase(f"patient{index + 1:03d}", path, index) for index in range(n_patients)]
    return cases


def looks_like_lvquan(path: Path) -> bool:
    """Whether the name is that of an LVQuan19 patient's file, or of LVQuan18's; its content is not opened."""
    return bool(_PATIENT.match(path.name) or _ALL.match(path.name))


def lvquan_case(path: Path) -> LvquanCase:
    """The patient whose file it is. Raises NoStudy for a file of many, and DamagedFile and what `read_mat` raises."""
    n_patients = len(_planes(path, "image")) // N_FRAMES
    if n_patients > 1:
        way_out = "`train --dataset lvquan` and `read.lvquan` read it; give `segment` a file for each patient"
        raise NoStudy("one patient's twenty frames", f"those of {n_patients} patients", way_out, path)
    return LvquanCase(path.stem, path)


def read_lvquan(case: LvquanCase) -> Study:
    """A patient's 20 frames of one slice, with labels where the file has them.

    End-diastole is the frame with the largest outlined cavity, end-systole the one with the smallest.

    Raises DamagedFile, BadSpacing, NonFiniteVoxels or ConstantImage, and what `read_mat` raises.
    """
    image, notes = finite_voxels(_frames(case, "image"), case.path)
    refuse_constant(image, case.path)
    labels = None if _missing(case.path, "endo", "epi") else _labels(case, image.shape)
    ed_index = es_index = None
    if labels is not None:
        cavity = LEFT_VENTRICLE.mask(labels.array, Structure.LV_CAVITY).sum(axis=(1, 2, 3))
        ed_index, es_index = int(cavity.argmax()), int(cavity.argmin())
    pixel_mm = _pixel_mm(case)
    row_mm, col_mm = pixel_mm or (1.0, 1.0)  # unit columns where unknown; the grid then says so
    return Study(
        name=output_name(case.name),
        image=image[:, None],
        grid=Grid((1, *image.shape[1:]), np.diag([-col_mm, -row_mm, 1.0, 1.0]), None, in_plane_mm=pixel_mm),
        origins=(Origin(output_name(case.name), tuple(range(N_FRAMES)), True, case.path),),
        facts=Facts(modality="cine", species="human", ed_index=ed_index, es_index=es_index, convention=CONVENTION),
        labels=labels,
        notes=(ONE_SLICE, *notes),
        sha256=_sha256(case),
        keeps_image=True,
    )


def read_lvquan_labelled(case: LvquanCase) -> Study:
    """As `read_lvquan`. Raises LabelsMissing where the file has no outlines (the test set)."""
    study = read_lvquan(case)
    if study.labels is None:
        raise LabelsMissing("the variables endo and epi", "none", "read the patient without labels", case.path)
    return study


def read_lvquan_indices(case: LvquanCase) -> LvIndices:
    """A patient's indices as the data set states them, in millimetres.

    Raises LabelsMissing without them or without masks to tell their unit, BadPatientFacts where no unit fits.
    """
    if missing := _missing(case.path, "areas", "dims", "rwt", "lv_phase", "endo"):
        raise LabelsMissing("areas, dims, rwt, lv_phase and endo", f"no {missing}", "use the training files", case.path)
    parts = slice(case.index * N_FRAMES, (case.index + 1) * N_FRAMES)
    areas, dims, rwt = (_table(case, name, count)[parts] for name, count in (("areas", 2), ("dims", 3), ("rwt", 6)))
    endo = _frames(case, "endo").astype(bool)
    pixel_mm = _pixel_mm(case)
    side_mm = None if pixel_mm is None else float(np.sqrt(pixel_mm[0] * pixel_mm[1]))
    unit = unit_of(areas[:, 0], endo, side_mm, case.path)
    systole = _table(case, "lv_phase", 1)[parts, 0] > 0
    if unit == "millimetres":
        return LvIndices(unit, areas, dims, rwt, systole)
    if side_mm is None:
        return LvIndices(unit, None, None, None, systole)
    length = side_mm * (np.sqrt(endo[0].size) if unit == "share of the picture" else 1.0)
    return LvIndices(unit, areas * length**2, dims * length, rwt * length, systole)


def unit_of(cavity: NDArray[np.float64], endo: NDArray[np.bool_], side_mm: float | None, path: Path) -> Unit:
    """The unit in which `cavity` [frame] states the area of the masks `endo` [frame, row, col].

    Raises BadPatientFacts where none fits within 10 %.
    """
    counted = endo.sum(axis=(1, 2))
    ratio = float(cavity.sum() / max(counted.sum(), 1))
    expected: dict[Unit, float] = {"pixels": 1.0, "share of the picture": 1.0 / endo[0].size}
    if side_mm is not None:
        expected["millimetres"] = side_mm**2
    nearest = min(expected, key=lambda unit: abs(np.log(max(ratio, 1e-12) / expected[unit])))
    if abs(ratio / expected[nearest] - 1) > UNIT_TOLERANCE:
        wanted = f"areas in {', '.join(expected)}"
        raise BadPatientFacts(wanted, f"{ratio:.3g} times the mask's pixels", "check the file", path)
    return nearest


@lru_cache(maxsize=1)  # a file of 145 patients is decoded once for them all
def _decoded(path: Path, stamp: tuple[int, int]) -> tuple[dict[str, Value], str]:
    del stamp
    return read_mat(path), hashlib.sha256(read_bytes(path, BUDGET_BYTES)).hexdigest()


def _content(path: Path) -> tuple[dict[str, Value], str]:
    read_bytes(path, BUDGET_BYTES)  # refuses what is no readable file
    stat = path.stat()
    return _decoded(path, (stat.st_mtime_ns, stat.st_size))


def _sha256(case: LvquanCase) -> str:
    """Of the file; of the file and the patient's place in it, where it holds several."""
    whole = _content(case.path)[1]
    if len(_planes(case.path, "image")) == N_FRAMES:
        return whole
    return hashlib.sha256(f"{whole}/{case.index}".encode()).hexdigest()


def _value(path: Path, name: str) -> NDArray[np.generic] | None:
    values = _content(path)[0]
    value = values.get(name, values.get(_NAMES.get(name, name)))
    return value if isinstance(value, np.ndarray) else None


def _missing(path: Path, *names: str) -> str | None:
    return next((name for name in names if _value(path, name) is None), None)


def _planes(path: Path, name: str) -> NDArray[np.generic]:
    """A variable [row, col, frame] as [frame, row, col]."""
    value = _value(path, name)
    if value is None or value.ndim != 3 or value.shape[2] % N_FRAMES or value.size == 0:
        found = "no such variable" if value is None else " x ".join(map(str, value.shape))
        raise DamagedFile(f"{name} of rows x columns x {N_FRAMES} frames", found, "copy the data set again", path)
    return value.transpose(2, 0, 1)


def _frames(case: LvquanCase, name: str) -> NDArray[np.generic]:
    """One patient's frames of a variable, [frame, row, col]."""
    planes = _planes(case.path, name)[case.index * N_FRAMES : (case.index + 1) * N_FRAMES]
    if len(planes) < N_FRAMES:
        way_out = "copy the data set again"
        raise DamagedFile(f"{name} of {case.index + 1} patients", "fewer", way_out, case.path)
    return np.ascontiguousarray(planes)


def _labels(case: LvquanCase, shape: tuple[int, ...]) -> Labels:
    endo, epi = (_frames(case, name) for name in ("endo", "epi"))
    if endo.shape != shape or epi.shape != shape:
        found = f"{endo.shape} and {epi.shape}"
        raise DamagedFile(f"masks of the image's {shape}", found, "copy the data set again", case.path)
    array = np.zeros(shape, np.uint8)
    array[epi.astype(bool)] = LEFT_VENTRICLE.code_of(Structure.MYOCARDIUM)
    array[endo.astype(bool)] = LEFT_VENTRICLE.code_of(Structure.LV_CAVITY)
    return Labels.complete(array[:, None], LEFT_VENTRICLE)


def _table(case: LvquanCase, name: str, n_rows: int) -> NDArray[np.float64]:
    """An index [row, frame] as [frame, row]."""
    value = _value(case.path, name)
    if value is None or value.ndim != 2 or value.shape[0] != n_rows or value.shape[1] < (case.index + 1) * N_FRAMES:
        found = "no such variable" if value is None else " x ".join(map(str, value.shape))
        raise DamagedFile(f"{name} of {n_rows} rows and a column a frame", found, "copy it again", case.path)
    return value.T.astype(np.float64)


def _pixel_mm(case: LvquanCase) -> tuple[float, float] | None:
    """(row, col) of the pixels, square in this data set; None where the file does not say, or differs by frame."""
    side_mm = _of_patient(_value(case.path, "pix_spacing"), case)
    if side_mm is None:
        scanned_mm = _of_patient(_value(case.path, "pix_spa"), case)
        ratio = _of_patient(_value(case.path, "ratio_resize_inverse"), case)
        if scanned_mm is None or ratio is None:
            return None
        side_mm = scanned_mm * ratio
    if not 0.1 <= side_mm <= 10:
        raise BadSpacing("pixels of 0.1 to 10 mm", f"{side_mm:g} mm", "check the file", case.path)
    return side_mm, side_mm


def _of_patient(values: NDArray[np.generic] | None, case: LvquanCase) -> float | None:
    """A patient's number of a list by patient, of one by frame and patient, or the only one.

    None where there is none, or where the numbers of its frames are not the same.
    """
    if values is None or values.size == 0:
        return None
    flat = values.ravel(order="F").astype(np.float64)
    own = flat.reshape(-1, N_FRAMES)[case.index] if flat.size == len(_planes(case.path, "image")) else None
    if own is None:
        return float(flat[min(case.index, flat.size - 1)])
    middle = float(np.median(own))
    return middle if np.abs(own - middle).max() <= RATIO_TOLERANCE * middle else None
