"""The papers' figures as data: every table is there, whole, and agrees with what else the papers print of it."""

from __future__ import annotations

import re

import pytest

from shortaxis.core.errors import UnknownName
from shortaxis.experiments.compare.ablations import ABLATIONS
from shortaxis.experiments.compare.values import PHASES, STRUCTURES
from shortaxis.experiments.published.paper import (
    EMPTY,
    PublishedTable,
    Row,
    data_set,
    number_of,
    paper_named,
    paper_names,
)
from shortaxis.jobs.training_cases import DATASETS
from shortaxis.methods import method_names

TABLES = {  # each results table that the papers number, with its rows and columns; `-text` stand in the text
    "attention-mnet": {"I": (6, 9)},
    "dadu": {"1": (2, 6), "2": (5, 12), "3": (8, 12), "5-text": (1, 4)},
    "foanet": {"I": (7, 3), "II": (4, 4)},
    "halsrnet": {
        "1": (3, 3),
        "3": (3, 3),
        "4": (10, 6),
        "5": (10, 6),
        "6": (4, 3),
        "7": (10, 6),
        "8": (3, 9),
        "9": (7, 4),
        "7-text": (3, 3),
        "9-text": (2, 3),
    },
    "uncertainty-unet": {"1": (2, 12), "2": (4, 9), "figure-2": (2, 12)},
}
WITHOUT_NUMBERS = ("figure-2",)  # drawn in the paper, printed nowhere  # fmt: skip
EVERY = [(paper, name) for paper, tables in TABLES.items() for name in tables]


def table_of(paper: str, name: str) -> PublishedTable:
    return paper_named(paper).table_named(name)


def cell(paper: str, table: str, row: str, column: str) -> float:
    found = table_of(paper, table)
    names = [held.name for held in paper_named(paper).columns_of(found)]
    number = number_of(found.row_named(row).values[names.index(column)])
    assert number is not None
    return number


def every_row() -> list[tuple[str, PublishedTable, Row]]:
    return [(paper, table_of(paper, name), row) for paper, name in EVERY for row in table_of(paper, name).row]


def test_the_five_papers_are_there() -> None:
    assert paper_names() == sorted(TABLES)


@pytest.mark.parametrize("paper", TABLES)
def test_every_table_is_there_and_no_other(paper: str) -> None:
    assert {table.name for table in paper_named(paper).table} == set(TABLES[paper])


@pytest.mark.parametrize(("paper", "name"), EVERY)
def test_a_table_has_its_rows_and_columns_whole(paper: str, name: str) -> None:
    table = table_of(paper, name)
    rows, columns = TABLES[paper][name]
    assert (len(table.row), len(paper_named(paper).columns_of(table))) == (rows, columns)
    assert {len(row.values) for row in table.row} == {columns}
    assert len({row.name for row in table.row}) == rows
    assert all(
        any(number_of(value) is not None for value in row.values) != (name in WITHOUT_NUMBERS) for row in table.row
    )
    assert table.caption and table.section and table.split
    assert data_set(table.data).layout in {*DATASETS, ""}


def test_every_row_is_a_method_here_or_says_why_not() -> None:
    for paper, table, row in every_row():
        assert bool(row.method) != bool(row.why), (paper, table.name, row.name)
        assert not row.method or row.method in method_names()
        if row.ablation and row.method in ABLATIONS:
            assert row.ablation in ABLATIONS[row.method]


def test_foanets_rows_are_configurations_of_its_table() -> None:
    from shortaxis.methods.foanet import TABLE_I

    assert {row.ablation for row in table_of("foanet", "I").row if row.method == "foanet"} <= set(TABLE_I)


def test_every_column_is_defined_and_says_what_stands_beside_it() -> None:
    for paper, name in EVERY:
        for column in paper_named(paper).columns_of(table_of(paper, name)):
            assert column.says, (paper, name, column.name)
            assert column.ours or column.differs, f"{paper} {name} {column.name}: no word why there is nothing of ours"
            assert set(column.structures) <= set(STRUCTURES) and set(column.phases) <= set(PHASES)


def test_text_stands_only_where_the_papers_have_text() -> None:
    texts = {value for _, _, row in every_row() for value in row.values if isinstance(value, str)}
    assert texts == {*EMPTY, "< 2 s", "< 2 min", "No", "Yes"}


def test_shares_and_probabilities_are_in_their_bounds() -> None:
    shares = re.compile(r"\b(Acc|Dice|DSC|DC|BDC|Jaccard|Sensitivity|Specificity|PPV|NPV)\b")
    for paper, name in EVERY:
        table = table_of(paper, name)
        for at, column in enumerate(paper_named(paper).columns_of(table)):
            top = 100 if column.unit == "%" else 1
            numbers = [number_of(row.values[at]) for row in table.row]
            if shares.search(column.name) and "SD" not in column.name:
                assert all(0.2 * top < number <= top for number in numbers if number is not None), (name, column.name)


def test_halsrnets_images_add_up_to_the_totals_in_its_text() -> None:
    sums = {row.name: sum(number_of(value) or 0 for value in row.values) for row in table_of("halsrnet", "1").row}
    assert sums == {"In-house": 3241, "ACDC": 2924, "LVQuan19": 1161}


def test_halsrnets_lead_over_the_next_is_what_its_text_says() -> None:
    assert cell("halsrnet", "6", "HALSR-Net", "Dice") - cell("halsrnet", "6", "DSGA-Net", "Dice") == pytest.approx(0.01)
    assert cell("halsrnet", "6", "ARW-Net", "HD") - cell("halsrnet", "6", "HALSR-Net", "HD") == pytest.approx(0.54)


def test_halsrnets_best_row_is_the_last_of_each_accuracy_table() -> None:
    for name in ("4", "5", "7"):
        table = table_of("halsrnet", name)
        test = [number_of(row.values[4]) for row in table.row]
        assert table.row[-1].name == "HALSR-Net" and test[-1] == max(number for number in test if number is not None)


def test_mnets_distances_in_mm_are_its_pixels_of_0_1307_mm() -> None:
    for row in table_of("attention-mnet", "I").row:
        pixels, mm = number_of(row.values[3]), number_of(row.values[4])
        assert pixels is not None and mm == pytest.approx(pixels * 0.1307, abs=0.005 * 0.1307 + 5e-5)


def test_mnets_distances_differ_as_its_text_says() -> None:
    pixels = [number_of(row.values[3]) or 0 for row in table_of("attention-mnet", "I").row]
    assert pixels[1] - pixels[0] == pytest.approx(-0.2142, abs=0.01)  # 2D to 3D U-Net
    assert pixels[5] - pixels[4] == pytest.approx(3.1754 - 4.0026, abs=0.01)  # the distance loss


def test_mnets_jaccard_is_near_what_its_dice_implies() -> None:
    for row in table_of("attention-mnet", "I").row:
        dice, jaccard = number_of(row.values[1]), number_of(row.values[2])
        assert dice is not None and jaccard == pytest.approx(dice / (2 - dice), abs=0.01)  # of means, so not exactly


def test_foanets_gains_in_95hd_are_those_of_its_text() -> None:
    far = [number_of(row.values[1]) or 0 for row in table_of("foanet", "I").row]
    assert far[0] - far[1] == pytest.approx(0.9772, abs=0.001) and far[1] - far[2] == pytest.approx(0.1893, abs=0.001)


def test_the_uncertainty_papers_two_tables_agree_to_the_rounding() -> None:
    pairs = {"Myo DSC": "Myo DSC", "Myo HD": "Myo HD", "Inf DSC": "Inf DSC", "Inf VD": "Inf VD"}
    for first, second in pairs.items():
        ours, theirs = (cell("uncertainty-unet", t, "Proposed", c) for t, c in (("1", first), ("2", second)))
        assert ours == pytest.approx(theirs, abs=0.051)
    fallen = [cell("uncertainty-unet", "2", row, "Inf PD") for row in ("Zhang", "Proposed")]
    assert fallen == [2.38, 2.29]


def test_dadus_tables_disagree_only_where_their_notes_say_so() -> None:
    phases = {"ED": "End-diastole", "ES": "End-systole"}
    apart: dict[str, tuple[float, float]] = {}
    for structure in ("LV", "RV", "LMyo"):
        for measure in ("DSC", "HD"):
            for phase, row in phases.items():
                first = cell("dadu", "1", row, f"{measure} {structure}")
                third = cell("dadu", "3", "DADU", f"{structure} {measure} {phase}")
                if first != third:
                    apart[f"{structure} {measure} {phase}"] = first, third
    assert apart == {"LMyo HD ED": (8.3, 8.2), "LMyo HD ES": (6.4, 6.3)}
    assert cell("dadu", "2", "epoch 100", "ED HD RV") == 16.4


def test_the_figures_in_the_documents_are_these(pytestconfig: pytest.Config) -> None:
    root = pytestconfig.rootpath / "docs" / "papers"
    lines = (root / "dadu.md").read_text("utf-8").splitlines()
    row = next(line for line in lines if line.startswith("| DSC, table 2, epoch 60 "))
    order = [f"{phase} DSC {s}" for s in ("LV", "RV", "LMyo") for phase in ("ED", "ES")]
    assert [float(text) for text in row.split("|")[2:-1]] == [cell("dadu", "2", "epoch 60", name) for name in order]
    mnet = (root / "attention-mnet.md").read_text("utf-8")
    for held in table_of("attention-mnet", "I").row:
        dice, jaccard = held.values[1:3]
        assert f"{dice:.4f} | {jaccard:.4f}" in mnet


@pytest.mark.parametrize(
    ("asked", "near"), [("halsr-net", "halsrnet"), ("dada", "dadu"), ("mnet", "attention-mnet"), ("fonet", "foanet")]
)
def test_an_unknown_paper_is_refused_with_the_nearest(asked: str, near: str) -> None:
    with pytest.raises(UnknownName, match=f"did you mean '{near}'"):
        paper_named(asked)


def test_an_unknown_table_or_row_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="1, 3, 4, 5, 6, 7, 8, 9"):
        paper_named("halsrnet").table_named("10")
    with pytest.raises(UnknownName, match="did you mean 'ResUNet'"):
        table_of("halsrnet", "5").row_named("ResUnet")


def test_a_table_is_found_as_people_write_it() -> None:
    for written in ("I", "i", "Table I", "table i."):
        assert paper_named("attention-mnet").table_named(written).name == "I"
