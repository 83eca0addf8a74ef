"""A recipe's first steps: gone on with from the folder, never changed, and what the whole of it would take."""

from __future__ import annotations

from pathlib import Path

import pytest

from shortaxis.core.compute import Compute
from shortaxis.core.labels import ACDC
from shortaxis.core.recipe import FitRecipe
from shortaxis.experiments.trial import Trial, phantom_cases, try_stage, validation_seconds
from shortaxis.read.phantom import PhantomRecipe
from shortaxis.train.folds import Fold
from tests.train.tiny import TinyStage

CPU = Compute("cpu", False)
SMALL = PhantomRecipe(frames=2, slices=3, rows=64, cols=64, pixel_mm=4.0)
STAGE = TinyStage(FitRecipe(steps=100, batch=4, validate_every=4, schedule="cosine"), channels=1)
FOLD = Fold(("phantom-0", "phantom-1"), ("phantom-2",))


def test_steps_add_up_over_several_runs_and_epochs_are_counted_in_steps(tmp_path: Path) -> None:
    cases = phantom_cases(3, SMALL)
    first = try_stage(STAGE, ACDC, cases, FOLD, tmp_path, CPU, steps=3)
    assert (first.steps_done, first.steps, first.examples) == (3, 100, 12)  # 2 phantoms of 2 frames of 3 slices
    assert first.steps_per_epoch == 3 and first.epochs == pytest.approx(100 * 4 / 12)
    assert first.per_step is not None and first.per_validation is None and first.projected_hours is not None
    further = try_stage(STAGE, ACDC, cases, FOLD, tmp_path, CPU, epochs=2)
    assert further.steps_done == 6 and further.per_validation is not None
    assert further.first_loss == first.first_loss  # the record of the earlier steps is still there


def test_the_projection_by_hand() -> None:
    trial = Trial(5, 7200, 10, 720, 300, 1.0, 0.5, 0.5, 36.0, None)
    assert trial.steps_per_epoch == 30 and trial.epochs == 240
    assert trial.projected_hours == pytest.approx((7200 * 0.5 + 10 * 36.0) / 3600)  # 1 h of steps, 0.1 h of validations
    assert Trial(1, 7200, 10, 720, 300, 1.0, 1.0, None, None, None).projected_hours is None


def test_a_validation_takes_from_the_steps_line_to_its_own() -> None:
    record = [
        {"step": 1, "loss": 1.0, "seconds": 1.0},
        {"step": 2, "loss": 1.0, "seconds": 2.0},
        {"step": 2, "validation": {}, "seconds": 5.0},
        {"step": 3, "loss": 1.0, "seconds": 1.5},  # resumed: the clock began anew
    ]
    assert validation_seconds(record) == 3.0
    assert validation_seconds(record[:2]) is None


@pytest.mark.slow
def test_the_script_prints_a_row_for_every_stage_of_a_paper_recipe(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    import paper_recipes  # pyright: ignore[reportMissingImports]

    tiny = ["segment.widths=[2, 3]", "segment.window.size_px=32", "segment.window.misalignment='kept'"]
    wanted = ["dadu", "--phantom", "3", "--folds", "3", "--steps", "2", "--device", "cpu", "--out", str(tmp_path)]
    paper_recipes.main([*wanted, *(word for setting in tiny for word in ("--set", setting))])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and lines[2].startswith("| dadu | segment | 2 | ") and " 15200 |" in lines[2]
    del sys.modules["paper_recipes"]
