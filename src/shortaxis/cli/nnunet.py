"""`shortaxis nnunet`: nnU-Net itself on the split that `train` makes."""

from __future__ import annotations

import shlex
from typing import Annotated, Literal

import typer

from shortaxis.cli.options import Out, Scheme
from shortaxis.cli.train import Data, Dataset, Folds


def nnunet(
    data: Data,
    dataset: Dataset,
    out: Out,
    fold: Annotated[int, typer.Option("--fold", metavar="K", min=0, help="The fold held out, from 0.")] = 0,
    folds: Folds = 5,
    label_scheme: Scheme = None,
    configuration: Annotated[
        Literal["2d", "3d_fullres"], typer.Option("--configuration", help="Which of nnU-Net's networks.")
    ] = "2d",
    run: Annotated[bool, typer.Option("--run", help="Run nnU-Net's commands, which must be on the PATH.")] = False,
) -> None:
    """Write the cases as nnU-Net's raw folder with our folds, and score the masks it leaves.

    Without --run its commands are printed, to be run here or elsewhere; the same line scores the masks once they are in
    OUT/nnUNet_results. nnU-Net is not part of this program.
    """
    from shortaxis.cli.tables import print_scores
    from shortaxis.core.labels import scheme_named
    from shortaxis.experiments import nnunet as external
    from shortaxis.experiments.compare.same_data import refuse_copies
    from shortaxis.jobs.train_method import TrainOptions, chosen_folds
    from shortaxis.jobs.training_cases import training_cases

    if fold >= folds:
        raise typer.BadParameter(f"expected 0 to {folds - 1}; found {fold}", param_hint="--fold")
    scheme = scheme_named(label_scheme or "acdc")
    cases = training_cases(data, dataset, scheme)
    split = list(chosen_folds(cases, TrainOptions(fold="all", folds=folds)).values())
    raw = external.RawDataset(out)
    if not raw.splits.is_file():
        refuse_copies(cases, split, scheme)
    external.write_raw(raw, cases, split, scheme)
    print(f"raw data: {raw.raw}")
    masks = raw.predictions(configuration, fold)
    if run and not masks.is_dir():
        external.run_nnunet(raw, configuration, fold)
    if not masks.is_dir():
        for name, folder in raw.environment.items():
            print(f"export {name}={shlex.quote(folder)}")
        for line in external.commands(raw, configuration, fold):
            print(shlex.join(line))
        return
    held_out = [case for case in cases if case.patient in set(split[fold].validation)]
    scored = out / f"{configuration}-fold-{fold}"
    print_scores(external.read_back(raw, configuration, fold, held_out, scheme, scored))
    print(f"results: {scored}")
