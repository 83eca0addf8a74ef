"""Any folder of images with reference labels -> cases, each with the key of its patient.

Three layouts are found by themselves, tried in this order: nnU-Net's (`dataset.json`, `imagesTr`, `labelsTr`); a folder
`images` beside a folder `labels` (or `masks`, ...) with equal names; and labels beside their image, anywhere below the
root, as `x.nii.gz` or `x_image.nii.gz` with `x_gt`, `x_seg`, `x_label`, `x_labels` or `x_mask`. Other names are given as
patterns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shortaxis.core.errors import BadConfiguration, GridMismatch, NoStudy
from shortaxis.core.labels import Labels, LabelScheme, Structure
from shortaxis.core.study import Facts, Modality, Note, Origin, Study
from shortaxis.files.gate import Volume, check_same_grid, load_labels, load_nifti
from shortaxis.files.names import output_name, stem_of, unique
from shortaxis.read.file_names import patient_of
from shortaxis.read.folders import entries_of
from shortaxis.read.nnunet import nnunet_scheme
from shortaxis.read.pairing import (
    Pair,
    image_and_label_folders,
    pairs_by_endings,
    pairs_by_folders,
    pairs_by_pattern,
    pairs_of_nnunet,
)

EMPTY_FRAMES = Note("SA-W041", "Frames of the label file in which nothing is drawn count as not annotated.")


@dataclass(frozen=True, eq=False)
class LabelledCase:
    """An image and its reference.

    Attributes:
        name: the case's slug, unique in its data set.
        patient: cases with the same key are one patient's (`file_names.patient_of` says how it is found).
        image, labels: the two files.
        scheme: what the data set itself states about its numbers; None where it states nothing.
    """

    name: str
    patient: str
    image: Path
    labels: Path
    scheme: LabelScheme | None = None


def find_labelled(
    root: Path, images: str | None = None, labels: str | None = None, separator: str | None = None
) -> list[LabelledCase]:
    """The labelled cases below `root`, sorted by image path.

    Args:
        root: the data set's folder.
        images: a pattern below `root` such as `*_image.nii.gz` or `*/sa.nii.gz`; None to look for the usual layouts.
        labels: where an image's labels are, such as `{stem}_gt.nii.gz` (beside the image) or `masks/{stem}.nii.gz`
            (with a slash: below `root`). `{stem}` is what the last `*` of `images` stood for in the file's name,
            `{folder}` the image's folder below `root`.
        separator: the patient key is the name up to it, of the file or else of its folder.

    Raises MissingFile, Unreadable, NoStudy, LabelsMissing or BadConfiguration.
    """
    entries_of(root)  # refuses what is no folder
    scheme = None
    if images is not None or labels is not None:
        if images is None or labels is None:
            raise BadConfiguration("patterns for images and for labels", "one of the two", "give both or neither", root)
        base, pairs = root, pairs_by_pattern(root, images, labels)
    elif (root / "dataset.json").is_file() and (root / "imagesTr").is_dir():
        scheme = nnunet_scheme(root)
        base, pairs = root / "imagesTr", pairs_of_nnunet(root)
    elif (folders := image_and_label_folders(root)) is not None:
        base, pairs = folders[0], pairs_by_folders(*folders)
    else:
        base, pairs = root, pairs_by_endings(root)
    if not pairs:
        expected = "images with labels: nnU-Net's folders, images/ and labels/, or x_gt.nii.gz beside x.nii.gz"
        raise NoStudy(expected, "none", "say how they are named with --images and --labels", root)
    return _cases(base, sorted(pairs, key=lambda pair: pair.image), scheme, separator)


def read_labelled_case(case: LabelledCase, scheme: LabelScheme | None = None) -> Study:
    """A case's image with its reference labels. What the data set states about its numbers goes before `scheme`.

    In a label file of several frames those without a drawn voxel count as not annotated: a heart has no empty frame.

    Raises BadConfiguration without any scheme, GridMismatch, and what `load_nifti` and `load_labels` raise.
    """
    known = case.scheme or scheme
    if known is None:
        raise BadConfiguration("a label scheme for these numbers", "none", "name the data set's scheme", case.labels)
    image, reference = load_nifti(case.image), load_labels(case.labels, known)
    check_same_grid(reference.grid, image.grid, case.labels)
    if reference.array.shape != image.array.shape:
        expected, found = f"the image's {image.array.shape[0]} frames", f"{reference.array.shape[0]}"
        raise GridMismatch(expected, found, "give labels for every frame of the image", case.labels)
    labels, notes = _annotated(reference, known)
    modality: Modality | None = "cine" if len(image.array) > 1 else None  # one frame alone may be either
    if known.has(Structure.INFARCT):  # only late enhancement shows it
        modality = "lge"
    return Study(
        name=case.name,
        image=image.array,
        grid=image.grid,
        origins=(Origin(output_name(stem_of(case.image)), tuple(range(len(image.array))), image.is_4d, case.image),),
        facts=Facts(modality=modality, frame_time_ms=image.frame_time_ms),
        labels=labels,
        notes=(*image.notes, *notes),
        sha256=image.sha256,
    )


def _cases(base: Path, pairs: Sequence[Pair], scheme: LabelScheme | None, separator: str | None) -> list[LabelledCase]:
    folders = [pair.image.parent.relative_to(base).parts for pair in pairs]
    names = [output_name(pair.stem) for pair in pairs]
    if len(set(names)) < len(names):  # `sa.nii.gz` in each patient's folder
        names = [output_name("-".join((*parts, pair.stem))) for parts, pair in zip(folders, pairs, strict=True)]
    return [
        LabelledCase(name, patient_of(pair.stem, parts, separator), pair.image, pair.labels, scheme)
        for name, parts, pair in zip(unique(names), folders, pairs, strict=True)
    ]


def _annotated(reference: Volume, scheme: LabelScheme) -> tuple[Labels, tuple[Note, ...]]:
    labels = Labels.complete(reference.array.astype("uint8", copy=False), scheme)
    drawn = labels.array.reshape(len(labels.array), -1).max(axis=1) > 0
    if drawn.all() or len(drawn) == 1:
        return labels, ()
    return Labels(labels.array, scheme, labels.annotated & drawn[:, None, None]), (EMPTY_FRAMES,)
