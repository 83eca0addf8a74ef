"""Tables, figures and one page of a comparison's scores: of what is done so far."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from shortaxis import __version__
from shortaxis.core.labels import LabelScheme, Structure
from shortaxis.core.study import Study
from shortaxis.experiments.compare.patients import drawn_frames_alone, plan_cases
from shortaxis.experiments.compare.plan import Plan
from shortaxis.experiments.compare.quick import NOTE
from shortaxis.experiments.compare.results import Result, read_results, shared_cases
from shortaxis.experiments.compare.values import phases_of
from shortaxis.experiments.reproduce.in_comparison import published_tables
from shortaxis.experiments.show.calibration_tables import calibration_table, judged_structures, reliability_figure
from shortaxis.experiments.show.case_tables import elsewhere_table, outliers_table, positions_table
from shortaxis.experiments.show.course_tables import epochs_table, learning_table, stages_table
from shortaxis.experiments.show.figures import box_plots
from shortaxis.experiments.show.panels import LEGEND, Masks
from shortaxis.experiments.show.pictures import qualitative_grid, read_masks, typical_case, worst_cases, worst_gallery
from shortaxis.experiments.show.slice_tables import located_table, slices_table
from shortaxis.experiments.show.tables import costs_table, differences_table, structures_table, summary_table
from shortaxis.experiments.table import Table
from shortaxis.files.writer import write_bytes, write_text
from shortaxis.report.markdown import headed
from shortaxis.report.page import render_page

PAGE, MARKDOWN = "index.html", "tables.md"
RELIABILITY = (
    "How often a predicted probability came true, over all held-out patients' voxels near the heart; on the dashed line it"
    " means what it says, below it the network is too sure. A bin of fewer than 100 voxels is not drawn. Beneath: the"
    " share of voxels in each bin."
)
NO_MATPLOTLIB = "Figures need matplotlib, which is not installed: pip install shortaxis[figures]"


@dataclass(frozen=True)
class Shown:
    """A figure of the page: PNG bytes, its title, and what a reader must know."""

    name: str
    title: str
    png: bytes
    caption: str

    @property
    def base64(self) -> str:
        """As the page holds it."""
        return base64.b64encode(self.png).decode("ascii")


def publish(plan: Plan) -> Path:
    """Write `tables.md`, `tables/*.csv`, `figures/*.png` and `index.html` into `OUT`; the page's path.

    Pictures of patients go nowhere else. Without matplotlib there are no figures, and the page says so.
    """
    results = read_results(plan)
    tables = every_table(results, plan) if results else []
    about = told_about(plan, results)
    for table in tables:
        table.write_csv(plan.out / "tables")
    write_text(
        plan.out / MARKDOWN, "\n\n".join([headed("Comparison"), *about, *(table.markdown() for table in tables)])
    )
    figures = list(every_figure(results, plan)) if results and find_spec("matplotlib") else []
    for figure in figures:
        write_bytes(plan.out / "figures" / f"{figure.name}.png", figure.png)
    if results and not figures:
        about.append(NO_MATPLOTLIB)
    title = f"{len(results)} entr{'y' if len(results) == 1 else 'ies'} on {plan.dataset}"
    page = render_page("compare.html.jinja", "compare.css", title=title, about=about, tables=tables, figures=figures)
    write_text(plan.out / PAGE, page)
    return plan.out / PAGE


def every_table(results: Sequence[Result], plan: Plan) -> list[Table]:
    """All tables in the order of the page."""
    return [
        summary_table(results),
        structures_table(results),
        slices_table(results),
        differences_table(results, plan.reference_label),
        learning_table(results, plan),
        outliers_table(results),
        positions_table(results),
        calibration_table(results),
        located_table(results),
        epochs_table(results),
        elsewhere_table(results, plan),
        costs_table(results),
        stages_table(results),
        *(published_tables(plan) if plan.published else ()),
    ]


def told_about(plan: Plan, results: Sequence[Result]) -> list[str]:
    """What stands over everything: data, split, budget, what is not done yet."""
    folds = sorted({number for result in results for number in result.folds})
    held_out = len(shared_cases(results)) if results else 0
    budget, given = plan.budget, [entry.label for entry in plan.entries if entry.trained_elsewhere]
    lines = [
        f"Data: {plan.dataset}, {held_out} held-out patients, fold {', '.join(map(str, folds)) or 'none yet'}"
        f" ({plan.split or 'made by patient'}; folds.json). One split for all. shortaxis {__version__}."
    ]
    if len(given) < len(plan.entries):
        lines.append(
            f"Budget: {budget.steps} optimiser steps of {budget.slices} slices; locators at most"
            f" {budget.locator_steps or budget.steps} steps of their own batch."
        )
    if given:
        lines.append(f"Trained elsewhere, with budgets of their own (see the summary): {', '.join(given)}.")
    missing = [entry.label for entry in plan.entries if entry.label not in {result.label for result in results}]
    uneven = sorted({len(result.folds) for result in results})
    if missing or len(uneven) > 1:
        lines.append(f"Not finished: {', '.join(missing) or 'some folds of some entries'}. The same command goes on.")
    return [NOTE, *lines] if plan.dataset == "phantom" else lines


def every_figure(results: Sequence[Result], plan: Plan) -> Iterator[Shown]:
    """Box plots, then pictures of patients."""
    note = "Box: quartiles and median over patients; whiskers: 1.5 IQR; dots: outliers; hatched: without the ROI stage."
    yield Shown("box_dsc", "DSC", box_plots(results, "dice", "DSC", "DSC"), note + " A structure missed counts 0.")
    missed = note + " A structure that was missed has no distance."
    yield Shown("box_hd95", "HD95", box_plots(results, "hd95_mm", "HD95", "mm"), missed)
    if judged_structures(results):
        yield Shown("reliability", "Reliability", reliability_figure(results), RELIABILITY)
    study_of = _reader(plan)
    reference = next((result for result in results if result.label == plan.reference_label), results[0])
    case = typical_case(reference)
    study = study_of(case)
    masks = [(r.label, held) for r in results if (held := _masks(r, case, study)) is not None]
    for phase in phases_of(results):
        caption = f"{case}, whose DSC is the median of {reference.label}'s patients. Rows from apex to base. {LEGEND}"
        yield Shown(f"grid_{phase.lower()}", f"Methods, {phase}", qualitative_grid(study, phase, masks), caption)
    for result in results:
        rows = [
            (f"{case}, {phase}", shown, phase, held)
            for case, phase in worst_cases(result)
            if (held := _masks(result, case, shown := study_of(case))) is not None
        ]
        if rows:
            caption = f"The patients with the lowest DSC. {LEGEND}"
            yield Shown(f"worst_{result.entry.folder}", f"Worst cases, {result.label}", worst_gallery(rows), caption)


def _masks(result: Result, case: str, study: Study) -> Masks | None:
    codes = {int(code): Structure(name) for code, name in result.first["scheme"].items()}
    return read_masks(result, case, study, LabelScheme("of the model", codes))


def _reader(plan: Plan) -> Callable[[str], Study]:
    cases = {case.name: case for case in plan_cases(plan)[0]}
    return lambda name: drawn_frames_alone(replace(cases[name].read(), name=name))
