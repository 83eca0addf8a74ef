"""Measures as a reader sees them: names in the field's terms, units, rounded values, and reasons for what is missing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

UNITS: Mapping[str, str] = {
    "l_min_m2": "l/min/m²",
    "ml_m2": "ml/m²",
    "g_m2": "g/m²",
    "ml_min": "ml/min",
    "l_min": "l/min",
    "ml_s": "ml/s",
    "percent": "%",
    "mm2": "mm²",
    "cm2": "cm²",
    "m2": "m²",
    "ml": "ml",
    "ul": "µl",
    "mg": "mg",
    "mm": "mm",
    "cm": "cm",
    "kg": "kg",
    "ms": "ms",
    "bpm": "/min",
    "g": "g",
}
"""Suffix of a measure's key -> unit, longer suffixes first."""

NAMES: Mapping[str, str] = {
    "edv": "End-diastolic volume",
    "esv": "End-systolic volume",
    "sv": "Stroke volume",
    "ef": "Ejection fraction",
    "co": "Cardiac output",
    "ci": "Cardiac index",
    "mass": "Myocardial mass (ED)",
    "mass_ed": "Myocardial mass (ED)",
    "mass_es": "Myocardial mass (ES)",
    "edv_index": "End-diastolic volume index",
    "esv_index": "End-systolic volume index",
    "sv_index": "Stroke volume index",
    "co_index": "Cardiac index",
    "mass_index": "Myocardial mass index",
    "bsa": "Body surface area",
    "ed_mean": "Mean thickness (ED)",
    "ed_max": "Greatest thickness (ED)",
    "heart_rate": "Heart rate",
    "ed_number": "End-diastolic frame",
    "es_number": "End-systolic frame",
    "source": "Phases taken from",
    "infarct": "Infarct, share of the myocardium",
    "no_reflow": "No-reflow, share of the myocardium",
    "no_reflow_volume": "No-reflow volume",
    "no_reflow_mass": "No-reflow mass",
    "n_samples": "Monte-Carlo samples",
    "image_variance": "Variance, mean over the image",
    "heart_probability": "Mean probability over the heart, lower of ED and ES",
}
SECTION_TITLES: Mapping[str, str] = {
    "lv": "Left ventricle",
    "rv": "Right ventricle",
    "infarct": "Infarct and no-reflow",
    "uncertainty": "Uncertainty (Monte-Carlo samples)",
    "certainty": "Certainty of the network",
    "wall": "Wall",
    "patient": "Patient facts",
}
_NOT_SECTIONS = frozenset({"case", "phases", "curve", "slices", "convention", "notes", "reasons", "ranges", "error"})
DRAWN = "lv.wall.aha."  # shown as a bull's-eye rather than in 48 rows
WHERE_KNOWN = "infarct.transmurality."  # 32 rows of one reason would hide the others: late enhancement has seldom an RV
SOURCES = {"patient.heart_rate_bpm": "patient.heart_rate_source"}
"""Where a value comes from stands beside its unit, not in a row of its own."""

_ABBREVIATIONS = {"lv": "LV", "rv": "RV", "ed": "ED", "es": "ES", "ef": "EF", "bsa": "BSA", "mri": "MRI"}


@dataclass(frozen=True)
class Index:
    """One measured quantity.

    Attributes:
        key: dotted, such as `lv.ef_percent`.
        name: in words.
        unit: empty where the quantity has none.
        value: rounded for reading; None where it is undefined.
        reason: why it is undefined.
        normal: the normal range in words, where one was given.
        outside: whether the value lies below or above that range.
        normal_source: where that range was published.
    """

    key: str
    name: str
    unit: str
    value: str | None
    reason: str | None
    normal: str | None = None
    outside: Literal["below", "above"] | None = None
    normal_source: str | None = None


@dataclass(frozen=True)
class Section:
    """The indices of one part of the measures, such as the left ventricle."""

    key: str
    title: str
    indices: tuple[Index, ...]

    @property
    def tells_any(self) -> bool:
        return any(index.value is not None for index in self.indices)

    @property
    def has_ranges(self) -> bool:
        return any(index.normal for index in self.indices)

    @property
    def range_sources(self) -> tuple[str, ...]:
        """Where the normal ranges were published, each source once."""
        return tuple(dict.fromkeys(index.normal_source for index in self.indices if index.normal_source))


def sections_of(measures: Mapping[str, Any]) -> tuple[Section, ...]:
    """Every mapping among the measures that holds quantities, ventricles first; unknown ones are shown too.

    A part of which nothing is defined comes after those that tell something: late enhancement has no volumes of a beat.
    """
    found = {key: part for key, part in measures.items() if key not in _NOT_SECTIONS and isinstance(part, Mapping)}
    ordered = sorted(found, key=lambda key: list(SECTION_TITLES).index(key) if key in SECTION_TITLES else 99)
    made = (Section(key, title_of(key), tuple(_indices(measures, key, found[key]))) for key in ordered)
    return tuple(sorted((section for section in made if section.indices), key=lambda section: not section.tells_any))


def name_and_unit(leaf: str) -> tuple[str, str]:
    """A measure's key without its section -> its name in words and its unit (empty if none)."""
    for suffix, unit in UNITS.items():
        if leaf.endswith(f"_{suffix}"):
            base = leaf.removesuffix(f"_{suffix}")
            return NAMES.get(base) or humanised(base), unit
    return NAMES.get(leaf) or humanised(leaf), ""


def by_quantity(sections: Iterable[Section]) -> dict[str, Index]:
    """The indices by their keys without the unit: `lv.edv`, whether it is told in ml or in µl."""
    return {_without_unit(index.key): index for section in sections for index in section.indices}


def _without_unit(key: str) -> str:
    return next((key.removesuffix(f"_{suffix}") for suffix in UNITS if key.endswith(f"_{suffix}")), key)


def humanised(key: str) -> str:
    """`wall_thickness` -> `Wall thickness`; known abbreviations in capitals."""
    words = [_ABBREVIATIONS.get(word, word) for word in key.replace(".", " ").replace("_", " ").split()]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def title_of(section: str) -> str:
    """A section's heading."""
    return SECTION_TITLES.get(section) or humanised(section)


def shown(value: Any) -> str | None:
    """A value for reading: three significant digits and no exponent; None where it is undefined or not finite."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if isinstance(value, float):
        return _three_digits(value) if math.isfinite(value) else None
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(shown(item) or "–" for item in value) or None
    return str(value)


def missing_reason(measures: Mapping[str, Any], key: str) -> str:
    """Why the value under a dotted key is undefined, looked up from the key upward through its parts."""
    reasons = measures.get("reasons") or {}
    for candidate in (key, key.rpartition(".")[0]):
        if candidate in reasons:
            return str(reasons[candidate])
    return "no reason recorded"


def flattened(part: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Nested mappings as (dotted key, value) pairs in their order."""
    for key, value in part.items():
        dotted = f"{above}{key}"
        if isinstance(value, Mapping):
            yield from flattened(value, f"{dotted}.")
        else:
            yield dotted, value


def _indices(measures: Mapping[str, Any], section: str, part: Mapping[str, Any]) -> Iterator[Index]:
    ranges = measures.get("ranges") or {}
    for leaf, value in flattened(part):
        key = f"{section}.{leaf}"
        if key.startswith(DRAWN) or (key.startswith(WHERE_KNOWN) and value is None) or key in SOURCES.values():
            continue
        name, unit = name_and_unit(leaf)
        text = shown(value)
        if whence := part.get(SOURCES.get(key, "").rpartition(".")[2]):
            unit = f"{unit}, {whence}"
        reason = missing_reason(measures, key) if text is None else None
        given = ranges.get(key)
        low, high = _range_of(given)
        source = str(given["source"]) if isinstance(given, Mapping) and given.get("source") else None
        yield Index(key, name, unit, text, reason, _range_text(low, high), _outside(value, low, high), source)


def _range_of(given: Any) -> tuple[float | None, float | None]:
    """A range as {low, high} or [low, high], either end open."""
    if isinstance(given, Mapping):
        return given.get("low"), given.get("high")
    if isinstance(given, Sequence) and not isinstance(given, str) and len(given) == 2:
        return given[0], given[1]
    return None, None


def _range_text(low: float | None, high: float | None) -> str | None:
    if low is None and high is None:
        return None
    if low is None:
        return f"up to {shown(high)}"
    return f"from {shown(low)}" if high is None else f"{shown(low)} – {shown(high)}"


def _outside(value: Any, low: float | None, high: float | None) -> Literal["below", "above"] | None:
    if not isinstance(value, (int, float)):
        return None
    if low is not None and value < low:
        return "below"
    return "above" if high is not None and value > high else None


def _three_digits(value: float) -> str:
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    decimals = 0 if magnitude >= 2 else 1 if magnitude == 1 else min(2 - magnitude, 6)
    return f"{value:.{decimals}f}"
