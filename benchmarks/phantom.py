"""The installed model (or `--model`) on phantoms of known ejection fraction. A smoke test, never evidence.

python benchmarks/phantom.py [--model FILE]
"""

from __future__ import annotations

import argparse

from shortaxis.core.compute import choose_compute
from shortaxis.core.labels import Structure
from shortaxis.jobs.models import locate_model, ready_model
from shortaxis.jobs.segment import segment_study
from shortaxis.measure.evaluate import evaluate_case
from shortaxis.read.phantom import PhantomRecipe, make_phantom


def main() -> None:
    """Segment three phantoms and print measured beside true."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model")
    parser.add_argument("--ef", type=float, nargs="+", default=[25.0, 45.0, 60.0])
    options = parser.parse_args()
    compute = choose_compute()
    model = ready_model(locate_model(options.model, None), compute)
    print(
        "| true LVEF % | measured | at ED and ES of the truth: LV DSC | RV DSC | myocardium DSC |\n|---|---|---|---|---|"
    )
    for ef_percent in options.ef:
        phantom = make_phantom(PhantomRecipe(ef_percent=ef_percent))
        result = segment_study(phantom.study, model, compute)
        phases = {phantom.truth.ed_index, phantom.truth.es_index}
        rows = [r for r in evaluate_case(phantom.study, result.labels, result.scheme) if r["frame_index"] in phases]
        scores = [
            " / ".join(f"{row['dice']:.3f}" for row in rows if row["structure"] == structure.value)
            for structure in (Structure.LV_CAVITY, Structure.RV_CAVITY, Structure.MYOCARDIUM)
        ]
        measured = result.measures["lv"]["ef_percent"]
        shown = "not defined" if measured is None else f"{measured:.1f}"
        print(f"| {phantom.truth.lv.ef_percent:.1f} | {shown} | {' | '.join(scores)} |")


if __name__ == "__main__":
    main()
