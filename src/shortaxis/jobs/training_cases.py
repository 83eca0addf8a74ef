"""Labelled cases of a data set, ready to be read one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from shortaxis.core.errors import BadConfiguration, NoStudy, UnknownName, WrongKindOfScan
from shortaxis.core.labels import LabelScheme
from shortaxis.core.method import Method
from shortaxis.core.modality import with_modality
from shortaxis.core.species import species_of, with_species
from shortaxis.core.study import Modality, Species, Study
from shortaxis.files.names import slug, unique
from shortaxis.train.run import TrainingCase

DATASETS = ("acdc", "emidec", "labelled", "lvquan", "mmwhs", "mnms", "mouse", "sunnybrook")


@dataclass(frozen=True)
class Naming:
    """How files are called in a labelled folder of none of the usual layouts; see `read.labelled.find_labelled`.

    Attributes:
        images: a pattern below the folder, such as `*/sa.nii.gz`.
        labels: where an image's labels are, such as `{folder}/{stem}_contours.nii.gz`.
        patient_before: the patient is the name up to this, of the file or else of its folder.
    """

    images: str | None = None
    labels: str | None = None
    patient_before: str | None = None


def training_cases(data: Path, dataset: str, scheme: LabelScheme, naming: Naming | None = None) -> list[TrainingCase]:
    """The labelled cases below `data`, laid out as `dataset`.

    Raises:
        UnknownName: no such layout.
        BadConfiguration: a naming for another layout than `labelled`.
        NoStudy: no labelled case was found.
    """
    labelled = partial(_labelled, naming=naming or Naming())
    makers = dict(zip(DATASETS, (_acdc, _emidec, labelled, _lvquan, _mmwhs, _mnms, _mouse, _sunnybrook), strict=True))
    if dataset not in makers:
        raise UnknownName(f"one of {', '.join(makers)}", repr(dataset), "correct --dataset")
    if naming not in (None, Naming()) and dataset != "labelled":
        expected, found = "names of files with --dataset labelled alone", f"with {dataset}, which has its own"
        raise BadConfiguration(expected, found, "leave out --images, --labels and --patient-before", data)
    cases = makers[dataset](data, scheme)
    if not cases:
        raise NoStudy(f"labelled cases laid out as {dataset!r}", "none", "check --data and --dataset", data)
    return _under_slugs(cases)


def _under_slugs(cases: Sequence[TrainingCase]) -> list[TrainingCase]:
    """The cases with slugs for names, which go into the run's files; different names and patients stay different."""
    patients = list(dict.fromkeys(case.patient for case in cases))
    called = dict(zip(patients, unique([slug(patient) for patient in patients]), strict=True))
    names = unique([slug(case.name) for case in cases])
    return [replace(case, name=name, patient=called[case.patient]) for case, name in zip(cases, names, strict=True)]


def _acdc(data: Path, scheme: LabelScheme) -> list[TrainingCase]:
    from shortaxis.read.acdc import ONE_SCAN, find_acdc, group_of, read_acdc_labelled

    del scheme  # the reader knows ACDC's own numbers
    return [
        TrainingCase(
            folder.name,
            folder.name,
            partial(read_acdc_labelled, folder),
            group_of(folder),
            ONE_SCAN.get(folder.name, ""),
        )
        for folder in find_acdc(data)
    ]


def _labelled(data: Path, scheme: LabelScheme, naming: Naming) -> list[TrainingCase]:
    from shortaxis.read.labelled import find_labelled, read_labelled_case

    found = find_labelled(data, naming.images, naming.labels, naming.patient_before)
    return [TrainingCase(case.name, case.patient, partial(read_labelled_case, case, scheme)) for case in found]


def _emidec(data: Path, scheme: LabelScheme) -> list[TrainingCase]:
    from shortaxis.read.emidec import find_emidec, read_emidec_labelled

    del scheme
    return [
        TrainingCase(case.name, case.name, partial(read_emidec_labelled, case), case.group)
        for case in find_emidec(data)
        if case.labels  # the test set has none
    ]


def _lvquan(data: Path, scheme: LabelScheme) -> list[TrainingCase]:
    from shortaxis.read.lvquan import find_lvquan, read_lvquan_labelled

    del scheme
    return [TrainingCase(case.name, case.name, partial(read_lvquan_labelled, case)) for case in find_lvquan(data)]


def _mmwhs(data: Path, scheme: LabelScheme) -> list[TrainingCase]:
    from shortaxis.read.mmwhs import find_mmwhs, read_mmwhs_labelled

    del scheme
    return [
        TrainingCase(case.name, case.name, partial(read_mmwhs_labelled, case))
        for case in find_mmwhs(data)
        if case.labels
    ]


def _mnms(data: Path, scheme: LabelScheme) -> list[TrainingCase]:
    from shortaxis.read.mnms import find_mnms, group_of, read_mnms_labelled

    del scheme
    return [
        TrainingCase(folder.name, folder.name, partial(read_mnms_labelled, folder), group_of(folder))
        for folder in find_mnms(data)
    ]


def _mouse(data: Path, scheme: LabelScheme) -> list[TrainingCase]:
    from shortaxis.read.mouse import find_mouse, read_mouse

    del scheme  # the reader knows the scheme `lv`
    return [TrainingCase(case.name, case.animal, partial(read_mouse, case)) for case in find_mouse(data)]


def _sunnybrook(data: Path, scheme: LabelScheme) -> list[TrainingCase]:
    from shortaxis.read.sunnybrook import find_sunnybrook, read_sunnybrook

    del scheme
    return [
        TrainingCase(name, name, partial(read_sunnybrook, dicoms, contours))
        for name, dicoms, contours in find_sunnybrook(data)
    ]


def of_one_species(cases: Sequence[TrainingCase], given: Species | None, method: Method) -> list[TrainingCase]:
    """The cases with their species stated: by the file, else as `given`, else by size. All are as the first.

    Raises WrongKindOfScan where the method is not made for it; reading a case of another species raises it too.
    """
    species = _read_as(cases[0].read, given, None).facts.species
    if species not in method.accepts.species:
        raise WrongKindOfScan(
            f"{' or '.join(sorted(method.accepts.species))} for {method.name}",
            f"{species}",
            "choose a method that accepts it, or say whose hearts these are with --species",
        )
    return [replace(case, read=partial(_read_as, case.read, given, species)) for case in cases]


def of_one_modality(cases: Sequence[TrainingCase], given: Modality | None, method: Method) -> list[TrainingCase]:
    """The cases with their modality stated: by the file, else as `given`, else by their frames. All are as the first.

    Raises WrongKindOfScan where the method is not made for it, where a scan of one frame does not say and the method is
    made for both, and where `given` is not what the file says; reading a case of another modality raises it too.
    """
    modality = _read_of(cases[0].read, given, None, method).facts.modality
    if modality not in method.accepts.modalities:
        raise WrongKindOfScan(
            f"{' or '.join(sorted(method.accepts.modalities))} for {method.name}",
            f"{modality}",
            "choose a method that accepts it; if the data do not say what they are, --modality does",
        )
    return [replace(case, read=partial(_read_of, case.read, given, modality, method)) for case in cases]


def _read_of(read: Callable[[], Study], given: Modality | None, wanted: Modality | None, method: Method) -> Study:
    study = read()
    stated = study.facts.modality
    if given is not None and stated not in (None, given):
        raise WrongKindOfScan(
            f"{given}, as --modality says", f"{stated}: {study.name}", "leave --modality out, or correct it"
        )
    if stated is None and given is not None:
        study = replace(study, facts=replace(study.facts, modality=given))
    study = with_modality(study, method.accepts.modalities)
    if wanted is not None and study.facts.modality != wanted:
        found = f"{study.facts.modality}: {study.name}"
        raise WrongKindOfScan(f"{wanted} alone, as the first case", found, "train on one modality at a time")
    return study


def species_of_all(cases: Sequence[TrainingCase]) -> Species:
    """The species that `of_one_species` has held all cases to."""
    return species_of(cases[0].read())


def _read_as(read: Callable[[], Study], given: Species | None, wanted: Species | None) -> Study:
    study = read()
    if study.facts.species is None and given is not None:
        study = replace(study, facts=replace(study.facts, species=given))
    study = with_species(study)
    if wanted is not None and study.facts.species != wanted:
        found = f"a {study.facts.species}'s: {study.name}"
        raise WrongKindOfScan(f"{wanted}s' hearts alone, as the first case", found, "train on one species at a time")
    return study
