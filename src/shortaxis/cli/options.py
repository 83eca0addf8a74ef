"""Options that several commands share, and the reading of their values."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from shortaxis.core.study import Facts


def known_scheme(name: str | None) -> str | None:
    """The name, once it is known: a cohort must not find out case by case. Raises UnknownName."""
    from shortaxis.core.labels import scheme_named

    return None if name is None else scheme_named(name).name


Inputs = Annotated[
    list[Path],
    # readable=False: a file that may not be read is refused by its reader, and the others go on
    typer.Argument(metavar="INPUT", readable=False, help="Files or folders: NIfTI, DICOM, or a data set."),
]
Out = Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder to write into.", show_default=False)]
Device = Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda or cuda:N. auto: a GPU if there is one.")]
_SCHEME_HELP = "Numbers of the labels: acdc, mnms, lv, emidec, myocardium or mmwhs."
Scheme = Annotated[
    str | None,
    typer.Option("--label-scheme", metavar="NAME", help=_SCHEME_HELP, callback=known_scheme),
]
SchemeOrAcdc = Annotated[str, typer.Option("--label-scheme", metavar="NAME", help=_SCHEME_HELP, callback=known_scheme)]
Precision = Annotated[
    Literal["auto", "float32", "bfloat16"],
    typer.Option("--precision", help="auto: bfloat16 where the machine is faster with it."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist already.")]

_TRUST = "What you vouch for"
FillNonfinite = Annotated[
    bool,
    typer.Option(
        "--fill-nonfinite", help="Read voxels that are NaN or infinite as 0, not refuse them.", rich_help_panel=_TRUST
    ),
]
OrientationFrom = Annotated[
    Literal["qform", "sform"] | None,
    typer.Option(
        "--orientation-from", help="Which is right where a NIfTI's qform and sform disagree.", rich_help_panel=_TRUST
    ),
]


def _known_tags(texts: list[str] | None) -> list[str]:
    """Keywords one by one. Raises UnknownName."""
    from shortaxis.files.identity import tags_named

    return list(tags_named(texts or ()))


_IDENTITY = "What is kept of the patient's identity"
KeepIdentity = Annotated[
    list[str] | None,
    typer.Option(
        "--keep-identity",
        metavar="TAG[,TAG...]",
        help="DICOM tags to write into the outputs, such as PatientID,StudyDate. Keep them private.",
        callback=_known_tags,
        rich_help_panel=_IDENTITY,
    ),
]
KeepNames = Annotated[
    bool,
    typer.Option(
        "--keep-names", help="Call outputs as the inputs are called, not by slugs.", rich_help_panel=_IDENTITY
    ),
]

_PATIENT = "About the patient and the scan"
Species = Annotated[
    Literal["human", "mouse"] | None,
    typer.Option(
        "--species", help="Whose heart it is, where the file does not say; told by size.", rich_help_panel=_PATIENT
    ),
]
Modality = Annotated[
    Literal["cine", "lge"] | None,
    typer.Option("--modality", help="Cine or late enhancement, where the file does not say.", rich_help_panel=_PATIENT),
]
Sex = Annotated[
    Literal["female", "male"] | None, typer.Option("--sex", help="For normal ranges.", rich_help_panel=_PATIENT)
]
Height = Annotated[float | None, typer.Option("--height", metavar="CM", help="Body height.", rich_help_panel=_PATIENT)]
Weight = Annotated[float | None, typer.Option("--weight", metavar="KG", help="Body weight.", rich_help_panel=_PATIENT)]
HeartRate = Annotated[
    float | None, typer.Option("--heart-rate", metavar="BPM", help="Beats per minute.", rich_help_panel=_PATIENT)
]
FrameTime = Annotated[
    float | None, typer.Option("--frame-time-ms", metavar="MS", help="From frame to frame.", rich_help_panel=_PATIENT)
]
EdFrame = Annotated[
    int | None,
    typer.Option("--ed-frame", metavar="N", min=1, help="End-diastolic frame, from 1.", rich_help_panel=_PATIENT),
]
EsFrame = Annotated[
    int | None,
    typer.Option("--es-frame", metavar="N", min=1, help="End-systolic frame, from 1.", rich_help_panel=_PATIENT),
]


def shard_of(text: str | None) -> tuple[int, int] | None:
    """`2/8` as (2, 8): the second of eight equal shares of the cases, counted from 1."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise typer.BadParameter(f"expected i/n with 1 <= i <= n, such as 2/8; found {text!r}", param_hint="--shard")
    return int(match[1]), int(match[2])


def box_of(text: str | None) -> tuple[int, int, int, int] | None:
    """`60,80,190,200` as (first row, first column, last row, last column), 0-based."""
    if text is None:
        return None
    match = re.fullmatch(r"\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*", text)
    if not match:
        raise typer.BadParameter(f"expected r0,c0,r1,c1 in pixels; found {text!r}", param_hint="--roi")
    top, left, bottom, right = (int(part) for part in match.groups())
    if bottom <= top or right <= left:
        raise typer.BadParameter(f"expected r0 < r1 and c0 < c1; found {text!r}", param_hint="--roi")
    return top, left, bottom, right


def settings_of(assignments: Iterable[str]) -> dict[str, Any]:
    """`a.b=1` assignments as nested dictionaries; values are TOML, and what is no TOML value is taken as text."""
    changes: dict[str, Any] = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        names = key.strip().split(".")
        if not equals or not all(names):
            raise typer.BadParameter(f"expected key=value; found {assignment!r}", param_hint="--set")
        group = changes
        for name in names[:-1]:
            group = group.setdefault(name, {})
            if not isinstance(group, dict):
                raise typer.BadParameter(f"{key!r} is set both as a value and as a group", param_hint="--set")
        group[names[-1]] = _toml_value(text.strip())
    return changes


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):  # TOMLDecodeError, thousands of digits, nesting without end
        return text


def facts_of(
    sex: Literal["female", "male"] | None,
    height_cm: float | None,
    weight_kg: float | None,
    heart_rate_bpm: float | None,
    frame_time_ms: float | None,
    ed_number: int | None,
    es_number: int | None,
    species: Literal["human", "mouse"] | None = None,
    modality: Literal["cine", "lge"] | None = None,
) -> Facts | None:
    """The facts given on the command line, frame numbers turned into indices; None where none was given."""
    from shortaxis.core.study import Facts

    facts = (sex, height_cm, weight_kg, heart_rate_bpm, frame_time_ms, ed_number, es_number, species, modality)
    if all(given is None for given in facts):
        return None

    return Facts(
        modality=modality,
        species=species,
        sex=sex,
        height_cm=_in_cm(height_cm),
        weight_kg=_positive(weight_kg, "--weight"),
        heart_rate_bpm=_positive(heart_rate_bpm, "--heart-rate"),
        frame_time_ms=_positive(frame_time_ms, "--frame-time-ms"),
        ed_index=None if ed_number is None else ed_number - 1,
        es_index=None if es_number is None else es_number - 1,
    )


def _in_cm(height: float | None) -> float | None:
    if height is not None and 0 < height < 3:  # no length of a body in cm, of man or mouse, but a height in metres
        raise typer.BadParameter(f"expected centimetres; {height:g} looks like metres", param_hint="--height")
    return _positive(height, "--height")


def _positive(value: float | None, name: str) -> float | None:
    if value is not None and not 0 < value < float("inf"):
        raise typer.BadParameter(f"expected a number above 0; found {value}", param_hint=name)
    return value
