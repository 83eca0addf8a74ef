"""`evaluate --protocol`: masks scored as a challenge scores them, from the challenge's own folders or plain masks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shortaxis.core.errors import LabelsMissing
from shortaxis.core.labels import LabelScheme, scheme_named
from shortaxis.core.study import Study
from shortaxis.files.replace import refuse_to_replace
from shortaxis.files.writer import write_csv, write_json, write_text
from shortaxis.jobs.evaluate import reference_studies, with_phases
from shortaxis.jobs.prediction_files import masks_by_stem, prediction_of
from shortaxis.measure.lvquan import DIAMETERS, WALLS
from shortaxis.measure.protocols import Protocol, protocol_named
from shortaxis.measure.protocols.protocol import Judged, Table
from shortaxis.report.markdown import defined, headed, markdown_table

if TYPE_CHECKING:
    from shortaxis.read.lvquan import LvquanCase

Stated = Mapping[str, Sequence[float]]


def evaluate_protocol(
    protocol: str,
    reference: Path,
    prediction: Path,
    out: Path,
    reference_scheme: str | None = None,
    prediction_scheme: str | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Score every reference case by a challenge's protocol and write its tables into `out`.

    `<protocol>_cases.csv` has a row per case, structure and moment; `<protocol>_<table>.csv` and `<protocol>.md` have
    the summary, `<protocol>.json` the same for programs. The reference is the challenge's own folders, or a folder of
    masks. A reference without a prediction is scored against an empty mask and named.

    Args:
        protocol: acdc, emidec, lvquan or mnms.
        reference_scheme, prediction_scheme: numbers of the masks; the protocol's own where not given.

    Returns:
        `protocol`, `n_cases`, `without_prediction`, `tables` (rows by table name) and `markdown`.

    Raises:
        UnknownName: no such protocol or scheme.
        BadConfiguration: a scheme cannot tell what the protocol scores.
        OutputExists: `out` holds such scores already and `overwrite` is off.
        NoStudy, LabelsMissing, GridMismatch, UnknownLabel: as `evaluate_folders`.
        BadPatientFacts, WrongDimensions: the masks are not what the protocol is for.
    """
    rules = protocol_named(protocol)
    theirs = scheme_named(reference_scheme or rules.scheme.name)
    ours = scheme_named(prediction_scheme or rules.scheme.name)
    rules.check_scheme(theirs, "--reference-scheme")
    rules.check_scheme(ours, "--prediction-scheme")
    refuse_to_replace(out, (f"{protocol}_cases.csv", f"{protocol}.md", f"{protocol}.json"), overwrite)
    predictions = masks_by_stem(prediction)
    rows, missing, cases = [], [], dict[str, None]()
    for study, stated in protocol_studies(rules, reference, theirs):
        masks, absent = prediction_of(study, predictions, ours)
        missing += absent
        cases[study.name] = None
        rows += rules.score(Judged(study, masks, ours, stated))
    tables = rules.summarise(rows)
    text = _page(rules, tables, len(cases), missing)
    write_csv(out / f"{protocol}_cases.csv", rows, list(rules.case_columns))
    for table in tables:
        write_csv(out / f"{protocol}_{table.name}.csv", table.rows, list(table.columns))
    write_text(out / f"{protocol}.md", text)
    told = {"protocol": protocol, "n_cases": len(cases), "without_prediction": missing}
    summary = {**told, "tables": {table.name: list(table.rows) for table in tables}}
    definitions = {"cases": rules.case_columns, **{table.name: table.columns for table in tables}}
    write_json(out / f"{protocol}.json", {**summary, "definitions": definitions})
    return {**summary, "markdown": text}


def protocol_studies(rules: Protocol, root: Path, scheme: LabelScheme) -> Iterator[tuple[Study, Stated | None]]:
    """Labelled studies with their phases, by the challenge's own reader where its folders are there, else per mask.

    With each the indices that the data set itself states, if any.
    """
    found = False
    for study, stated in _own_studies(rules.name, root):
        found = True
        yield with_phases(study)[0], stated
    if not found:
        for study in reference_studies(root, scheme):
            yield with_phases(study)[0], None


def _own_studies(protocol: str, root: Path) -> Iterator[tuple[Study, Stated | None]]:
    """What a challenge's reader finds below `root`; ACDC's is `reference_studies`' own."""
    if protocol == "mnms":
        from shortaxis.read.mnms import find_mnms, read_mnms_labelled

        yield from ((read_mnms_labelled(folder), None) for folder in find_mnms(root))
    elif protocol == "emidec":
        from shortaxis.read.emidec import find_emidec, read_emidec_labelled

        yield from ((read_emidec_labelled(case), None) for case in find_emidec(root))
    elif protocol == "lvquan":
        from shortaxis.read.lvquan import find_lvquan, read_lvquan_labelled

        yield from ((read_lvquan_labelled(case), stated_indices(case)) for case in find_lvquan(root))


def stated_indices(case: LvquanCase) -> dict[str, list[float]] | None:
    """LVQuan's own indices of a case by the names of `measure.lvquan`; None where its file has none."""
    from shortaxis.read.lvquan import read_lvquan_indices

    try:
        found = read_lvquan_indices(case)
    except LabelsMissing:
        return None
    stated = {"phase": found.systole.astype(float).tolist()}
    if found.areas_mm2 is None or found.dims_mm is None or found.rwt_mm is None:
        return stated
    names = [
        "a1_cavity_mm2",
        "a2_myocardium_mm2",
        *(f"{key}_mm" for key in DIAMETERS),
        *(f"rwt_{key}_mm" for key in WALLS),
    ]
    columns = [*found.areas_mm2.T, *found.dims_mm.T, *found.rwt_mm.T]
    return {name: column.tolist() for name, column in zip(names, columns, strict=True)} | stated


def _page(rules: Protocol, tables: Sequence[Table], n_cases: int, missing: Sequence[str]) -> str:
    """The summary in Markdown: each table, then what its columns mean."""
    cases = "1 case" if n_cases == 1 else f"{n_cases} cases"
    lines = [headed(rules.title), "", f"Rules: {rules.source}. {cases}."]
    if missing:
        lines += ["", f"Without a prediction, scored against an empty mask: {', '.join(missing)}."]
    for table in tables:
        lines += [
            "",
            f"## {table.title}",
            "",
            markdown_table(list(table.columns), table.rows),
            "",
            defined(table.columns),
        ]
    lines += ["", f"## Columns of `{rules.name}_cases.csv`", "", defined(rules.case_columns)]
    return "\n".join(lines) + "\n"
