"""What the user points at -> cases to read: files, folders, archives, or a folder of any of these."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from shortaxis.core.errors import MissingFile, NoStudy, UnknownFormat, Unreadable, WrongKindOfScan
from shortaxis.core.study import Study
from shortaxis.files.identity import kept_in_force
from shortaxis.files.names import output_name, stem_of, unique
from shortaxis.read.data_sets import DataSetKind, data_set_cases, read_data_set_case
from shortaxis.read.file_names import LABEL_FOLDERS, has_label_ending, is_nifti, names_long_axis
from shortaxis.read.folders import entries_of, walk
from shortaxis.read.lvquan import looks_like_lvquan
from shortaxis.read.nifti import read_nifti
from shortaxis.read.phase_pair import pair_name, phase_pairs, read_phase_pair
from shortaxis.read.segment_export import is_mat, read_segment

Kind = Literal["nifti", "phases", "dicom", "segment", "unreadable"] | DataSetKind
MIN_SLICES = 3  # long-axis views come as one slice each, seldom two
OURS = ("manifest.json", "measures.json")  # what `segment` leaves in a case's folder
_LOOKED_FOR = "a NIfTI image, a DICOM folder or zip, a known data set's case, a Segment .mat, or a folder of these"


@dataclass(frozen=True)
class Case:
    """One thing to read.

    Attributes:
        name: unique among the cases found together. DICOM folders may be named after their patient, so a DICOM case is
            `case-001`, ... in the order of the paths, and so is a folder that could not be read, unless names are
            kept (`files.identity`).
        kind: which reader it is for; `unreadable` is for none, and `read_case` refuses it.
        path: a file or folder; of `phases` the end-diastolic file.
    """

    name: str
    kind: Kind
    path: Path

    @property
    def paths(self) -> tuple[Path, ...]:
        """All that is read for it: of `phases` both files."""
        return (self.path, _end_systole_of(self.path)) if self.kind == "phases" else (self.path,)


def find_cases(inputs: Sequence[Path]) -> list[Case]:
    """The cases at `inputs`, sorted within each folder, each path once. Segmentations (`x_gt`, `labels/`) are left out.

    What may not be read is a case of its own, so that the others go on; an only input is refused at once.

    Raises MissingFile, UnknownFormat, Unreadable or NoStudy.
    """
    found: dict[str, tuple[Kind, Path]] = {}
    for path in inputs:
        for kind, place in _cases_at(path) if len(inputs) == 1 else _readable_or_named(_cases_at(path), path):
            found.setdefault(os.path.realpath(place), (kind, place))
    if not found:
        listed = ", ".join(str(path) for path in inputs[:3]) + (", ..." if len(inputs) > 3 else "")
        way_out = "point at the scans; label files (_gt, _seg, labels/) are not taken as images"
        raise NoStudy(
            _LOOKED_FOR, f"none in {listed}" if inputs else "no input", way_out, inputs[0] if inputs else None
        )
    n_nameless, names = 0, []
    for kind, place in found.values():
        nameless = kind in ("dicom", "unreadable")  # both count, so that a folder unlocked later renumbers no other
        n_nameless += nameless
        hidden = nameless and not kept_in_force().names
        names.append(f"case-{n_nameless:03d}" if hidden else _name_of(kind, place))
    return [Case(name, kind, place) for name, (kind, place) in zip(unique(names), found.values(), strict=True)]


def read_case(case: Case) -> tuple[Study, ...]:
    """The studies of a case: one, or several for a DICOM folder that holds several. Raises what its reader raises.

    A DICOM study keeps the name its reader gives it, which comes from its content.
    """
    if case.kind == "unreadable":
        raise Unreadable(
            "scans this user may read", "a folder or file that may not be", "check its permissions", case.path
        )
    if case.kind == "nifti":
        return (_short_axis(replace(read_nifti(case.path), name=case.name), case.path),)
    if case.kind == "phases":
        return (_short_axis(replace(read_phase_pair(*case.paths), name=case.name), case.path),)
    if case.kind == "segment":
        return (replace(read_segment(case.path), name=case.name),)
    if case.kind != "dicom":
        return (replace(read_data_set_case(case.kind, case.path), name=case.name),)
    from shortaxis.read.dicom.study import read_dicom  # here: pydicom is only loaded for DICOM

    return tuple(study if study.name else replace(study, name=case.name) for study in read_dicom(case.path))


def only_study(path: Path) -> Study:
    """The one study at `path`. Raises NoStudy where there are several, and what finding and reading raise."""
    cases = find_cases([path])
    names = [case.name for case in cases]
    if len(cases) == 1:  # of several none is read: they may be thousands
        studies = read_case(cases[0])
        names = [study.name for study in studies]
        if len(studies) == 1:
            return studies[0]
    found = f"{len(names)}: {', '.join(names[:5])}{', ...' * (len(names) > 5)}"
    raise NoStudy("one case", found, "use segment_cohort for several", path)


def _short_axis(study: Study, path: Path) -> Study:
    """The study, unless it is a long-axis view. A NIfTI header does not say so, but one or two slices and a name do."""
    n_slices = study.grid.shape[0]
    if n_slices < MIN_SLICES and names_long_axis(stem_of(path)):
        found = f"{n_slices} slice{'s' * (n_slices > 1)} under a name that says long axis"
        raise WrongKindOfScan("a short axis", found, "leave it out; if it is a short axis, rename it", path)
    return study


def _cases_at(path: Path) -> Iterator[tuple[Kind, Path]]:
    try:
        is_folder = path.is_dir()
        if not (is_folder or path.exists()):
            raise MissingFile(_LOOKED_FOR, "nothing at that path", "check the path", path)
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise Unreadable("a path this user may read", reason, "check the path", path) from problem
    if is_folder:
        yield from _cases_below(path, set())
    elif is_nifti(path):
        if not has_label_ending(path):
            yield "nifti", path
    elif is_mat(path):
        yield _kind_of_mat(path), path
    elif _is_dicom(path):
        yield "dicom", path
    else:
        raise UnknownFormat(_LOOKED_FOR, path.name, "convert it to NIfTI, or give the DICOM files", path)


def _cases_below(folder: Path, seen: set[str]) -> Iterator[tuple[Kind, Path]]:
    real = os.path.realpath(folder)
    if real in seen:  # a link back up the tree
        return
    seen.add(real)
    if known := data_set_cases(folder):
        yield from known
        return
    folders, files = entries_of(folder)
    folders = [path for path in folders if not (path.name.lower() in LABEL_FOLDERS or _is_result(path))]
    # below an input, never the input itself
    yield from _single_files(files)
    others = [path for path in files if not (is_nifti(path) or is_mat(path))]
    if any(_is_dicom(path) for path in others if path.suffix.lower() != ".zip"):
        yield "dicom", folder  # with what lies below it: series are often folders of their own
        return
    for path in others:
        if path.suffix.lower() == ".zip" and _is_dicom(path):
            yield "dicom", path
    with_dicom = [path for path in folders if _holds_dicom(path)]
    if with_dicom and _are_one_study(with_dicom):
        yield "dicom", folder
        folders = [path for path in folders if path not in with_dicom]
    for path in folders:
        yield from _readable_or_named(_cases_below(path, seen), path)


def _kind_of_mat(path: Path) -> Kind:
    """LVQuan's files by their names, every other .mat as one that Segment saved; neither is opened here."""
    return "lvquan" if looks_like_lvquan(path) else "segment"


def _name_of(kind: Kind, place: Path) -> str:
    """A case's slug: its file's or folder's name, without ending, phase of a pair, and number of a first slice."""
    if kind == "phases":
        return output_name(pair_name(place))
    return output_name(re.sub(r"(_slice\d+\.png|\.mat)$", "", stem_of(place.absolute()), flags=re.IGNORECASE))


def _single_files(files: Sequence[Path]) -> Iterator[tuple[Kind, Path]]:
    """The files of a folder that are a case each, and the pairs of end diastole and end systole."""
    pairs = phase_pairs(files)
    second = set(pairs.values())
    for path in files:
        if is_mat(path):
            yield _kind_of_mat(path), path
        elif is_nifti(path) and not has_label_ending(path) and path not in second:
            yield "phases" if path in pairs else "nifti", path


def _end_systole_of(path: Path) -> Path:
    """The other file of a pair. Raises MissingFile where it has gone since, or Unreadable."""
    pairs = phase_pairs(entries_of(path.parent)[1])
    if path not in pairs:
        raise MissingFile("an end-systolic file beside it", "none any more", "run again", path)
    return pairs[path]


def _readable_or_named(cases: Iterator[tuple[Kind, Path]], path: Path) -> Iterator[tuple[Kind, Path]]:
    """The cases at or below `path`, and what of it may not be read as a case that names it."""
    try:
        yield from cases
    except Unreadable as refusal:
        yield "unreadable", refusal.path or path


def _is_result(folder: Path) -> bool:
    """Whether an earlier run wrote this folder: the image it keeps of a DICOM case is no further scan."""
    try:
        return all((folder / name).is_file() for name in OURS)
    except OSError:  # a folder that may not be entered; it is named when its turn comes
        return False


def _is_dicom(path: Path) -> bool:
    from shortaxis.read.dicom.study import looks_like_dicom

    return looks_like_dicom(path)


def _holds_dicom(folder: Path) -> bool:
    """Whether a folder holds DICOM as far as it may be read; what may not be is named when its turn comes."""
    try:
        return _is_dicom(folder)
    except Unreadable:
        return False


def _are_one_study(folders: Sequence[Path]) -> bool:
    """Whether several folders are the series of one examination; told from one file of each."""
    if len(folders) < 2:
        return False
    try:
        first = _study_uid(folders[0])
        return first is not None and all(_study_uid(folder) == first for folder in folders[1:])
    except Unreadable:
        return False


def _study_uid(folder: Path) -> str | None:
    """StudyInstanceUID of the first DICOM file below `folder`; it is compared, never shown."""
    for _, files in walk(folder):
        for path in files:
            if path.suffix.lower() != ".zip" and _is_dicom(path):
                return _uid_in(path)
    return None


def _uid_in(path: Path) -> str | None:
    import pydicom

    from shortaxis.read.dicom.frames import parse_errors

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom quotes an ill-formed UID in its warning
        try:
            head = pydicom.dcmread(path, stop_before_pixels=True, force=True, specific_tags=["StudyInstanceUID"])
            return str(head.get("StudyInstanceUID", "")) or None
        except parse_errors():  # damaged; the reader will say so
            return None
