"""The bill of materials names everything that the program runs on, with version and licence, the same each time."""

from __future__ import annotations

import json
import re
import runpy
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
SBOM = runpy.run_path(str(ROOT / "tools" / "sbom.py"))


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    return SBOM["bill_of_materials"]()


def test_every_dependency_that_the_project_states_is_in_it_as_installed(bill: dict[str, Any]) -> None:
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    names = {re.split(r"[<>=~! ]", line)[0] for line in stated}
    found = {part["name"]: part["version"] for part in bill["components"]}
    assert {name: found.get(name) for name in names} == {name: version(name) for name in names}


def test_what_only_tests_need_is_not_in_it(bill: dict[str, Any]) -> None:
    assert not {part["name"] for part in bill["components"]} & {"pytest", "ruff", "hypothesis", "pyright", "monai"}


def test_every_part_states_a_licence_and_a_hash_of_its_wheel(bill: dict[str, Any]) -> None:
    for part in bill["components"]:
        assert part["licenses"][0]["license"]["name"] != SBOM["UNKNOWN"], part["name"]
        assert re.fullmatch(r"[0-9a-f]{64}", part["properties"][0]["value"]), part["name"]


def test_who_needs_whom_names_parts_that_are_there(bill: dict[str, Any]) -> None:
    parts = {part["bom-ref"] for part in [bill["metadata"]["component"], *bill["components"]]}
    assert {line["ref"] for line in bill["dependencies"]} == parts
    assert {needed for line in bill["dependencies"] for needed in line["dependsOn"]} <= parts


def test_the_same_environment_gives_the_same_bill(bill: dict[str, Any]) -> None:
    assert json.dumps(SBOM["bill_of_materials"]()) == json.dumps(bill)
