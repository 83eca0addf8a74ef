"""The method of docs/how-to/add-a-method.md, as it stands there: announced from outside, trained, used."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shortaxis.core.errors import UnknownName
from shortaxis.files.bundle import load_bundle
from shortaxis.jobs.train_method import TrainOptions, train_method
from shortaxis.methods import method_named, method_names
from shortaxis.pipeline import segment, write_phantom
from shortaxis.read.phantom import PhantomRecipe

PAGE = Path(__file__).parents[2] / "docs/how-to/add-a-method.md"
SMALL = {
    "segment": {"width": 4, "window": {"size_px": 32, "pixel_mm": 4.0, "room_px": 4}},
    "segment_fit": {"steps": 3, "batch": 4, "validate_every": 3},
}


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The page's file and its entry point, as a package installed beside shortaxis."""
    page = PAGE.read_text("utf-8")
    (source,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (point,) = re.findall(r"^ringnet = \"(.*)\"$", page, re.MULTILINE)
    site, info = tmp_path / "site", tmp_path / "site" / "ringnet-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "ringnet.py").write_text(source, "utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ringnet\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text(f"[shortaxis.methods]\nringnet = {point}\n", "utf-8")
    monkeypatch.syspath_prepend(str(site))
    yield
    sys.modules.pop("ringnet", None)


def test_without_its_package_nobody_knows_it() -> None:
    assert "ringnet" not in method_names()
    with pytest.raises(UnknownName):
        method_named("ringnet")


@pytest.mark.usefixtures("installed")
def test_the_sixth_method_is_listed_trained_and_used_like_any_other(tmp_path: Path) -> None:
    assert "ringnet" in method_names() and method_named("ringnet").title.startswith("RingNet")
    scans = tmp_path / "scans"
    for number in (1, 2):
        write_phantom(
            PhantomRecipe(frames=2, slices=4, rows=64, cols=64, pixel_mm=4.0, seed=number), scans / f"p{number}"
        )
    options = TrainOptions(folds=2, changes=SMALL, device="cpu", workers=0)
    (model,) = train_method("ringnet", scans, "labelled", tmp_path / "run", options)
    bundle = load_bundle(model)
    assert (bundle.method, bundle.recipe["segment"]["width"]) == ("ringnet", 4)
    result = segment(scans / "p1" / "phantom.nii.gz", model=str(model), device="cpu")
    assert result.labels.shape == (2, 4, 64, 64) and "lv" in result.measures
