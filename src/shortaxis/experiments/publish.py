"""Tables, figures and one page of a comparison's scores."""

from __future__ import annotations

from pathlib import Path

from shortaxis.experiments.plan import Plan
from shortaxis.experiments.results import read_results
from shortaxis.files.writer import write_text


def publish(plan: Plan) -> Path:
    """Write what there is so far."""
    results = read_results(plan)
    write_text(plan.out / "tables.md", str([(r.label, len(r.every("rows"))) for r in results]))
    return plan.out
