"""Texts that are read: configuration, plans, splits, manifests, measures, label tables; outlines and data sets' tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import typer

from shortaxis.cli.options import settings_of
from shortaxis.core.errors import BadConfiguration
from shortaxis.core.labels import ACDC
from shortaxis.core.recipe import read_toml
from shortaxis.experiments.compare.folds import read_split
from shortaxis.experiments.compare.plan import read_plan_file
from shortaxis.jobs.finished import is_finished
from shortaxis.jobs.readings import readings_of
from shortaxis.methods import method_named
from shortaxis.read import sunnybrook
from shortaxis.read.acdc import find_acdc, read_acdc
from shortaxis.read.mnms import find_mnms, read_mnms
from shortaxis.read.nnunet import nnunet_scheme
from tests.fuzz.mutate import TEXT
from tests.fuzz.seed import Said, Seed, digest
from tests.lookalike.acdc_tree import make_acdc_tree
from tests.lookalike.dicom_sets import Cine
from tests.lookalike.mnms_tree import make_mnms_tree
from tests.lookalike.sunnybrook_tree import make_sunnybrook

PRINTS = {"source": "0" * 64, "settings": "1" * 64}
MEASURES = {"case": "patient001", "lv": {"edv_ml": 140.25, "ef_percent": 60.0}, "rv": {"edv_ml": None}, "notes": []}
LABELS = {"labels": {"background": 0, "RV": 1, "MYO": 2, "LV": 3}, "file_ending": ".nii.gz"}
SPLIT = {"folds": [{"train": ["a", "b"], "validation": ["c"]}, {"train": ["a", "c"], "validation": ["b"]}]}
RECIPE = """[segment_fit]
steps = 300
learning_rate = 1e-3
betas = [0.9, 0.999]
schedule = "cosine"

[segment]
widths = [8, 16]
"""
PLAN = """steps = 20
fold = "all"
[[entry]]
method = "unet"
label = "small"
[entry.changes.segment]
widths = [4, 8]
[[entry]]
method = "foanet"
"""
SETTINGS = "segment_fit.steps=3\nsegment_fit.schedule='cosine'\nsegment.widths=[4, 8]\n"


def settings(folder: Path) -> list[Seed]:
    """TOML and JSON."""
    given: list[tuple[str, str, Callable[[Path], object]]] = [
        ("mine.toml", RECIPE, lambda path: _unet(read_toml(path), path)),
        ("set.txt", SETTINGS, _as_set),
        ("plan.toml", PLAN, lambda path: read_plan_file(path, "tuned")),
        ("split.json", json.dumps(SPLIT, indent=1), lambda path: read_split(str(path))),
        ("manifest.json", json.dumps({"fingerprints": PRINTS, "studies": []}), lambda p: is_finished(p.parent, PRINTS)),
        ("measures.json", json.dumps(MEASURES), lambda path: readings_of(path.parent, ACDC)),
        ("dataset.json", json.dumps(LABELS), lambda path: nnunet_scheme(path.parent)),
    ]
    return [_text(folder / str(n) / name, text, opens) for n, (name, text, opens) in enumerate(given)]


def contours(folder: Path) -> list[Seed]:
    """Sunnybrook's outlines of both walls and the list of its patients."""
    dicoms, outlines = make_sunnybrook(folder, Cine(n_phases=8), ed_index=6, es_index=2)
    placed = sunnybrook.read_dicom_placed(dicoms, name="SC-HF-I-1")
    sunnybrook.read_dicom_placed = lambda path, name=None: (
        placed
    )  # only the text is spoilt; the images need no new look
    texts = sorted(outlines.rglob("*.txt"))
    read: Callable[[Path], object] = lambda path: digest(_labels(dicoms, outlines))  # noqa: E731
    links = _text(
        folder / "link.csv", (folder / "link.csv").read_text(), lambda path: sunnybrook.find_sunnybrook(folder)
    )
    return [*(_text(path, path.read_text(), read) for path in texts[:3]), links]


def tables(folder: Path) -> list[Seed]:
    """ACDC's Info.cfg and the M&Ms table."""
    make_acdc_tree(folder / "acdc")
    patient = find_acdc(folder / "acdc")[0]
    root = make_mnms_tree(folder / "mnms")
    other = find_mnms(root)[0]
    info, table = patient / "Info.cfg", next((folder / "mnms").glob("*.csv"))
    return [
        _text(info, info.read_text(), lambda path: read_acdc(patient).facts),
        _text(table, table.read_text(), lambda path: read_mnms(other).facts),
    ]


def _labels(dicoms: Path, outlines: Path) -> object:
    labels = sunnybrook.read_sunnybrook(dicoms, outlines).labels
    return None if labels is None else labels.array


def _as_set(path: Path) -> object:
    try:
        changes = settings_of(path.read_text("utf-8", "replace").splitlines())
    except typer.BadParameter as refusal:  # the command line's own refusal, with the usage
        raise BadConfiguration("--set KEY=VALUE", str(refusal), "correct --set", path) from refusal
    return _unet(changes, path)


def _unet(changes: dict[str, object], path: Path) -> object:
    return method_named("unet").recipes["tuned"].overlaid(changes, path)


def _text(path: Path, text: str, opens: Callable[[Path], object]) -> Seed:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)

    def said(place: Path) -> Said:
        return {"value": digest(opens(place))}

    return Seed(path, text.encode(), said, TEXT)
