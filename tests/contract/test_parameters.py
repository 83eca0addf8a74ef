"""How many parameters every method's networks have at full width, and that its page states the number."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch._subclasses.fake_tensor import FakeTensorMode

from shortaxis.methods import method_named

PAPERS = Path(__file__).parents[2] / "docs/papers"
# Segmenters with the method's own scheme, `paper` and `tuned`.
FULL = {
    "attention-mnet": (24_667_244, 2_465_332),  # the paper states 24,657,034: docs/papers/attention-mnet.md
    "dadu": (5_146_455, 3_044_984),
    "foanet": (25_416_387, 3_639_203),
    "halsrnet": (28_044_931, 4_565_459),  # the paper states 10.7 M: docs/papers/halsrnet.md says why not
    "uncertainty-unet": (15_768_996, 2_582_484),
    "unet": (31_036_676, 4_368_148),
}


def parameters(name: str, recipe: str) -> int:
    method = method_named(name)
    stage = method.stages(method.recipes[recipe])[-1]  # pyright: ignore[reportArgumentType]
    with FakeTensorMode():  # shapes alone: full width takes no memory
        return sum(held.numel() for held in stage.build(method.default_scheme).parameters())


@pytest.mark.parametrize("name", FULL)
def test_the_count_at_full_width(name: str) -> None:
    assert (parameters(name, "paper"), parameters(name, "tuned")) == FULL[name]


@pytest.mark.parametrize("name", [name for name in FULL if name != "unet"])
def test_the_methods_page_states_the_count(name: str) -> None:
    assert f"{FULL[name][0]:,}" in (PAPERS / f"{name}.md").read_text("utf-8")


def test_the_mnets_count_is_within_a_thousandth_of_the_published_one() -> None:
    assert abs(FULL["attention-mnet"][0] / 24_657_034 - 1) < 0.001
