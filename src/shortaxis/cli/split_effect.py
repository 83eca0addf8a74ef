"""`shortaxis split-effect`: what a random split by slice makes of a method's scores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shortaxis.cli.compare import Data, Dataset, Folds, LocatorSteps, Quick, RecipeName, Slices, Split, Steps
from shortaxis.cli.exit_codes import Exit
from shortaxis.cli.options import Device, Out, Precision, Scheme, Species
from shortaxis.cli.train import MethodName

if TYPE_CHECKING:
    from shortaxis.experiments.compare.plan import Plan

Fold = Annotated[int, typer.Option("--fold", metavar="K", min=0, help="The fold by patient, from 0.")]
Init = Annotated[
    Path | None,
    typer.Option("--init", metavar="FILE", help="A model of this fold whose locator both use, instead of training it."),
]


def split_effect(
    method: MethodName,
    out: Out,
    data: Data = None,
    dataset: Dataset = "acdc",
    fold: Fold = 0,
    folds: Folds = None,
    split: Split = None,
    recipe: RecipeName = "tuned",
    quick: Quick = False,
    steps: Steps = None,
    slices: Slices = None,
    locator_steps: LocatorSteps = None,
    init: Init = None,
    label_scheme: Scheme = None,
    species: Species = None,
    device: Device = "auto",
    precision: Precision = "auto",
) -> None:
    """Train a 2D method twice, its slices split by patient and at random by slice, and show the difference.

    Many published scores come from slices split at random, so that a patient stands on both sides. Everywhere else such a
    split is refused; here it is the experiment. No model file comes of it. The same command goes on where it was stopped.
    """
    from shortaxis.cli.progress import watch_training
    from shortaxis.experiments.compare.plan import DEFAULT_SLICES, DEFAULT_STEPS, Budget, Entry, Plan
    from shortaxis.experiments.compare.quick import quickened
    from shortaxis.experiments.split_effect.run import split_effect as run
    from shortaxis.experiments.split_effect.tables import publish_split

    budget = Budget(steps or DEFAULT_STEPS, slices or DEFAULT_SLICES, locator_steps)
    plan = Plan(
        (Entry(method, method, recipe),), data or Path(), dataset, out, which=fold, folds=folds or 5, split=split,
        budget=budget, label_scheme=label_scheme, species=species, device=device, precision=precision,
    )  # fmt: skip
    if data is None and not quick:
        raise typer.BadParameter("expected the folder of the cases, or --quick", param_hint="--data")
    plan = quickened(plan) if quick else plan
    with watch_training() as watch:
        finished = run(plan, init, watch)
    print(f"results: {publish_split(plan)}")
    _print_difference(plan)
    if not finished:
        print("stopped; the same command goes on")
        raise typer.Exit(Exit.INTERRUPTED)


def _print_difference(plan: Plan) -> None:
    """The first table's lines of DSC."""
    from shortaxis.experiments.split_effect.tables import read_arms, same_slices_table
    from shortaxis.experiments.table import shown

    arms = read_arms(plan.out)
    for row in same_slices_table(arms).rows if len(arms) == 2 else ():
        if row["measure"] == "DSC":
            parts = (shown(row[name], 3) for name in ("split by patient", "split by slice", "difference"))
            print("DSC {}: by patient {}, by slice {}, difference {}".format(row["structure"], *parts))
