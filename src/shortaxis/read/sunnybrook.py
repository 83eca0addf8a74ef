"""Sunnybrook Cardiac Data (Radau et al., MIDAS Journal 2009): cine DICOM with outlines of the left ventricle.

`IM-0001-0048-icontour-manual.txt` outlines the endocardium in the image of file `48.dcm`, `...ocontour...` the
epicardium. Each line is "x y" in pixels counted from 1, as Matlab counts: on both patients at hand the outlines lie on
the edge of the blood pool when moved by (-1, -1), and beside it when taken as they stand. The epicardium was drawn at
end-diastole only, so the myocardium is annotated there and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import DamagedFile, LabelsMissing, MissingFile, NoStudy
from shortaxis.core.labels import LEFT_VENTRICLE, Labels, Structure
from shortaxis.core.study import Facts, Study
from shortaxis.files.intake import read_bytes
from shortaxis.files.names import output_name, slug
from shortaxis.files.table import read_table
from shortaxis.read.dicom.study import PlacedStudy, read_dicom_placed
from shortaxis.read.polygon import fill_polygon

CONVENTION = "papillary muscles and trabeculae belong to the cavity (endocardial outlines, 'i-contours')"
OUTLINE_BUDGET_BYTES = 2**20  # an outline of some hundred points takes some kilobytes
FIRST_PIXEL = 1.0  # the outlines count pixels from 1
Wall = Literal["i", "o"]  # inner: endocardium; outer: epicardium
_CONTOUR = re.compile(r"IM-\d+-(\d+)-([io])contour-manual\.txt$", re.IGNORECASE)
_LINKS = "link.csv"


def find_sunnybrook(root: Path) -> list[tuple[str, Path, Path]]:
    """(original id, DICOM folder, contour folder) of every patient in `link.csv` that has both, in the file's order.

    `root` holds `link.csv` with the columns patient_id and original_id, `dicoms/<patient_id>/` and
    `contourfiles/<original_id>/`. Raises MissingFile.
    """
    table = root / _LINKS
    if not table.is_file():
        raise MissingFile(
            f"{_LINKS} with patient_id and original_id", "no such file", "give the data set's root", table
        )
    links = [(row.get("patient_id", ""), row.get("original_id", "")) for row in read_table(table)]
    if odd := [name for link in links for name in link if name and name != slug(name)]:
        found = f"{odd[0]!r}"  # a way out of the data set's folder, or longer than a name may be
        raise DamagedFile("names of folders in link.csv", found, "copy the data set's own link.csv", table)
    folders = [(own, root / "dicoms" / dicom, root / "contourfiles" / own) for dicom, own in links if dicom and own]
    return [found for found in folders if found[1].is_dir() and found[2].is_dir()]


def looks_like_sunnybrook(root: Path) -> bool:
    """Whether `root` holds link.csv, dicoms/ and contourfiles/."""
    return (root / _LINKS).is_file() and (root / "dicoms").is_dir() and (root / "contourfiles").is_dir()


def read_sunnybrook(dicom_folder: Path, contour_folder: Path) -> Study:
    """One patient's cine with the outlines as labels of scheme `lv`.

    Inside the endocardium is LV cavity, between the two outlines myocardium. An image without an inner outline is not
    annotated at all, one without an outer outline not for the myocardium. End-diastole is the outlined frame with the
    larger cavity, end-systole the one with the smaller.

    Raises LabelsMissing, DamagedFile, NoStudy and what `read_dicom` raises.
    """
    outlines = _outlines(contour_folder)
    placed = read_dicom_placed(dicom_folder, name=output_name(contour_folder.name))
    if len(placed) != 1:
        raise NoStudy("one short-axis cine", f"{len(placed)}", "give one patient's folder", dicom_folder)
    study = placed[0].study
    labels = _labels(placed[0], outlines)
    facts = replace(_with_phases(study.facts, labels), convention=CONVENTION)
    return replace(study, labels=labels, facts=facts)


def _outlines(folder: Path) -> dict[tuple[int, Wall], Path]:
    found: dict[tuple[int, Wall], Path] = {}
    for path in sorted(folder.rglob("*.txt")):
        if match := _CONTOUR.search(path.name):
            found[int(match[1]), "i" if match[2].lower() == "i" else "o"] = path
    if not any(wall == "i" for _, wall in found):
        raise LabelsMissing("files named IM-0001-0048-icontour-manual.txt", "none", "check the folder", folder)
    return found


def _labels(placed: PlacedStudy, outlines: Mapping[tuple[int, Wall], Path]) -> Labels:
    shape = placed.study.image.shape
    places = {int(stem): at for file, at in placed.places.items() if (stem := PurePosixPath(file).stem).isdigit()}
    array = np.zeros(shape, np.uint8)
    annotated = np.zeros((*shape[:2], len(LEFT_VENTRICLE.structures)), bool)
    cavity_index = LEFT_VENTRICLE.structures.index(Structure.LV_CAVITY)
    myocardium_index = LEFT_VENTRICLE.structures.index(Structure.MYOCARDIUM)
    for (number, wall), path in outlines.items():
        if number not in places:
            expected = f"an outline of an image of the stack ({min(places, default=0)} to {max(places, default=0)}.dcm)"
            raise LabelsMissing(expected, f"image {number}", "check that folders belong together", path)
        if wall == "o":
            continue
        frame, index = places[number]
        cavity = fill_polygon(_points(path), shape[2:])
        outer = outlines.get((number, "o"))
        if outer is not None:
            wall_mask = fill_polygon(_points(outer), shape[2:])
            array[frame, index][wall_mask] = LEFT_VENTRICLE.code_of(Structure.MYOCARDIUM)
            annotated[frame, index, myocardium_index] = True
        array[frame, index][cavity] = LEFT_VENTRICLE.code_of(Structure.LV_CAVITY)
        annotated[frame, index, cavity_index] = True
    return Labels(array, LEFT_VENTRICLE, annotated)


def _points(path: Path) -> NDArray[np.float64]:
    """[n, 2] as (row, col), the centre of the first pixel at (0, 0)."""
    try:
        lines = read_bytes(path, OUTLINE_BUDGET_BYTES).decode("utf-8").splitlines()
        numbers = np.array([line.split() for line in lines if line.strip()], float)
    except ValueError as problem:
        raise DamagedFile("lines of two numbers, x and y", str(problem), "copy the file again", path) from problem
    if numbers.ndim != 2 or numbers.shape[1] != 2 or len(numbers) < 3 or not np.isfinite(numbers).all():
        raise DamagedFile("three or more lines of x and y", f"{numbers.shape}", "copy the file again", path)
    return numbers[:, ::-1] - FIRST_PIXEL


def _with_phases(facts: Facts, labels: Labels) -> Facts:
    """ED and ES where exactly two frames are outlined; with any other number which is which is left open."""
    frames = labels.annotated_frames()
    if len(frames) != 2:
        return facts
    cavity = labels.scheme.mask(labels.array, Structure.LV_CAVITY)
    by_size = sorted(frames, key=lambda frame: int(cavity[frame].sum()))
    return replace(facts, ed_index=by_size[-1], es_index=by_size[0])
