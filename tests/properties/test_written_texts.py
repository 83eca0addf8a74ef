"""What is written as JSON, CSV or text is read back with the meaning it had."""

from __future__ import annotations

import csv
import json

from hypothesis import given
from hypothesis import strategies as st

from shortaxis.files.json_file import read_json
from shortaxis.files.table import read_table
from shortaxis.files.writer import write_csv, write_json, write_text
from tests.properties.strategies import JSON_VALUES

FORMULA = ("=", "+", "-", "@")
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=12)
FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(JSON_VALUES)
def test_json_comes_back_as_it_was(tmp_path_factory, value):
    path = tmp_path_factory.getbasetemp() / "value.json"
    write_json(path, value)
    assert read_json(path) == value == json.loads(path.read_text("utf-8"))


@given(st.lists(st.fixed_dictionaries({"case": CELLS, "ef_percent": FINITE | st.none()}), min_size=1, max_size=6))
def test_a_table_comes_back_cell_by_cell_and_no_cell_is_a_formula(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "table.csv"
    write_csv(path, rows)
    with path.open(newline="", encoding="utf-8") as stream:
        read = list(csv.DictReader(stream))
    assert len(read) == len(rows) and read == read_table(path)
    for row, again in zip(rows, read, strict=True):
        assert again["case"].removeprefix("'") == row["case"].removeprefix("'")
        assert not again["case"].startswith(FORMULA) or _is_number(again["case"])
        stated = row["ef_percent"]
        assert again["ef_percent"] == "" if stated is None else float(again["ef_percent"]) == stated


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_a_text_comes_back_with_one_newline_at_its_end(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "text.txt"
    write_text(path, text)
    assert path.read_bytes().decode("utf-8") == (text if text.endswith("\n") else text + "\n")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
