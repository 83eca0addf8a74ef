"""Which modules get faults, and which tests must notice them."""

from __future__ import annotations

from collections.abc import Mapping

_FILES, _MEASURES = "tests/files", "tests/measure"
_GATE = (
    f"{_FILES}/test_gate.py", f"{_FILES}/test_gate_labels.py", f"{_FILES}/test_nifti_geometry.py",
    "tests/properties/test_nifti.py",
)  # fmt: skip
_SCORES = (f"{_MEASURES}/test_surface.py", f"{_MEASURES}/test_surface_dice.py", "tests/properties/test_measures.py")
_WRITER = (f"{_FILES}/test_writer.py", "tests/properties/test_written_texts.py", "tests/properties/test_nifti.py")
_SPLITS = ("tests/train/test_folds.py", "tests/properties/test_names_and_folds.py")

TARGETS: Mapping[str, tuple[str, ...]] = {
    "train.folds": _SPLITS,
    "measure.overlap": (f"{_MEASURES}/test_overlap.py", "tests/properties/test_measures.py"),
    "measure.volumes": (f"{_MEASURES}/test_volumes.py", "tests/properties/test_measures.py"),
    "measure.volume_error": (f"{_MEASURES}/test_volume_error.py", "tests/properties/test_measures.py"),
    "measure.nearest": _SCORES,
    "measure.surface": _SCORES,
    "measure.boundary": (f"{_MEASURES}/test_boundary.py", "tests/properties/test_measures.py"),
    "measure.agreement": (f"{_MEASURES}/test_agreement.py", "tests/properties/test_measures.py"),
    "measure.calibration": (f"{_MEASURES}/test_calibration.py", "tests/properties/test_measures.py"),
    "files.intake": _GATE,
    "files.gate": (*_GATE, "tests/jobs/test_memory.py"),
    "files.nifti_header": (f"{_FILES}/test_nifti_header.py", *_GATE),
    "files.nifti_geometry": (f"{_FILES}/test_nifti_geometry.py", *_GATE),
    "files.voxels": (f"{_FILES}/test_voxels.py", *_GATE),
    "files.names": (f"{_FILES}/test_names.py", "tests/properties/test_names_and_folds.py"),
    "files.nifti_encode": (f"{_FILES}/test_nifti_encode.py", *_WRITER),
    "files.writer": _WRITER,
    "files.replace": (f"{_FILES}/test_replace.py", *_WRITER),
    "experiments.compare.folds": (
        "tests/experiments/compare/test_folds.py",
        "tests/properties/test_names_and_folds.py",
        "tests/experiments/compare/test_plan.py",
    ),
}
