"""`shortaxis compare`: methods on one split and one budget, with the papers' tables and figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from shortaxis.cli.exit_codes import Exit
from shortaxis.cli.options import Device, Out, Precision, Scheme, Species

if TYPE_CHECKING:
    from shortaxis.experiments.compare.plan import Entry, Plan

_BUDGET, _WHAT, _SCORES = "Budget", "What is compared", "How it is scored"

Methods = Annotated[list[str] | None, typer.Argument(metavar="METHOD", help="Names from `shortaxis methods`.")]
Data = Annotated[Path | None, typer.Option("--data", metavar="DIR", help="The cases and their labels.")]
Dataset = Annotated[str, typer.Option("--dataset", metavar="NAME", help="How --data is laid out, as for `train`.")]
HeldOut = Annotated[
    str | None, typer.Option("--fold", metavar="K|all", help="The fold held out, from 0; all: each in turn.")
]
Folds = Annotated[int | None, typer.Option("--folds", metavar="N", min=2, help="Folds by patient.")]
Split = Annotated[
    str | None,
    typer.Option("--split", metavar="FILE|NAME", help="Folds from a file, or `acdc-5`, which comes along."),
]
RecipeName = Annotated[
    Literal["paper", "tuned"],
    typer.Option("--recipe", help="Which recipe the budget is laid over.", rich_help_panel=_WHAT),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="TOML with [[entry]] tables and a budget.", rich_help_panel=_WHAT),
]
Ablation = Annotated[
    str | None,
    typer.Option("--ablation", metavar="METHOD", help="The rows of a paper's ablation.", rich_help_panel=_WHAT),
]
Models = Annotated[
    list[str] | None,
    typer.Option("--model", metavar="LABEL=FILE", help="A model trained on this split.", rich_help_panel=_WHAT),
]
NnUNet = Annotated[
    list[Path] | None,
    typer.Option("--nnunet", metavar="DIR", help="A folder of `shortaxis nnunet`, masks in it.", rich_help_panel=_WHAT),
]
WithoutRoi = Annotated[
    bool,
    typer.Option("--without-roi", help="Each METHOD a second time, without its ROI stage.", rich_help_panel=_WHAT),
]
Quick = Annotated[
    bool, typer.Option("--quick", help="A minute on phantoms: a smoke test, never evidence.", rich_help_panel=_WHAT)
]
Steps = Annotated[
    int | None, typer.Option("--steps", metavar="N", min=1, help="Optimiser steps.", rich_help_panel=_BUDGET)
]
Slices = Annotated[
    int | None,
    typer.Option(
        "--slices", metavar="N", min=1, help="Slices a step; in 3D blocks of so many together.", rich_help_panel=_BUDGET
    ),
]
LocatorSteps = Annotated[
    int | None,
    typer.Option("--locator-steps", metavar="N", min=1, help="At most, for a locator.", rich_help_panel=_BUDGET),
]
Reference = Annotated[
    str | None,
    typer.Option("--reference", metavar="LABEL", help="The entry the others are tested against; unet.",
                 rich_help_panel=_SCORES),
]  # fmt: skip
Tests = Annotated[
    list[str] | None,
    typer.Option("--test", metavar="DATASET=DIR", help="Another labelled data set to score on.",
                 rich_help_panel=_SCORES),
]  # fmt: skip
ByEpoch = Annotated[
    int,
    typer.Option("--by-epoch", metavar="N", min=0, help="Score at N equal parts of the training.",
                 rich_help_panel=_SCORES),
]  # fmt: skip
Published = Annotated[
    list[str] | None,
    typer.Option("--published", metavar="PAPER/TABLE", help="A paper's figures beside these; see `reproduce`.",
                 rich_help_panel=_SCORES),
]  # fmt: skip
McSamples = Annotated[
    int | None,
    typer.Option("--mc-samples", metavar="N", min=2, help="Monte-Carlo samples, of methods that draw them.",
                 rich_help_panel=_SCORES),
]  # fmt: skip
Checked = Annotated[
    int,
    typer.Option("--train-cases", metavar="N", min=0, help="Training patients scored for the accuracy on them.",
                 rich_help_panel=_SCORES),
]  # fmt: skip


def compare(
    out: Out,
    methods: Methods = None,
    data: Data = None,
    dataset: Dataset = "acdc",
    fold: HeldOut = None,
    folds: Folds = None,
    split: Split = None,
    recipe: RecipeName = "tuned",
    config: Config = None,
    ablation: Ablation = None,
    model: Models = None,
    nnunet: NnUNet = None,
    without_roi: WithoutRoi = False,
    quick: Quick = False,
    steps: Steps = None,
    slices: Slices = None,
    locator_steps: LocatorSteps = None,
    reference: Reference = None,
    test: Tests = None,
    published: Published = None,
    by_epoch: ByEpoch = 0,
    mc_samples: McSamples = None,
    train_cases: Checked = 5,
    label_scheme: Scheme = None,
    species: Species = None,
    device: Device = "auto",
    precision: Precision = "auto",
) -> None:
    """Train and score methods on one split and one budget; tables and figures in one page, OUT/index.html.

    What is finished is kept: the same command goes on where it was stopped.
    """
    from shortaxis.cli.progress import watch_training
    from shortaxis.experiments.compare.ablations import with_and_without_roi
    from shortaxis.experiments.compare.nnunet_entry import nnunet_entries
    from shortaxis.experiments.compare.plan import Budget, Plan, PlanFile, other_sets_of, read_plan_file
    from shortaxis.experiments.compare.run import compare as run
    from shortaxis.experiments.reproduce.in_comparison import published_of
    from shortaxis.experiments.show.publish import publish

    read, entries = read_plan_file(config, recipe) if config else (PlanFile(), ())
    budget = Budget(steps or read.steps, slices or read.slices, locator_steps or read.locator_steps)
    named = _entries(methods or [], model or [], recipe, ablation, quick and not config)
    plan = Plan(
        entries=(*entries, *(with_and_without_roi(named) if without_roi else named), *nnunet_entries(nnunet or [])),
        data=data or Path(), dataset=dataset, out=out, which=fold_of(fold) if fold else read.fold,
        folds=folds or read.folds, split=split or read.split, budget=budget, label_scheme=label_scheme,
        species=species, reference=reference or read.reference, tests=other_sets_of(test or []), by_epoch=by_epoch,
        published=published_of(published or []), mc_samples=mc_samples,
        checked_in_training=train_cases, device=device, precision=precision,
    )  # fmt: skip
    plan = _on_phantoms(plan) if quick else _with_data(plan, data)
    with watch_training() as watch:
        finished = run(plan, watch)
    print(f"results: {publish(plan)}")
    if not finished:
        print("stopped; the same command goes on")
        raise typer.Exit(Exit.INTERRUPTED)


def _entries(methods: list[str], models: list[str], recipe: Literal["paper", "tuned"], ablation: str | None,
             default: bool) -> tuple[Entry, ...]:  # fmt: skip
    from shortaxis.experiments.compare.ablations import ablation_entries
    from shortaxis.experiments.compare.plan import entries_of
    from shortaxis.experiments.compare.quick import METHODS

    rows = ablation_entries(ablation, recipe) if ablation else ()
    if default and not (methods or models or rows):
        methods = list(METHODS)
    return (*entries_of(methods, models, recipe), *rows)


def _on_phantoms(plan: Plan) -> Plan:
    from shortaxis.experiments.compare.quick import quickened

    return quickened(plan)


def _with_data(plan: Plan, data: Path | None) -> Plan:
    if data is None:
        raise typer.BadParameter("expected the folder of the cases, or --quick", param_hint="--data")
    return plan


def fold_of(text: str) -> int | Literal["all"]:
    """`--fold` as a number or `all`."""
    if text == "all":
        return text
    if not text.isdecimal():
        raise typer.BadParameter(f"expected a number from 0, or all; found {text!r}", param_hint="--fold")
    return int(text)
