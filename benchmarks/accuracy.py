"""How well a trained model does on labelled patients it has not seen: the table of `docs/benchmarks.md`.

    python benchmarks/accuracy.py --model run/fold-0/model.safetensors --data ACDC/training --dataset acdc

Patients: those the model's own card names as held out; with `--all-cases` every case (for data it was never trained on).
Dice is 3D per case, a missing structure counts 0, the mean is over patient x phase x structure. Ejection fraction is
taken at the given phases and, where a cine has more than two frames, at the phases the program finds itself.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from shortaxis.core.compute import choose_compute
from shortaxis.core.labels import Structure
from shortaxis.core.study import Study
from shortaxis.jobs.models import Model, ready_model
from shortaxis.jobs.segment import Segmentation, segment_study
from shortaxis.jobs.training_cases import training_cases
from shortaxis.measure.case import measure_case
from shortaxis.measure.certainty import KEY
from shortaxis.measure.evaluate import evaluate_case, missed_on_mid_slices
from shortaxis.measure.summary import summarise


def unseen_studies(
    model: Model, data: Path, dataset: str, all_cases: bool, without: Sequence[str] = ()
) -> Iterator[Study]:
    """The labelled studies to judge on."""
    held_out = set(model.bundle.card["held_out_sha256"])
    for case in training_cases(data, dataset, model.bundle.scheme):
        if case.name in without:
            continue
        study = case.read()
        if all_cases or study.sha256 in held_out:
            yield replace(study, name=case.name)


def ef_errors(result: Segmentation, study: Study) -> dict[str, float | None]:
    """Ejection fraction less the reference's in points, per ventricle, at the given phases and at the found ones.

    The reference's is its own at the given phases. None where a phase is not known, or not drawn.
    """
    phases, given = result.measures["phases"], (study.facts.ed_index, study.facts.es_index)
    truth: dict[str, Any] = {}
    if study.labels is not None and None not in given:
        truth = measure_case(study, study.labels.array, study.labels.scheme)
    errors: dict[str, float | None] = {}
    for name, (ed, es) in (("given", given), ("found", (phases["found_ed_index"], phases["found_es_index"]))):
        told = {} if ed is None or es is None else segment_measures_at(result, study, (ed, es))
        for side in ("lv", "rv"):
            ours, theirs = (measures.get(side, {}).get("ef_percent") for measures in (told, truth))
            errors[f"{side}_{name}"] = None if ours is None or theirs is None else ours - theirs
    return errors


def found_ef_errors(result: Segmentation, study: Study) -> dict[str, Any]:
    """Found phases against the given ones, for a cine of more than two frames; the beat is a circle."""
    phases, count = result.measures["phases"], study.n_frames
    given, found = study.facts, (phases["found_ed_index"], phases["found_es_index"])
    if count <= 2 or None in (*found, given.ed_index, given.es_index):
        return {}
    off = [
        (f - g + count // 2) % count - count // 2 for f, g in zip(found, (given.ed_index, given.es_index), strict=True)
    ]
    at_found = segment_measures_at(result, study, found)
    return {
        "ed_frames_off": off[0],
        "es_frames_off": off[1],
        "ef_at_given": result.measures["lv"]["ef_percent"],
        "ef_at_found": at_found["lv"]["ef_percent"],
    }


def segment_measures_at(result: Segmentation, study: Study, phases: tuple[int, int]) -> dict[str, Any]:
    """The measures of the same labels at other phases."""
    facts = replace(study.facts, ed_index=phases[0], es_index=phases[1])
    return measure_case(study, result.labels, result.scheme, facts)


def main() -> None:
    """Segment, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--dataset", default="acdc")
    parser.add_argument("--all-cases", action="store_true")
    parser.add_argument("--frames-alone", action="store_true", help="leave out the repair that looks at all frames")
    parser.add_argument("--without", action="append", default=[], metavar="CASE", help="leave this case out")
    parser.add_argument("--out", type=Path, help="also write every row and fault as JSON")
    options = parser.parse_args()
    compute = choose_compute()
    model = ready_model(options.model, compute)
    if options.frames_alone:
        model = replace(model, method=replace(model.method, beat_repairs={}))
    rows, faults, phases, errors, sure = [], [], {}, {}, {}
    for study in unseen_studies(model, options.data, options.dataset, options.all_cases, options.without):
        result = segment_study(study, model, compute)
        rows += evaluate_case(study, result.labels, result.scheme)
        faults += missed_on_mid_slices(study, result.labels, result.scheme)
        phases[study.name] = found_ef_errors(result, study)
        errors[study.name] = ef_errors(result, study)
        sure[study.name] = result.measures["certainty"][KEY]
    summary = summarise(rows)
    print_table(summary, faults, {name: off for name, off in phases.items() if off})
    print_ef_errors(errors)
    if options.out:
        written = {"summary": summary, "rows": rows, "faults": faults, "ef_errors": errors, "heart_probabilities": sure}
        options.out.write_text(json.dumps(written, indent=1))


def print_table(summary: dict[str, Any], faults: list[dict[str, Any]], phases: dict[str, Any]) -> None:
    """The summary as Markdown."""
    dice = summary["dice"]
    print(f"patients {summary['n_cases']}, mean DSC {dice['mean']:.4f} (n {dice['n']}, missed {dice['n_missed']})")
    print("\n| structure | phase | DSC | HD mm | HD95 mm | ASSD mm |\n|---|---|---|---|---|---|")
    for structure, by_phase in summary["by_structure"].items():
        for phase, scores in by_phase.items():
            cells = (scores[name]["mean"] for name in ("dice", "hd_mm", "hd95_mm", "assd_mm"))
            shown = " | ".join("-" if value is None else f"{value:.3f}" for value in cells)
            print(f"| {Structure(structure).value} | {phase} | {shown} |")
    print("\n| index | n | mean absolute error | bias | SD | r |\n|---|---|---|---|---|---|")
    for side, indices in summary["agreement"].items():
        for name, held in indices.items():
            if held["n"]:
                cells = (held[key] for key in ("mae", "bias", "sd", "pearson"))
                shown = " | ".join("-" if value is None else f"{value:.2f}" for value in cells)
                print(f"| {side}.{name} | {held['n']} | {shown} |")
    print(f"\nfaults on middle slices: {len(faults)}")
    for fault in faults:
        print(
            f"- {fault['case']} {fault['phase']} slice {fault['slice_number']}: {fault['structure']} {fault['outcome']}"
        )
    for name, off in phases.items():
        print(
            f"- {name}: found ED {off['ed_frames_off']:+d}, ES {off['es_frames_off']:+d} frames from the given; "
            f"LVEF {off['ef_at_given']:.1f} % at the given, {off['ef_at_found']:.1f} % at the found"
        )


def print_ef_errors(errors: dict[str, dict[str, float | None]]) -> None:
    """One row per patient, the largest error of left-ventricular ejection fraction first; unknown ones last."""
    keys = ("lv_given", "lv_found", "rv_given", "rv_found")
    print("\nError of ejection fraction in points, at the given and at the found phases\n")
    print("| patient | LV given | LV found | RV given | RV found |\n|---|---|---|---|---|")
    for name, found in sorted(errors.items(), key=lambda item: -abs(item[1]["lv_given"] or 0.0)):
        shown = " | ".join("-" if found[key] is None else f"{found[key]:+.1f}" for key in keys)
        print(f"| {name} | {shown} |")


if __name__ == "__main__":
    main()
