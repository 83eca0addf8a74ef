"""What file and folder names tell: which file is a segmentation, of which image, of which patient."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from shortaxis.files.names import stem_of

LABEL_FOLDERS = frozenset(
    {"labels", "label", "masks", "mask", "segmentations", "segmentation", "annotations", "gt", "labelstr", "labelsts"}
)
IMAGE_FOLDERS = frozenset({"images", "image", "imgs", "img", "imagestr", "scans"})
_LABEL_ENDING = re.compile(r"[_.-](gt|seg|segmentation|labels?|masks?)$", re.IGNORECASE)
_IMAGE_ENDING = re.compile(r"[_.-](image|img)$", re.IGNORECASE)
_CHANNEL = re.compile(r"_\d{4}$")
_NIFTI = re.compile(r"\.nii(\.gz)?$", re.IGNORECASE)
_MOMENT = re.compile(
    r"(^|[_.-])((frame|phase|time)[_-]?\d+|[tf]\d+|ed|es|4d|cine|sax?|lax?|[234]ch|image|img)$",
    re.IGNORECASE,
)
_LONG_AXIS = re.compile(r"(^|[ _.-])(lax?|hla|vla|lvot|rvot|[234][ _-]?ch)($|[ _.-])", re.IGNORECASE)
_SHORT_AXIS = re.compile(r"(^|[ _.-])sax?($|[ _.-])", re.IGNORECASE)


def is_nifti(path: Path) -> bool:
    """Whether the name ends in .nii or .nii.gz."""
    return bool(_NIFTI.search(path.name))


def has_label_ending(path: Path) -> bool:
    """Whether the file's own name says segmentation: `x_gt`, `x_seg`, `x_segmentation`, `x_label(s)`, `x_mask(s)`."""
    return bool(_LABEL_ENDING.search(stem_of(path)))


def names_long_axis(stem: str) -> bool:
    """Whether a name says long axis and not short axis: `001_LA_ED`, `x_4ch`, `x-LAX`."""
    return bool(_LONG_AXIS.search(stem)) and not _SHORT_AXIS.search(stem)


def labels_stem(path: Path) -> str:
    """The name that a segmentation shares with its image: `x` for `x_gt.nii.gz`."""
    return _LABEL_ENDING.sub("", stem_of(path))


def image_stem(path: Path) -> str:
    """The name that an image shares with its segmentation: `x` for `x.nii.gz` and `x_image.nii.gz`."""
    return _IMAGE_ENDING.sub("", stem_of(path))


def channel_stem(path: Path) -> str:
    """nnU-Net's case name: `x` for `x_0000.nii.gz`."""
    return _CHANNEL.sub("", stem_of(path))


def patient_of(stem: str, folders: Sequence[str] = (), separator: str | None = None) -> str:
    """The patient a file belongs to, so that a split can keep one patient on one side.

    With a `separator`: the name up to it, of the file or else of the innermost of `folders` (below the data set's root)
    that has it. Else the innermost folder that names more than a moment or a view; else the file's name. Endings that
    name a moment or a view are left out: `_frame01`, `_phase1`, `_time1`, `_t1`, `_f1`, `_ED`, `_ES`, `_4d`, `_cine`,
    `_SA`, `_SAX`, `_LA`, `_LAX`, `_4CH`, `_image`, `_img`, any number of them: `001_SA_ED` is patient `001`.
    """
    if separator:
        named = (name.split(separator, 1)[0] for name in (stem, *reversed(folders)) if separator in name)
        if patient := next(filter(None, named), None):
            return patient
    for name in (*reversed(folders), stem):
        if bare := _without_moments(name):
            return bare
    return stem


def _without_moments(name: str) -> str:
    while (shorter := _MOMENT.sub("", name)) != name:
        name = shorter
    return name
