"""Every bad input is refused with the code meant for it, at once, and says what, where, and the way out."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from shortaxis.cli.exit_codes import Exit
from shortaxis.cli.main import status_of
from shortaxis.core.errors import ShortaxisError
from tests.attacks import configuration_attacks, dicom_attacks, mat_attacks, nifti_attacks, weights_attacks
from tests.attacks.attack import Attack, as_segment_reads

EVERY: tuple[Attack, ...] = (
    *nifti_attacks.ATTACKS,
    *dicom_attacks.ATTACKS,
    *mat_attacks.ATTACKS,
    *weights_attacks.ATTACKS,
    *configuration_attacks.ATTACKS,
)
AT_ONCE_S = 60.0  # on a machine at work for others too; most take milliseconds
OF_SCANS = [attack for attack in EVERY if attack.opens is as_segment_reads]


def name_of(attack: Attack) -> str:
    return attack.name.replace(" ", "-")


@pytest.mark.parametrize("attack", EVERY, ids=name_of)
def test_it_is_refused_with_its_code_and_a_way_out(attack: Attack, tmp_path: Path) -> None:
    path = attack.make(tmp_path / "in")
    began = time.perf_counter()
    with pytest.raises(ShortaxisError) as caught:
        attack.opens(path)
    refusal = caught.value
    assert re.fullmatch(attack.code, refusal.code), refusal.describe()
    assert time.perf_counter() - began < AT_ONCE_S
    assert refusal.expected and refusal.found and refusal.way_out and refusal.path is not None
    assert re.search(attack.says, refusal.describe(), re.DOTALL), refusal.describe()


@pytest.mark.parametrize("attack", OF_SCANS[::4], ids=name_of)
def test_the_command_line_names_it_in_words_and_by_its_exit_status(
    attack: Attack, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    status = status_of(["check", str(attack.make(tmp_path / "in"))])
    told = "".join(capfd.readouterr())
    assert status in (Exit.INPUT_REFUSED, Exit.SOME_FAILED) and attack.code in told
    assert "Traceback" not in told and "SA-E999" not in told


def test_no_name_stands_twice_and_there_are_enough() -> None:
    names = [attack.name for attack in EVERY]
    assert len(set(names)) == len(names) >= 80
