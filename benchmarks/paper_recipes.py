"""The first steps of methods' recipes at full width, and what the whole recipe would take on this machine.

    python benchmarks/paper_recipes.py dadu foanet --data ACDC/training --dataset acdc --steps 20 --out trial
    python benchmarks/paper_recipes.py dadu --data ACDC/training --dataset acdc --epochs 2 --out trial
    python benchmarks/paper_recipes.py dadu --phantom 5 --steps 4 --out trial

Each stage goes on from what --out holds, in a process of its own, until --steps steps or --epochs epochs of it are done.
Nothing of the recipe is changed, so the same folder can be gone on with. Projected: the median step times the recipe's
steps, and the median validation times its validations once one was seen. Memory: the process' highest (VmHWM, with the
examples it holds), on a GPU torch's own figure.
"""

from __future__ import annotations

import argparse
import multiprocessing
from pathlib import Path
from typing import Any

from shortaxis.cli.options import settings_of
from shortaxis.experiments.trial import Trial, phantom_cases
from shortaxis.read.phantom import PhantomRecipe

COLUMNS = (
    *("method", "stage", "steps done", "loss", "s per step", "steps per epoch", "epochs of the recipe"),
    *("steps of the recipe", "projected h", "peak MiB"),
)


def tried(name: str, stage: str, options: argparse.Namespace, cases_of_phantoms: int) -> Trial:
    """One stage's trial; runs in a process of its own."""
    from shortaxis.core.compute import choose_compute
    from shortaxis.core.labels import scheme_named
    from shortaxis.experiments.trial import try_stage
    from shortaxis.jobs.train_method import TrainOptions, chosen_folds
    from shortaxis.jobs.training_cases import of_one_modality, of_one_species, training_cases
    from shortaxis.methods import method_named

    method = method_named(name)
    recipe = method.recipes[options.recipe].overlaid(settings_of(options.set or []))
    scheme = scheme_named(options.label_scheme) if options.label_scheme else method.default_scheme
    if cases_of_phantoms:
        cases = phantom_cases(cases_of_phantoms, PhantomRecipe(frames=2))
    else:
        cases = training_cases(options.data, options.dataset, scheme)
    cases = of_one_modality(of_one_species(cases, None, method), options.modality, method)
    (fold,) = chosen_folds(cases, TrainOptions(fold=options.fold, folds=options.folds)).values()
    (chosen,) = (held for held in method.stages(recipe) if held.name == stage)
    compute = choose_compute(options.device, options.precision)
    folder = options.out / name / stage
    return try_stage(chosen, scheme, cases, fold, folder, compute, options.steps, options.epochs)


def row(name: str, stage: str, trial: Trial) -> str:
    """A line of the table."""

    def shown(value: float | None, places: int) -> str:
        return "not measured" if value is None else f"{value:.{places}f}"

    loss = f"{trial.first_loss:.3f} to {trial.last_loss:.3f}"
    cells: list[Any] = [name, stage, trial.steps_done, loss, shown(trial.per_step, 2), trial.steps_per_epoch]
    cells += [f"{trial.epochs:.1f}", trial.steps, shown(trial.projected_hours, 1), shown(trial.peak_mib, 0)]
    return f"| {' | '.join(map(str, cells))} |"


def read_options(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="+")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path)
    source.add_argument("--phantom", type=int, default=0, metavar="N", help="N phantoms instead of patients")
    parser.add_argument("--dataset", default="acdc")
    parser.add_argument("--recipe", choices=("paper", "tuned"), default="paper")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--steps", type=int)
    length.add_argument("--epochs", type=float)
    parser.add_argument("--stage", default=None, help="this stage alone")
    parser.add_argument("--fold", type=int, default=0)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--label-scheme", default=None)
    parser.add_argument("--modality", choices=("cine", "lge"), default=None)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--set", action="append", metavar="KEY=VALUE")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Try every stage and print the table as it grows."""
    from shortaxis.methods import method_named

    options = read_options(arguments)
    print(f"| {' | '.join(COLUMNS)} |")
    print("|---" * len(COLUMNS) + "|")
    for name in options.methods:
        method = method_named(name)
        recipe = method.recipes[options.recipe].overlaid(settings_of(options.set or []))
        for stage in method.stages(recipe):
            if options.stage in (None, stage.name):
                with multiprocessing.get_context("spawn").Pool(1) as pool:
                    trial = pool.apply(tried, (name, stage.name, options, options.phantom))
                print(row(name, stage.name, trial), flush=True)


if __name__ == "__main__":
    main()
