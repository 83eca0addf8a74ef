"""`shortaxis train`: a method on a folder of labelled cases."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from shortaxis.cli.exit_codes import Exit
from shortaxis.cli.options import Device, Modality, Out, Precision, Scheme, Species, settings_of

_RECIPE = "Recipe"
_MACHINE = "Machine"
_NAMES = "How files are called (--dataset labelled)"

MethodName = Annotated[str, typer.Argument(metavar="METHOD", help="A name from `shortaxis methods`.")]
Data = Annotated[Path, typer.Option("--data", metavar="DIR", help="The cases and their labels.")]
Dataset = Annotated[
    Literal["acdc", "emidec", "labelled", "lvquan", "mmwhs", "mnms", "mouse", "sunnybrook"],
    typer.Option("--dataset", help="How the folder is laid out; labelled: any images with labels beside them."),
]
ImageNames = Annotated[
    str | None,
    typer.Option(
        "--images", metavar="PATTERN", help="The images, such as '*/sa.nii.gz'; with --labels.", rich_help_panel=_NAMES
    ),
]
LabelNames = Annotated[
    str | None,
    typer.Option(
        "--labels",
        metavar="PATTERN",
        help="An image's labels beside it, such as '{stem}_lv.nii.gz', or below --data: 'masks/{stem}.nii.gz'.",
        rich_help_panel=_NAMES,
    ),
]
PatientBefore = Annotated[
    str | None,
    typer.Option(
        "--patient-before",
        metavar="TEXT",
        help="The patient is the file's (or folder's) name up to this: with '_', a_1 and a_2 are of a.",
        rich_help_panel=_NAMES,
    ),
]
HeldOut = Annotated[
    str,
    typer.Option(
        "--fold", metavar="K|all|none", help="The fold held out, from 0; all: each in turn; none: train on all."
    ),
]
Folds = Annotated[int, typer.Option("--folds", metavar="N", min=2, help="Folds by patient.")]
Balance = Annotated[
    Literal["groups", "myocardium"],
    typer.Option("--balance", help="What the folds have alike: diagnosis groups, or the myocardium's volume."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in --out.")]
RecipeName = Annotated[
    Literal["paper", "tuned"],
    typer.Option("--recipe", help="As published, or for the best masks in a sane budget.", rich_help_panel=_RECIPE),
]
Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="TOML laid over the recipe.", rich_help_panel=_RECIPE)
]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="One setting, laid over --config.", rich_help_panel=_RECIPE),
]
Init = Annotated[
    Path | None, typer.Option("--init", metavar="FILE", help="Weights to start from.", rich_help_panel=_RECIPE)
]
EncoderWeights = Annotated[
    Path | None,
    typer.Option(
        "--encoder-weights",
        metavar="FILE",
        help="Safetensors that a method's encoder starts from (`convert-weights` makes one).",
        rich_help_panel=_RECIPE,
    ),
]
OneStage = Annotated[
    str | None, typer.Option("--stage", metavar="NAME", help="Train this stage only.", rich_help_panel=_RECIPE)
]
Threads = Annotated[
    int | None,
    typer.Option("--threads", metavar="N", min=1, help="Threads on the CPU; one per core.", rich_help_panel=_MACHINE),
]

Workers = Annotated[
    int,
    typer.Option(
        "--workers", metavar="N", min=0, help="Threads that prepare batches; same result.", rich_help_panel=_MACHINE
    ),
]
SaveEvery = Annotated[
    int,
    typer.Option(
        "--save-every", metavar="N", min=1, help="Steps between saved states: what a kill costs.",
        rich_help_panel=_MACHINE,
    ),
]  # fmt: skip


def train(
    method: MethodName,
    data: Data,
    dataset: Dataset,
    out: Out,
    fold: HeldOut = "0",
    folds: Folds = 5,
    balance: Balance = "groups",
    label_scheme: Scheme = None,
    images: ImageNames = None,
    labels: LabelNames = None,
    patient_before: PatientBefore = None,
    species: Species = None,
    modality: Modality = None,
    resume: Resume = False,
    recipe: RecipeName = "paper",
    config: Config = None,
    assignments: Assignments = None,
    init: Init = None,
    encoder_weights: EncoderWeights = None,
    stage: OneStage = None,
    device: Device = "auto",
    precision: Precision = "auto",
    threads: Threads = None,
    workers: Workers = 1,
    save_every: SaveEvery = 100,
) -> None:
    """Train a method's stages on labelled cases, with folds by patient; under torchrun on several GPUs.

    The resolved recipe, the folds, the record of every step and the model are written to --out.
    """
    if threads is not None:
        os.environ["OMP_NUM_THREADS"] = str(threads)  # torch reads it when it is first imported, which is below
    from shortaxis.cli.progress import watch_training
    from shortaxis.pipeline import Naming, TrainOptions, train_method

    options = TrainOptions(
        fold=_fold_of(fold, folds), folds=folds, balance=balance, recipe=recipe, stage=stage, init=init, resume=resume,
        changes=_changes(method, recipe, config, assignments or []), encoder_weights=encoder_weights,
        device=device, precision=precision, workers=workers, save_every=save_every, label_scheme=label_scheme,
        species=species, modality=modality, naming=Naming(images, labels, patient_before),
    )  # fmt: skip
    with watch_training() as watch:
        models = train_method(method, data, dataset, out, options, watch)
    for model in models if os.environ.get("RANK", "0") == "0" else []:  # torchrun's processes would all say it
        print(f"model: {model}")
    if len(models) < (folds + 1 if fold == "all" else 1):
        print("stopped by a signal, with the last whole step saved; the same command with --resume goes on")
        raise typer.Exit(Exit.INTERRUPTED)


def _fold_of(text: str, folds: int) -> int | Literal["all", "none"]:
    if text == "all" or text == "none":
        return text
    if not text.isdecimal() or int(text) >= folds:
        raise typer.BadParameter(f"expected 0 to {folds - 1}, all or none; found {text!r}", param_hint="--fold")
    return int(text)


def _changes(
    method: str, recipe: Literal["paper", "tuned"], config: Path | None, assignments: list[str]
) -> dict[str, Any]:
    from shortaxis.core.recipe import read_toml
    from shortaxis.methods import method_named

    changes = {} if config is None else read_toml(config)
    if config is not None:
        method_named(method).recipes[recipe].overlaid(changes, config)  # so that a refusal of the file names it
    return _laid_over(changes, settings_of(assignments))


def _laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        merged[key] = _laid_over(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged
