"""The faults are the ones meant, and a trial tells a test that notices one from a test that does not."""

from __future__ import annotations

from pathlib import Path

from tests.mutation.faults import faults_of
from tests.mutation.targets import TARGETS

ROOT = Path(__file__).parents[2]
SOURCE = '''
LIMIT = 3
Pairs = list[int]

def larger(a: int, b: int = 1) -> bool:
    """True where a is larger."""
    if not a:
        raise ValueError("a is 0 and not 1")
    total = a + b
    return total > LIMIT and b == 1
'''


def test_every_comparison_number_sign_condition_result_and_statement_is_changed_once() -> None:
    names = [fault.name.split(": ", 1)[1] for fault in faults_of(SOURCE)]
    assert names == [
        "LIMIT = 3  ->  pass",
        "3  ->  4",
        "3  ->  2",
        "1  ->  2",
        "1  ->  0",
        "if not a:  ->  if not not a:",
        "not a  ->  a",
        "raise ValueError('a is 0 and not 1')  ->  pass",
        "total = a + b  ->  pass",
        "a + b  ->  a - b",
        "return total > LIMIT and b == 1  ->  return None",
        "total > LIMIT and b == 1  ->  total > LIMIT or b == 1",
        "total > LIMIT  ->  total >= LIMIT",
        "b == 1  ->  b != 1",
        "1  ->  2",
        "1  ->  0",
    ]


def test_a_faulty_module_differs_in_one_place_and_compiles() -> None:
    made = [fault.source for fault in faults_of(SOURCE)]
    assert len(set(made)) == len(made)
    for source in made:
        compile(source, "faulty", "exec")


def test_every_target_is_there_with_its_tests() -> None:
    for name, tests in TARGETS.items():
        assert (ROOT / "src" / "shortaxis" / f"{name.replace('.', '/')}.py").is_file(), name
        assert all((ROOT / test).is_file() for test in tests), name
