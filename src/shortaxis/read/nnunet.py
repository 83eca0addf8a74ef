"""nnU-Net's raw data folder (Isensee et al., Nature Methods 2021): dataset.json, imagesTr/x_0000.nii.gz, labelsTr/x.nii.gz.

Both generations of dataset.json are read: version 1 maps numbers to names, version 2 names to numbers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from shortaxis.core.errors import BadConfiguration
from shortaxis.core.labels import SCHEMES, LabelScheme, Structure
from shortaxis.files.intake import read_bytes

DATASET_BUDGET_BYTES = 64 * 2**20

SYNONYMS: Mapping[Structure, frozenset[str]] = {
    Structure.LV_CAVITY: frozenset(
        {"lv", "lvc", "lvcavity", "lvbp", "lvbloodpool", "lvblood", "lvendo", "leftventricle", "leftventricularcavity"}
        | {"leftventriclecavity", "leftventricularbloodpool", "leftventriclebloodpool"}
    ),
    Structure.RV_CAVITY: frozenset(
        {
            "rv",
            "rvc",
            "rvcavity",
            "rvbp",
            "rvbloodpool",
            "rvblood",
            "rvendo",
            "rightventricle",
            "rightventricularcavity",
        }
        | {"rightventriclecavity", "rightventricularbloodpool", "rightventriclebloodpool"}
    ),
    Structure.MYOCARDIUM: frozenset(
        {"myo", "myocardium", "mlv", "lvm", "lvmyo", "lvmyocardium", "lvwall", "leftventricularmyocardium"}
        | {"leftventriclemyocardium", "myocardiumoftheleftventricle"}
    ),
    Structure.HEALTHY_MYOCARDIUM: frozenset(
        {"healthymyocardium", "healthymyo", "normalmyocardium", "normalmyo", "viablemyocardium"}
    ),
    Structure.INFARCT: frozenset(
        {"infarct", "infarction", "myocardialinfarction", "mi", "scar", "scartissue", "lvscar", "infarctedmyocardium"}
    ),
    Structure.NO_REFLOW: frozenset({"noreflow", "mvo", "microvascularobstruction", "lvmvo"}),
}
"""Names of structures as data sets write them, in lower case and without spaces and signs."""
_BACKGROUND = frozenset({"background", "bg"})


def structure_named(name: str) -> Structure | None:
    """The structure that a data set calls `name`, by the table of synonyms; None for a stranger."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return next((structure for structure, names in SYNONYMS.items() if plain in names), None)


def nnunet_scheme(root: Path) -> LabelScheme | None:
    """The label scheme that `root`/dataset.json states; None where one of its names is in no synonym's list
    or its labels are regions that overlap.

    A `myocardium` beside `scar` or `no-reflow` is the healthy part, because each voxel has one number.

    Raises BadConfiguration where dataset.json cannot be read as such.
    """
    path = root / "dataset.json"
    try:
        labels = json.loads(read_bytes(path, DATASET_BUDGET_BYTES).decode("utf-8"))["labels"]
        pairs = [(key, value) if key.isdigit() else (value, key) for key, value in labels.items()]
        if any(isinstance(code, list) for code, _ in pairs):  # regions that overlap: no number of their own
            return None
        codes = {int(code): str(name) for code, name in pairs}
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as problem:
        expected = "a mapping `labels` between names and whole numbers"
        raise BadConfiguration(expected, f"{type(problem).__name__}: {problem}", "correct the file", path) from problem
    named = {
        code: structure_named(name)
        for code, name in codes.items()
        if not (code == 0 and re.sub(r"[^a-z]", "", name.lower()) in _BACKGROUND)
    }
    known = {code: structure for code, structure in named.items() if structure is not None and 0 < code < 256}
    if not known or len(known) < len(named) or len(set(known.values())) < len(known):
        return None
    return _with_union(known)


def _with_union(codes: Mapping[int, Structure]) -> LabelScheme:
    parts = (Structure.HEALTHY_MYOCARDIUM, Structure.INFARCT, Structure.NO_REFLOW)
    if not any(structure in parts for structure in codes.values()):
        same = next((scheme for scheme in SCHEMES.values() if scheme.codes == dict(sorted(codes.items()))), None)
        return same or LabelScheme("dataset.json", codes)
    healthy = Structure.HEALTHY_MYOCARDIUM
    codes = {code: healthy if name == Structure.MYOCARDIUM else name for code, name in codes.items()}
    present = tuple(part for part in parts if part in codes.values())
    return LabelScheme("dataset.json", codes, {Structure.MYOCARDIUM: present})
