"""Which label file belongs to which image, for each layout a labelled folder may have."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shortaxis.core.errors import BadConfiguration, LabelsMissing, NoStudy
from shortaxis.files.names import stem_of
from shortaxis.read.file_names import (
    IMAGE_FOLDERS,
    LABEL_FOLDERS,
    channel_stem,
    has_label_ending,
    image_stem,
    is_nifti,
    labels_stem,
)
from shortaxis.read.folders import entries_of, walk


@dataclass(frozen=True)
class Pair:
    """An image with its labels, and the name without what only the layout adds."""

    stem: str
    image: Path
    labels: Path


def pairs_by_pattern(root: Path, images: str, labels: str) -> list[Pair]:
    """Images matching a glob pattern below `root`; `find_labelled` documents the labels' one.

    Raises BadConfiguration for an unusable pattern and LabelsMissing.
    """
    try:
        found = sorted(path for path in root.glob(images) if path.is_file() and is_nifti(path))
    except (ValueError, NotImplementedError, IndexError) as problem:
        raise BadConfiguration("a pattern below the folder", repr(images), "correct the pattern", root) from problem
    named = {path: _matched(path, images) for path in found}
    located = {path: _label_path(root, path, stem, labels) for path, stem in named.items()}
    references = set(located.values())
    wanted = [(named[path], path, label) for path, label in located.items() if path not in references]
    return _all_labelled([(stem, path, label if label.is_file() else None) for stem, path, label in wanted], root)


def pairs_of_nnunet(root: Path) -> list[Pair]:
    """`imagesTr/x_0000` with `labelsTr/x`. Raises NoStudy where a case has several channels, and LabelsMissing."""
    images = [path for path in entries_of(root / "imagesTr")[1] if is_nifti(path)]
    channels = Counter(channel_stem(path) for path in images)
    several = [name for name, count in channels.items() if count > 1]
    if several:
        found = f"{len(several)} cases with more, such as {several[0]}"
        raise NoStudy("images of one channel", found, "keep the cine's channel alone", root / "imagesTr")
    labels = {stem_of(path): path for path in entries_of(root / "labelsTr")[1] if is_nifti(path)}
    stems = [(channel_stem(path), path) for path in images]
    return _all_labelled([(stem, path, labels.get(stem)) for stem, path in stems], root / "labelsTr")


def image_and_label_folders(root: Path) -> tuple[Path, Path] | None:
    """`root`'s folders `images` and `labels`, or those of like names; None unless both are there."""
    folders = {folder.name.lower(): folder for folder in entries_of(root)[0]}
    images = next((folder for name, folder in folders.items() if name in IMAGE_FOLDERS), None)
    labels = next((folder for name, folder in folders.items() if name in LABEL_FOLDERS), None)
    return (images, labels) if images is not None and labels is not None else None


def pairs_by_folders(images: Path, labels: Path) -> list[Pair]:
    """Equal names (but for `_image` and `_gt`) in two folders that may have equal sub-folders. Raises LabelsMissing."""
    references: dict[tuple[Path, str], Path] = {}
    for folder, files in walk(labels):
        for path in filter(is_nifti, files):
            references[folder.relative_to(labels), labels_stem(path)] = path
    found = [
        (image_stem(path), path, references.get((folder.relative_to(images), image_stem(path))))
        for folder, files in walk(images)
        for path in filter(is_nifti, files)
    ]
    return _all_labelled(found, labels)


def pairs_by_endings(root: Path) -> list[Pair]:
    """`x` with `x_gt` in the same folder, anywhere below `root`; images without labels are passed over.

    Raises BadConfiguration where an image has two label files.
    """
    pairs = []
    for _, files in walk(root):
        references: dict[str, Path] = {}
        for path in filter(is_nifti, files):
            if has_label_ending(path):
                other = references.setdefault(labels_stem(path), path)
                if other != path:
                    found, way_out = f"{other.name} and {path.name}", "say which with --images and --labels"
                    raise BadConfiguration("one label file an image", found, way_out, path.parent)
        images = [path for path in filter(is_nifti, files) if not has_label_ending(path)]
        stems = [(image_stem(path), path) for path in images]
        pairs += [Pair(stem, path, references[stem]) for stem, path in stems if stem in references]
    return pairs


def _all_labelled(found: Sequence[tuple[str, Path, Path | None]], where: Path) -> list[Pair]:
    bare = [image.name for _, image, labels in found if labels is None]
    if bare:
        listed = ", ".join(bare[:5]) + (", ..." if len(bare) > 5 else "")
        way_out = "add the labels, take the images out, or correct the pattern"
        raise LabelsMissing("labels for every image", f"none for {len(bare)} of {len(found)}: {listed}", way_out, where)
    return [Pair(stem, image, labels) for stem, image, labels in found if labels is not None]


def _matched(image: Path, pattern: str) -> str:
    """What the last `*` of the pattern's file name stood for; the file's stem where there is no `*`."""
    parts = pattern.rsplit("/", 1)[-1].split("*")
    match = re.fullmatch("(.*)".join(re.escape(part) for part in parts), image.name)
    return match[match.lastindex] if match and match.lastindex else stem_of(image)


def _label_path(root: Path, image: Path, stem: str, labels: str) -> Path:
    folder = image.parent.relative_to(root).as_posix()
    return (root if "/" in labels else image.parent) / labels.replace("{stem}", stem).replace("{folder}", folder)
