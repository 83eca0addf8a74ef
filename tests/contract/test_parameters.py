"""How many parameters every method's networks have at full width, and that its page states the number.

The baselines share a page, `docs/papers/baselines.md`; `tests/methods/test_baselines.py` holds its table, which counts
every named width with the classes of the paper that compares it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from torch._subclasses.fake_tensor import FakeTensorMode

from shortaxis.methods import method_named, method_names

PAPERS = Path(__file__).parents[2] / "docs/papers"
# Segmenters with the method's own scheme, `paper` and `tuned`.
OF_PAPERS = {
    "attention-mnet": (24_667_244, 2_465_332),  # the paper states 24,657,034: docs/papers/attention-mnet.md
    "dadu": (5_146_455, 3_044_984),
    "foanet": (25_416_387, 3_639_203),
    "halsrnet": (28_044_931, 4_565_459),  # the paper states 10.7 M: docs/papers/halsrnet.md says why not
    "uncertainty-unet": (15_768_996, 2_582_484),
}
OF_BASELINES = {
    "deepmedic": (24_491_167, 235_492),
    "fcn-3d": (24_106_611, 1_152_700),
    "non-local-unet": (12_187_939, 381_292),
    "resunet-plus-plus": (9_407_116, 9_111_508),
    "segnet": (29_473_220, 8_796_316),
    "u-segnet": (29_510_084, 8_801_500),
    "unet": (31_036_676, 4_368_148),
}
OF_MONAI = {
    "attention-unet": (11_289_286, 4_468_472),
    "basic-unet": (8_798_913, 4_380_172),
    "nnunet-plan-2d": (33_464_244, 4_368_372),
    "nnunet-plan-3d": (30_228_144, 2_994_524),
    "resunet": (25_982_944, 3_660_088),
    "unet-3d": (24_471_007, 3_184_120),
    "unet-plus-plus": (9_813_470, 2_283_264),
}
FULL = OF_PAPERS | OF_BASELINES | OF_MONAI


def parameters(name: str, recipe: str) -> int:
    method = method_named(name)
    stage = method.stages(method.recipes[recipe])[-1]  # pyright: ignore[reportArgumentType]
    with FakeTensorMode():  # shapes alone: full width takes no memory
        return sum(held.numel() for held in stage.build(method.default_scheme).parameters())


@pytest.mark.parametrize("name", FULL)
def test_the_count_at_full_width(name: str) -> None:
    if name in OF_MONAI:
        pytest.importorskip("monai")
    assert (parameters(name, "paper"), parameters(name, "tuned")) == FULL[name]


def test_every_method_has_its_count_here() -> None:
    assert sorted(FULL) == sorted(method_names())


@pytest.mark.parametrize("name", OF_PAPERS)
def test_the_methods_page_states_the_count(name: str) -> None:
    assert f"{OF_PAPERS[name][0]:,}" in (PAPERS / f"{name}.md").read_text("utf-8")


def test_the_mnets_count_is_within_a_thousandth_of_the_published_one() -> None:
    assert abs(OF_PAPERS["attention-mnet"][0] / 24_657_034 - 1) < 0.001
