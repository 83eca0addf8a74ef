"""No command reaches for a network: watched by an audit hook in the program and in every interpreter that it starts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.commands import command_names
from tests.network.every_command import runs

ROOT = Path(__file__).parents[2]
SITE = Path(__file__).parent / "site"
COMMANDS = sorted(command_names())


def watched(log: Path, *words: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """An interpreter whose every audit event of a network is written to `log`."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(SITE), str(ROOT)]),
        "SHORTAXIS_NETWORK_LOG": str(log),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(
        [*before, sys.executable, *words], capture_output=True, text=True, timeout=900, env=environment, check=False
    )


def reached(log: Path) -> list[str]:
    return log.read_text("utf-8").splitlines() if log.exists() else []


@dataclass(frozen=True)
class Runs:
    ends: dict[str, tuple[int, str]]
    reached: list[str]


def cut_off() -> tuple[str, ...]:
    """What runs a program in a network of its own that leads nowhere, where this user may do that."""
    command = ("unshare", "--user", "--map-root-user", "--net")
    if shutil.which("unshare") is None:
        return ()
    tried = subprocess.run([*command, "true"], capture_output=True, check=False)
    return command if tried.returncode == 0 else ()


@pytest.fixture(scope="module")
def all_runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Every command, watched; where the system allows it also without any network to reach."""
    folder = tmp_path_factory.mktemp("commands")
    log = folder / "reached.txt"
    done = watched(log, "-m", "tests.network.every_command", str(folder), before=cut_off())
    assert done.returncode == 0, done.stderr[-3000:]
    return Runs(json.loads(done.stdout.splitlines()[-1]), reached(log))


def test_there_is_a_run_of_every_command() -> None:
    assert sorted(runs(Path())) == COMMANDS


def test_the_watch_sees_sockets_look_ups_downloads_and_other_programs_also_in_children(tmp_path: Path) -> None:
    tries = (
        "import socket, subprocess, sys, urllib.request\n"
        "def attempt(function, *given):\n"
        "    try: function(*given)\n"
        "    except OSError: pass\n"
        "attempt(socket.create_connection, ('127.0.0.1', 9), 0.1)\n"
        "attempt(socket.getaddrinfo, '127.0.0.1', 9)\n"
        "attempt(urllib.request.urlopen, 'http://127.0.0.1:9', None, 0.1)\n"
        "attempt(subprocess.run, ['true'])\n"
        "subprocess.run([sys.executable, '-P', '-c', 'import socket; socket.socket()'])\n"
        "socket.socketpair()\n"
    )
    log = tmp_path / "log"
    watched(log, "-c", tries)
    kinds = [line.split()[1] for line in reached(log)]
    assert {"socket.__new__", "socket.connect", "socket.getaddrinfo", "urllib.Request", "subprocess.Popen"} <= set(
        kinds
    )
    assert kinds[-1] == "socket.__new__"  # the child's; the pair is none of a network


def test_importing_the_program_and_all_its_modules_opens_no_socket(tmp_path: Path) -> None:
    everything = (
        "import importlib, pkgutil, shortaxis\n"
        "names = [m.name for m in pkgutil.walk_packages(shortaxis.__path__, 'shortaxis.')]\n"
        "for name in names:\n"
        "    if not name.endswith('__main__'): importlib.import_module(name)\n"
        "print(len(names))"
    )
    done = watched(tmp_path / "log", "-c", everything)
    assert int(done.stdout) > 100, done.stderr[-2000:]
    assert reached(tmp_path / "log") == []


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_does_its_work_and_reaches_for_no_network(command: str, all_runs: Runs) -> None:
    status, said = all_runs.ends[command]
    assert status == 0, said
    assert [line for line in all_runs.reached if line.startswith(f"{command}: ")] == []


def test_nothing_else_was_reached_for_either(all_runs: Runs) -> None:
    assert all_runs.reached == []
