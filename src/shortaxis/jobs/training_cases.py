"""Labelled cases of a data set, ready to be read one by one."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from shortaxis.core.errors import NoStudy, UnknownName
from shortaxis.core.labels import LabelScheme
from shortaxis.train.run import TrainingCase

DATASETS = ("acdc", "labelled", "sunnybrook")


def training_cases(data: Path, dataset: str, scheme: LabelScheme) -> list[TrainingCase]:
    """The labelled cases below `data`, laid out as `dataset`.

    Raises:
        UnknownName: no such layout.
        NoStudy: no labelled case was found.
    """
    makers = {"acdc": _acdc, "labelled": _labelled, "sunnybrook": _sunnybrook}
    if dataset not in makers:
        raise UnknownName(f"one of {', '.join(makers)}", repr(dataset), "correct --dataset")
    cases = makers[dataset](data, scheme)
    if not cases:
        raise NoStudy(f"labelled cases laid out as {dataset!r}", "none", "check --data and --dataset", data)
    return cases


def _acdc(data: Path, scheme: LabelScheme) -> list[TrainingCase]:
    from shortaxis.read.acdc import find_acdc, group_of, read_acdc_labelled

    del scheme  # the reader knows ACDC's own numbers
    return [
        TrainingCase(folder.name, folder.name, partial(read_acdc_labelled, folder), group_of(folder))
        for folder in find_acdc(data)
    ]


def _labelled(data: Path, scheme: LabelScheme) -> list[TrainingCase]:
    from shortaxis.read.labelled import find_labelled, read_labelled_case

    return [
        TrainingCase(case.name, case.patient, partial(read_labelled_case, case, scheme)) for case in find_labelled(data)
    ]


def _sunnybrook(data: Path, scheme: LabelScheme) -> list[TrainingCase]:
    from shortaxis.read.sunnybrook import find_sunnybrook, read_sunnybrook

    del scheme
    return [
        TrainingCase(name, name, partial(read_sunnybrook, dicoms, contours))
        for name, dicoms, contours in find_sunnybrook(data)
    ]
